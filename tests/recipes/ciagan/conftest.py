"""Faces that CIAGAN's commands can work on."""

from pathlib import Path

import pytest
from drawn_folder import drawn_folder


@pytest.fixture(scope="session")
def prepare(tmp_path_factory):
    """Makes prepared folders of drawn faces, three images a person; the last two for testing."""

    def prepare(people: int, *, size: int = 64, test_people: int = 2) -> Path:
        root = tmp_path_factory.mktemp("faces")
        return drawn_folder(root, people, 3, size=size, test_people=test_people)

    return prepare


@pytest.fixture(scope="session")
def face_folder(prepare) -> Path:
    """Three people to train on, two for testing."""
    return prepare(5)


@pytest.fixture(scope="session")
def tiny(face_folder) -> list[str]:
    """Flags of a run of a few seconds; later flags replace earlier ones."""
    flags = "--width 2 --blocks 1 --critic-width 4 --identity-width 4 --batch-size 4 --device cpu"
    more = "--precision 32-true --steps 6 --critic-steps 2 --log-every 2"
    return [*flags.split(), *more.split(), "--data", str(face_folder)]
