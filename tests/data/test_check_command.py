import math

import pytest
import torch

from graphgan.data import (
    CheckOptions,
    PreparedPictures,
    Problem,
    picture_problems,
    read_image,
    report_check,
    write_image,
)
from graphgan.data._prepared import PreparedPicture, write_info, write_manifest
from graphgan.landmarks._crop import whole_crop


@pytest.fixture
def pictures(tmp_path):
    """Three images: a good one, one with a joint beyond its edge, one whose joints are one."""
    joints = torch.rand(3, 18, 2) * 5
    joints[1, 4] = torch.tensor([6.0, 2.0])
    joints[2, 1:] = joints[2, 0]
    joints[2, 5] = math.nan
    rows = []
    for i, points in enumerate(joints):
        image = f"images/p/{i}.png"
        rows.append(PreparedPicture(image, "p", "train", f"{i}.jpg", whole_crop((8, 6)), i, points))
        (tmp_path / "images" / "p").mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / image, torch.full((3, 8, 6), i).byte())
    write_manifest(tmp_path, rows)
    info = {"size": (8, 6), "landmark_scheme": "openpose-18", "images": 3, "skipped": {}}
    write_info(tmp_path, info)
    return PreparedPictures(tmp_path)


def test_finds_what_may_be_wrong_with_any_picture(pictures):
    (pictures.root / "images/p/0.png").write_bytes(b"")
    found = [[(p.kind, p.fatal) for p in picture_problems(pictures, i)] for i in range(3)]
    assert found == [
        [("image cannot be used", True)],
        [("landmarks outside the photo", False), ("landmarks outside the crop", False)],
        [("landmarks outside the photo", False), ("landmarks all missing or all equal", True)],
    ]
    assert pictures.place(1) == "images/p/1.png (manifest.csv line 3)"


@pytest.fixture
def report(pictures, tmp_path, capsys):
    def report(*problems, **options):
        options = CheckOptions(out=tmp_path / "sheets" / "sheet.png", **options)
        status = report_check(options, pictures, problems, lambda p: 255 - p.image, ["more"])
        return status, capsys.readouterr().out

    return report


def test_without_problems_the_status_is_0(report, tmp_path):
    status, out = report()
    assert status == 0
    assert "3 images of 1 people\n  6 x 8 pixels, 18 landmarks (openpose-18)\n" in out
    assert "train: 3 images of 1 people, 3 to 3 each" in out
    assert "  more\nno problems\n" in out
    sheet = read_image(tmp_path / "sheets" / "sheet.png")
    assert sheet.shape == (3, 2 + 10, 2 + 3 * 8)
    assert sheet[0, 4, [4, 12, 20]].tolist() == [255, 254, 253]


def test_notes_do_not_fail_and_long_lists_are_cut(report):
    status, out = report(*(Problem("odd", f"line {i}") for i in range(5)), list_at_most=2)
    assert status == 0
    assert "note: odd: 5\n    line 0\n    line 1\n    and 3 more\n" in out


def test_fatal_problems_come_first_and_fail(report):
    status, out = report(Problem("odd", "here"), Problem("zero", "there", fatal=True))
    assert status == 1
    assert out.index("PROBLEM: zero: 1") < out.index("note: odd: 1")
    assert "fix these problems before training: 1" in out


def test_pictures_that_cannot_be_read_are_not_drawn(report, pictures, tmp_path):
    for i in (0, 1):
        (pictures.root / f"images/p/{i}.png").unlink()
    report()
    assert read_image(tmp_path / "sheets" / "sheet.png").shape == (3, 12, 10)
    (pictures.root / "images/p/2.png").unlink()
    assert "contact sheet" not in report()[1]
