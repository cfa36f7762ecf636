"""Faces that CIAGAN's commands can work on."""

from pathlib import Path

import pytest

from graphgan.data.images import write_image
from graphgan.data.photos import Photo
from graphgan.data.preparing import prepare_pictures
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.landmarks.schemes import IBUG_68


@pytest.fixture(scope="session")
def prepare(tmp_path_factory):
    """Makes prepared folders of drawn faces, three pictures a person; the last two for testing."""

    def prepare(people: int, *, size: int = 64, test_people: int = 2) -> Path:
        root = tmp_path_factory.mktemp("faces")
        faces = SyntheticFaces(people, 3, size=64)
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
            size=(size, size),
            scheme=IBUG_68,
            crop="face",
            test_people=test_people,
            options={},
        )
        return root / "prepared"

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
