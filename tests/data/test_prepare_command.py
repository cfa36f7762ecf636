from pathlib import Path

import pytest
import torch

from graphgan.data import (
    ListedPhoto,
    Listing,
    PreparedPictures,
    PrepareOptions,
    file_checksum,
    prepare_and_report,
    write_image,
)
from graphgan.landmarks import OPENPOSE_18


@pytest.fixture
def prepare(tmp_path):
    """Prepare noise of so many people."""

    def prepare(people, split=None, **options):
        (tmp_path / "photos").mkdir(exist_ok=True)
        write_image(tmp_path / "a.png", torch.randint(0, 256, (3, 8, 6)).byte())
        joints = torch.rand(18, 2) * 5
        photos = [
            ListedPhoto(tmp_path / "a.png", f"{i:02d}/a.png", f"{i:02d}", split)
            for i in range(people)
        ]
        prepare_and_report(
            PrepareOptions(images=tmp_path / "photos", out=tmp_path / "out", workers=1, **options),
            Listing(photos, notes=["mind the gap"], other_files={".txt": 2}),
            {photo.source: joints for photo in photos},
            size=(8, 6),
            scheme=OPENPOSE_18,
            crop="whole",
            depends_on={},
        )
        return PreparedPictures(tmp_path / "out")

    return prepare


def people(pictures, split):
    return len({row.person for row in pictures.pictures if row.split == split})


@pytest.mark.parametrize(("number", "for_testing"), [(4, 0), (6, 1), (26, 3)])
def test_a_tenth_of_the_people_are_for_testing(prepare, number, for_testing):
    assert people(prepare(number), "test") == for_testing


def test_the_report_says_what_was_found(prepare, capsys):
    prepare(4)
    out = capsys.readouterr().out
    assert "4 images of 4 people, 6 x 8 pixels" in out
    assert "files that are not photos: {'.txt': 2}" in out
    assert "mind the gap" in out
    assert "landmarks missing: 0 in 0 photos" in out


@pytest.mark.parametrize(
    ("images", "out", "message"),
    [
        ("photos", "photos/out", "is inside --images"),
        ("photos", "photos", "is inside --images"),
        ("photos", ".", "contains --images"),
    ],
)
def test_folders_that_overlap_are_refused(tmp_path, monkeypatch, images, out, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        PrepareOptions(images=Path(images), out=Path(out))
    PrepareOptions(images=Path("photos"), out=Path("prepared"))


def test_a_checksum_is_of_the_content(tmp_path):
    for name, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / name).write_text(text)
    a, b, c = (file_checksum(tmp_path / name) for name in "abc")
    assert a == b != c
    assert a.startswith("sha256:")
