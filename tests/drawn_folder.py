"""Prepared folders of drawn faces."""

from pathlib import Path

from graphgan.data import ListedPhoto, SyntheticFaces, prepare_pictures, write_image
from graphgan.landmarks import IBUG_68, LandmarkScheme, from_ibug_68


def drawn_folder(
    root: Path,
    people: int,
    views: int,
    *,
    size: int,
    drawn_at: int = 64,
    test_people: int,
    scheme: LandmarkScheme = IBUG_68,
) -> Path:
    """Photos ``p0/0.png`` and so on, and of each its face; the last people are for testing."""
    faces = SyntheticFaces(people, views, size=drawn_at)
    photos, landmarks = [], {}
    for i, (image, points) in enumerate(faces[i] for i in range(len(faces))):
        source = f"p{i // views}/{i % views}.png"
        path = root / "photos" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, image)
        landmarks[source] = from_ibug_68(points[None], scheme)[0]
        photos.append(ListedPhoto(path, source, source.split("/")[0]))
    prepare_pictures(
        photos,
        landmarks,
        root / "prepared",
        size=(size, size),
        scheme=scheme,
        crop="face",
        test_people=test_people,
        options={},
    )
    return root / "prepared"
