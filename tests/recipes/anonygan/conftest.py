"""Faces that AnonyGAN's commands can work on."""

from pathlib import Path

import pytest
from drawn_folder import drawn_folder


@pytest.fixture(scope="session")
def face_folder(tmp_path_factory) -> Path:
    """A prepared folder: three people to train on, two for testing, three images each."""
    return drawn_folder(tmp_path_factory.mktemp("faces"), 5, 3, size=48, test_people=2)


@pytest.fixture(scope="session")
def tiny(face_folder) -> list[str]:
    """Flags of a run of a few seconds; later flags replace earlier ones."""
    flags = "--width 4 --blocks 1 --discriminator-width 4 --batch-size 4 --device cpu"
    return [*flags.split(), "--precision", "32-true", "--steps", "6", "--data", str(face_folder)]
