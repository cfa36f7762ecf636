"""Faces that AnonyGAN's commands can work on."""

from pathlib import Path

import pytest

from graphgan.data.images import write_image
from graphgan.data.photos import Photo
from graphgan.data.preparing import prepare_pictures
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.landmarks.schemes import IBUG_68


@pytest.fixture(scope="session")
def face_folder(tmp_path_factory) -> Path:
    """A prepared folder: three people to train on, two for testing, three pictures each."""
    root = tmp_path_factory.mktemp("faces")
    faces = SyntheticFaces(5, 3, size=64)
    photos, landmarks = [], {}
    for i, (image, points) in enumerate(faces[i] for i in range(len(faces))):
        source = f"p{i // 3}/{i % 3}.png"
        path = root / "photos" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, image)
        landmarks[source] = points
        photos.append(Photo(path, source, source.split("/")[0]))
    prepare_pictures(
        photos,
        landmarks,
        root / "prepared",
        size=(48, 48),
        scheme=IBUG_68,
        crop="face",
        test_people=2,
        options={},
    )
    return root / "prepared"


@pytest.fixture(scope="session")
def tiny(face_folder) -> list[str]:
    """Flags of a run of a few seconds; later flags replace earlier ones."""
    flags = "--width 4 --blocks 1 --discriminator-width 4 --batch-size 4 --device cpu"
    return [*flags.split(), "--precision", "32-true", "--steps", "6", "--data", str(face_folder)]
