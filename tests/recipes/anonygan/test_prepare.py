import csv
import os
from pathlib import Path

import prepare
import pytest
import torch
from full_disk import files_up_to
from PIL import Image
from running import failure

from graphgan.data import PreparedPictures, read_landmarks
from graphgan.landmarks import SCHEMES, from_ibug_68


@pytest.fixture
def run(run_of, photo_folder):
    """The command on the drawn photos; further flags replace or add to it."""
    root = photo_folder
    usual = {"images": root / "photos", "landmarks": root / "landmarks.csv", "out": root / "out"}
    usual |= {"size": 16, "workers": 1}
    return lambda *more, **changes: run_of(prepare, *more, **(usual | changes))


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def inside(folder):
    return {path.relative_to(folder): data for path, data in content(folder).items()}


def test_says_what_it_made(run, photo_folder):
    (photo_folder / "photos" / "notes.txt").touch()
    status, out, _ = run(**{"test-people": 1})
    assert status == 0
    assert "8 images of 4 people, 16 x 16 pixels" in out
    assert "train: 6 images of 3 people" in out
    assert "test: 2 images of 1 people" in out
    assert "skipped: none" in out
    assert "files that are not photos: {'.txt': 1}" in out
    assert "8 photos in" in out
    assert len(PreparedPictures(photo_folder / "out", "test")) == 2
    assert "nothing left to do" in run(**{"test-people": 1})[1]


def test_other_landmarks_than_the_mask_s_are_refused(run, photo_folder):
    (photo_folder / "landmarks.csv").write_text("image,x0,y0\np0/0.png,1,2\n")
    assert run()[2][0].endswith("468 (mesh-468); got 1 landmarks")


@pytest.mark.parametrize("scheme", ["points-5", "ciagan-29"])
def test_landmarks_of_another_scheme_are_read_or_follow_from_68(run, photo_folder, scheme):
    assert run(scheme=scheme)[0] == 0
    made = PreparedPictures(photo_folder / "out")
    assert made.landmark_scheme == scheme
    made.check_masks()
    # What was made says no more than a file of that scheme.
    rows = read_landmarks(photo_folder / "landmarks.csv")
    columns = [f"{axis}{i}" for i in range(made.num_landmarks) for axis in "xy"]
    with (photo_folder / "landmarks.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *columns])
        for row in rows:
            points = from_ibug_68(row.landmarks[None], SCHEMES[scheme])
            writer.writerow([row.image, *points.flatten().tolist()])
    assert run(out=photo_folder / "read")[0] == 0
    read = PreparedPictures(photo_folder / "read")
    assert read.landmark_scheme == scheme
    for one, other in zip(made.pictures, read.pictures, strict=True):
        torch.testing.assert_close(one.landmarks, other.landmarks)
    status, _, errors = run(scheme="ibug-68", out=photo_folder / "other")
    assert status == 2
    assert f"expected 68 landmarks (ibug-68), got {made.num_landmarks}" in errors[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": "none"}, "none: no such folder"),
        ({"landmarks": "none.csv"}, "none.csv: no such file; expected a CSV file, or one of"),
        ({"out": "photos/out"}, "--out photos/out: is inside --images"),
        ({"out": "."}, "--out .: contains --images"),
        ({"out": "thesis"}, "thesis: expected a new or empty folder"),
        ({"workers": 0}, "expected size and workers of at least 1, got (16, 16) and 0"),
        ({"test-people": 4}, "expected 0 to 3 test people, of 4, got 4"),
    ],
)
def test_bad_arguments_are_one_line_and_change_nothing(
    run, photo_folder, monkeypatch, changes, message
):
    monkeypatch.chdir(photo_folder)
    (photo_folder / "thesis").mkdir()
    (photo_folder / "thesis" / "chapter.tex").touch()
    before = content(photo_folder)
    status, _, errors = run(**changes)
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {message}")
    assert content(photo_folder) == before


def test_dlib_finds_the_landmarks(run, photo_folder):
    pytest.importorskip("dlib")
    Image.new("RGB", (50, 50), "gray").save(photo_folder / "photos/p1/0.png")
    status, out, _ = run(landmarks="dlib", detector="dlib")
    assert status == 0
    assert "1 no face found" in out
    assert PreparedPictures(photo_folder / "out").num_landmarks == 68


def test_a_full_disk_is_one_line_and_can_be_gone_on_from(run, photo_folder):
    with files_up_to(6_000):
        line = failure(run(size=64), 1)
    assert line.startswith(f"error: {photo_folder / 'out'}")
    assert line.endswith(os.strerror(27))
    with pytest.raises(ValueError, match="run the same prepare command again"):
        PreparedPictures(photo_folder / "out")
    assert run(size=64)[0] == 0
    assert run(size=64, out=photo_folder / "undisturbed")[0] == 0
    assert inside(photo_folder / "out") == inside(photo_folder / "undisturbed")


@pytest.fixture
def as_celeba(photo_folder) -> Path:
    """The drawn photos in the layout of CelebA, each person's number that of its folder's place."""
    root = photo_folder / "celeba"
    (root / "img_align_celeba").mkdir(parents=True)
    photos = sorted((photo_folder / "photos").rglob("*.*g"))
    people = sorted({photo.parent.name for photo in photos})
    lines = []
    for number, photo in enumerate(photos, start=1):
        name = f"{number:06d}{photo.suffix}"
        (root / "img_align_celeba" / name).write_bytes(photo.read_bytes())
        lines.append(f"{name} {people.index(photo.parent.name) + 1}")
    (root / "identity_CelebA.txt").write_text("\n".join(lines) + "\n")
    return root


def test_the_paper_s_choice_of_celeba_is_refused_where_there_are_too_few(run, as_celeba):
    status, _, (line,) = run("--protocol=celeba", images=as_celeba, layout="celeba")
    assert status == 2
    assert "expected 1563 identities with more than 30 images, as in the paper, got 0" in line


def test_the_paper_s_choice_of_celeba_is_that_of_the_folder(
    run, as_celeba, photo_folder, monkeypatch, tmp_path
):
    """With the paper's numbers made small; all else is as it is."""
    import celeba_split

    lines = [line.split() for line in (as_celeba / "identity_CelebA.txt").open()]
    people = sorted({number for _, number in lines})
    monkeypatch.setattr(celeba_split, "MORE_THAN", 0)
    monkeypatch.setattr(celeba_split, "IDENTITIES", len(people))
    monkeypatch.setattr(celeba_split, "TRAIN_IDENTITIES", len(people) - 1)
    with (photo_folder / "landmarks.csv").open() as file:
        header, first, *_ = csv.reader(file)
    with (tmp_path / "landmarks.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *([name, *first[1:]] for name, _ in lines)])
    flags = {"images": as_celeba, "layout": "celeba", "landmarks": tmp_path / "landmarks.csv"}
    status, _, errors = run("--protocol=celeba", **flags, out=tmp_path / "out")
    assert status == 0, errors
    info = PreparedPictures(tmp_path / "out").info
    assert info["options"]["protocol"].endswith("drawn by seed 0: not the paper's split")
    assert info["splits"]["test"]["people"] == 1
    assert info["splits"]["train"]["people"] == len(people) - 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--protocol=celeba"], "expected --layout celeba with --protocol celeba, got plain"),
        (["--identities=list.npy"], "expected --identities together with --protocol celeba"),
        (["--seed=-1"], "expected --seed of at least 0"),
        (
            ["--protocol=celeba", "--layout=celeba", "--test-people=1"],
            "expected --protocol celeba or --test-people, got both",
        ),
    ],
)
def test_flags_of_the_protocol_that_do_not_fit_are_refused(run, flags, message):
    status, _, (line,) = run(*flags)
    assert status == 2
    assert message in line
