import csv
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import prepare
import pytest
import torch
from PIL import Image

from graphgan.commands import run_command
from graphgan.data import PreparedPictures, read_landmarks
from graphgan.landmarks import SCHEMES, from_ibug_68

SCRIPT = str(Path(prepare.__file__))


@pytest.fixture
def command(photo_folder):
    """The command line for the drawn photos; further flags replace or add to it."""

    def command(**changes):
        flags = {
            "images": photo_folder / "photos",
            "landmarks": photo_folder / "landmarks.csv",
            "out": photo_folder / "out",
            "size": 16,
            "workers": 1,
            **changes,
        }
        return [part for name, value in flags.items() for part in (f"--{name}", str(value))]

    return command


@pytest.fixture
def run(command, capsys):
    def run(*more, **changes):
        with pytest.raises(SystemExit) as exit_:
            run_command(prepare.main, prepare.Options, [*command(**changes), *more])
        printed = capsys.readouterr()
        return exit_.value.code, printed.out, printed.err.splitlines()

    return run


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def inside(folder):
    return {path.relative_to(folder): data for path, data in content(folder).items()}


def replace_in_csv(path: Path, line: int, *changes: tuple[str, str]) -> None:
    rows = list(csv.reader(path.open()))
    for name, value in changes:
        rows[line - 1][rows[0].index(name)] = value
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


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


def test_rows_without_a_photo_and_photos_without_a_row_are_listed(run, photo_folder):
    replace_in_csv(photo_folder / "landmarks.csv", 3, ("image", "p0/9.png"))
    status, out, _ = run()
    assert status == 0
    assert "skipped: 1 no landmarks in the file, 1 no such photo (skipped.csv)" in out
    assert (photo_folder / "out/skipped.csv").read_text().splitlines()[1:] == [
        "p0/1.png,no landmarks in the file,",
        "p0/9.png,no such photo,landmarks.csv line 3",
    ]


def spoil(path: Path, kind: str) -> None:
    """Put another kind of image in the place of a photo."""
    image = Image.open(path)
    image.load()
    if kind == "zero bytes":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-500])
    elif kind == "no image":
        path.write_text("hello")
    elif kind == "one pixel":
        Image.new("RGB", (1, 1)).save(path)
    elif kind == "16 bits":
        Image.new("I;16", image.size, 40_000).save(path)
    elif kind == "CMYK":
        image.convert("CMYK").save(path, "TIFF")
    else:
        image.convert(kind).save(path)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("zero bytes", "unreadable"),
        ("truncated", "unreadable"),
        ("no image", "unreadable"),
        ("one pixel", "bad landmarks"),
        ("16 bits", None),
        ("CMYK", None),
        ("P", None),
        ("RGBA", None),
        ("L", None),
    ],
)
def test_a_photo_of_another_kind_is_used_or_listed(run, photo_folder, kind, reason):
    spoil(photo_folder / "photos/p1/0.png", kind)
    status, out, errors = run()
    assert status == 0
    faces = PreparedPictures(photo_folder / "out")
    assert len(faces) == (7 if reason else 8)
    assert (f"1 {reason}" in out) == bool(reason)
    if reason:
        status, _, errors = run("--on-error", "stop", "--overwrite")
        assert status == 2
        assert errors[-1].startswith(f"error: p1/0.png: {reason}: ")


def test_a_photo_turned_by_its_exif_data_is_used_upright(run, photo_folder):
    run(out=photo_folder / "upright")
    path = photo_folder / "photos/p1/0.png"
    exif = Image.Exif()
    exif[0x0112] = 8  # to be shown turned to the left
    Image.open(path).transpose(Image.Transpose.ROTATE_270).save(path, exif=exif)
    run()
    crop = "images/p1/0.png"
    assert (photo_folder / "out" / crop).read_bytes() == (
        photo_folder / "upright" / crop
    ).read_bytes()


def test_a_photo_of_20000_pixels_a_side_is_listed(run, photo_folder):
    # A header is enough: the size is refused before pixels are read.
    (photo_folder / "photos/p1/0.png").write_bytes(b"P6 20000 20000 255\n")
    assert run()[0] == 0
    assert "p1/0.png,unreadable,too large: " in (photo_folder / "out/skipped.csv").read_text()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([(f"{a}{i}", "900") for a in "xy" for i in range(68)], "bad landmarks: .* all equal"),
        ([(f"{a}{i}", "") for a in "xy" for i in range(68)], "bad landmarks: .* all missing"),
        ([(f"x{i}", str(900 + i)) for i in range(68)], "bad landmarks: 0 of 68 lie inside"),
    ],
)
def test_landmarks_that_are_no_face_are_listed(run, photo_folder, changes, reason):
    replace_in_csv(photo_folder / "landmarks.csv", 4, *changes)
    assert run()[0] == 0
    rows = list(csv.DictReader((photo_folder / "out/skipped.csv").open()))
    assert len(rows) == 1
    assert re.match(reason, "{reason}: {detail}".format(**rows[0]))


@pytest.mark.parametrize(
    ("line", "changes", "message"),
    [
        (1, [("y67", "z67")], "line 1: column y67 is missing"),
        (3, [("x5", "five")], "line 3: x5: expected a number, got 'five'"),
        (3, [("x5", "nan")], "line 3: one of x5 and y5 is missing"),
        (3, [("image", "p0/0.png")], "line 3: image p0/0.png is already in line 2"),
    ],
)
def test_a_bad_landmark_file_is_refused_before_anything_is_written(
    run, photo_folder, line, changes, message
):
    replace_in_csv(photo_folder / "landmarks.csv", line, *changes)
    status, _, errors = run()
    assert status == 2
    assert len(errors) == 1
    assert f"landmarks.csv: {message}" in errors[0]
    assert not (photo_folder / "out").exists()


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


def test_landmarks_of_other_photos_are_refused(run, photo_folder):
    rows = (photo_folder / "landmarks.csv").read_text().replace("\np", "\nphotos/p")
    (photo_folder / "landmarks.csv").write_text(rows)
    status, _, errors = run()
    assert status == 2
    assert "none of 8 images with landmarks is a photo of" in errors[0]
    assert "the first is photos/p0/0.png (landmarks.csv line 2)" in errors[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": "none"}, "none: no such folder"),
        ({"images": "empty"}, "empty: no photos in it"),
        ({"landmarks": "none.csv"}, "none.csv: no such file; expected a CSV file, or one of"),
        ({"out": "photos/out"}, "--out photos/out: is inside --images"),
        ({"out": "photos"}, "--out photos: is inside --images"),
        ({"out": "."}, "--out .: contains --images"),
        ({"out": "thesis"}, "thesis: expected a new or empty folder"),
        ({"size": 0}, "expected size and workers of at least 1, got (0, 0) and 1"),
        ({"workers": 0}, "expected size and workers of at least 1, got (16, 16) and 0"),
        ({"test-people": 4}, "expected 0 to 3 test people, of 4, got 4"),
    ],
)
def test_bad_arguments_are_one_line_and_change_nothing(
    run, photo_folder, monkeypatch, changes, message
):
    monkeypatch.chdir(photo_folder)
    (photo_folder / "empty").mkdir()
    (photo_folder / "thesis").mkdir()
    (photo_folder / "thesis" / "chapter.tex").touch()
    before = content(photo_folder)
    status, _, errors = run(**changes)
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {message}")
    assert content(photo_folder) == before


def test_other_options_need_overwrite(run, photo_folder):
    run()
    before = content(photo_folder)
    status, _, errors = run(size=24)
    assert status == 2
    assert errors[-1].endswith("choose another folder, or --overwrite to replace it")
    assert content(photo_folder) == before
    assert run("--overwrite", size=24)[0] == 0
    assert PreparedPictures(photo_folder / "out").size == (24, 24)


def test_dlib_finds_the_landmarks(run, photo_folder):
    pytest.importorskip("dlib")
    Image.new("RGB", (50, 50), "gray").save(photo_folder / "photos/p1/0.png")
    status, out, _ = run(landmarks="dlib", detector="dlib")
    assert status == 0
    assert "1 no face found" in out
    assert PreparedPictures(photo_folder / "out").num_landmarks == 68


def test_killed_at_any_time_it_goes_on_to_the_same_bytes(run, command, photo_folder):
    size = 400  # slow enough to be killed in the middle
    killed = subprocess.Popen(
        [sys.executable, SCRIPT, *command(size=size)], stderr=subprocess.DEVNULL
    )
    record = photo_folder / "out" / "progress.jsonl"
    while killed.poll() is None and not (record.exists() and record.read_bytes().count(b"\n") > 3):
        time.sleep(0.002)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert run(size=size)[0] == 0
    assert run(size=size, out=photo_folder / "undisturbed")[0] == 0
    assert inside(photo_folder / "out") == inside(photo_folder / "undisturbed")


def test_a_full_disk_is_one_line_and_can_be_gone_on_from(run, command, photo_folder):
    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))

    done = subprocess.run(
        [sys.executable, SCRIPT, *command(size=64)],
        preexec_fn=small_disk,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "photo/s" not in line and line]
    assert len(lines) == 1
    assert lines[0].startswith(f"error: {photo_folder / 'out'}")
    assert lines[0].endswith(os.strerror(27))
    for path in (photo_folder / "out").rglob("*.png"):
        Image.open(path).load()
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
