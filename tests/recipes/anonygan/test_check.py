import csv

import check
import pytest
import torch
from drawn_folder import drawn_folder

from graphgan.data import ListedPhoto, prepare_pictures, read_image, read_landmarks, write_image
from graphgan.landmarks import IBUG_68


@pytest.fixture
def prepared(photo_folder):
    """A prepared folder; landmarks may be changed by source before."""

    def prepared(**changes):
        rows = read_landmarks(photo_folder / "landmarks.csv")
        landmarks = {row.image: row.landmarks for row in rows}
        for source, change in changes.items():
            change(landmarks[source.replace("_", "/") + ".png"])
        root = photo_folder / "photos"
        photos = [ListedPhoto(root / source, source, source.split("/")[0]) for source in landmarks]
        prepare_pictures(
            photos,
            landmarks,
            photo_folder / "out",
            size=(64, 64),
            scheme=IBUG_68,
            crop="face",
            test_people=1,
            options={},
        )
        return photo_folder / "out"

    return prepared


@pytest.fixture
def run(run_of, tmp_path):
    out = tmp_path / "sheets" / "sheet.png"
    return lambda folder, *more: run_of(check, folder, "--out", out, *more, positional=True)


def test_a_good_folder_passes_and_is_drawn(run, prepared, tmp_path):
    status, out, _ = run(prepared(), "--tiles", "6")
    assert status == 0
    assert "8 images of 4 people" in out
    assert "train: 6 images of 3 people, 2 to 2 each" in out
    assert "no problems" in out
    assert (
        "  pairs to train on: an image with itself, one person in two images, two people\n" in out
    )
    sheet = read_image(tmp_path / "sheets" / "sheet.png")
    assert sheet.shape == (3, 68, 2 + 6 * 66)
    discs = (sheet[:, 2:66, 2:66] == torch.tensor([0, 255, 0]).view(3, 1, 1)).all(0)
    assert discs.sum() > 50  # some of the 68 share a pixel


def test_with_one_photo_a_person_the_pairs_that_are_possible_are_told(run, tmp_path):
    folder = drawn_folder(tmp_path, 3, 1, size=48, test_people=1)
    status, out, _ = run(folder)
    assert status == 0
    possible = "an image with itself, two people; not possible: one person in two images"
    assert f"  pairs to train on: {possible}\n" in out


def test_notes_name_the_image_and_the_line_and_do_not_fail(run, prepared):
    def mirror(points):
        points[:, 0] = 64 - points[:, 0]

    def stand_on_its_head(points):
        points[:, 1] = 64 - points[:, 1]

    def lose(points):
        points[60:62] = torch.nan

    def leave_the_photo(points):
        points[0, 0] = -2

    status, out, _ = run(
        prepared(p0_1=mirror, p1_0=stand_on_its_head, p2_0=lose, p2_1=leave_the_photo)
    )
    assert status == 0
    assert "note: eyes not from left to right (mirrored, or a profile): 1" in out
    assert "images/p0/1.png (manifest.csv line 3)" in out
    assert "note: mouth not below the eyes: 1" in out
    assert (
        "note: landmarks outside the photo: 1\n    images/p2/1.png (manifest.csv line 7): 1" in out
    )
    assert "note: landmarks missing: 1\n    images/p2/0.png (manifest.csv line 6): 2" in out


def test_images_that_cannot_be_used_fail(run, prepared):
    folder = prepared()
    (folder / "images/p0/0.png").write_bytes(b"")
    write_image(folder / "images/p2/1.png", torch.zeros(3, 64, 65).byte())
    status, out, _ = run(folder)
    assert status == 1
    assert "PROBLEM: image cannot be used: 2" in out
    assert "images/p0/0.png: the file is empty" in out
    assert "images/p2/1.png: expected 64 x 64 pixels, got 65 x 64" in out
    assert "fix these problems before training: 2" in out


def test_a_face_without_a_mask_fails(run, prepared):
    folder = prepared()
    rows = list(csv.reader((folder / "manifest.csv").open()))
    rows[7][rows[0].index("x5")] = rows[7][rows[0].index("y5")] = ""  # of the jaw
    with (folder / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    status, out, _ = run(folder)
    assert status == 1
    assert "PROBLEM: the face mask is empty: 1\n    images/p3/0.png (manifest.csv line 8)" in out


def test_a_folder_of_persons_is_one_line(run, prepared):
    folder = prepared()
    info = (folder / "prepared.json").read_text().replace("ibug-68", "openpose-18")
    (folder / "prepared.json").write_text(info)
    rows = [line.split(",") for line in (folder / "manifest.csv").read_text().splitlines()]
    lines = (",".join(row[: 9 + 2 * 18]) for row in rows)
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    status, _, (err,) = run(folder)
    assert status == 2
    assert "expected the landmarks of a scheme with face masks" in err
    assert "got openpose-18" in err
