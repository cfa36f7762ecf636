import csv
import re

import prepare
import pytest
import torch

from graphgan.data import PreparedPictures, SyntheticPersons, read_image, write_image

A, B = "0001_c0s1_000450_00.png", "0001_c1s1_000451_00.png"
# Where COCO's 17 points stand among OpenPose's 18.
COCO_FROM_OPENPOSE = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]


@pytest.fixture
def run(run_of, tmp_path):
    usual = {"images": tmp_path / "market", "layout": "market", "out": tmp_path / "out"}

    def run(*more, size=None, **changes):
        more = [*more, "--size", *size] if size else more
        return run_of(prepare, *more, **(usual | {"workers": 1} | changes))

    return run


@pytest.fixture
def own(tmp_path):
    """Own photos of drawn persons, larger than what is prepared, and their joints as CSV."""
    persons = SyntheticPersons(4, 2, size=(160, 120))

    def own(order=range(18), change=lambda joints: None):
        rows = []
        for i in range(len(persons)):
            image, joints = persons[i]
            source = f"p{i // 2}/{i % 2}.png"
            (tmp_path / "photos" / source).parent.mkdir(parents=True, exist_ok=True)
            write_image(tmp_path / "photos" / source, image)
            if i == 3:
                change(joints)
            rows.append([source, *joints[list(order)].flatten().tolist()])
        with (tmp_path / "joints.csv").open("w", newline="") as file:
            header = ["image", *(f"{axis}{i}" for i in range(len(order)) for axis in "xy")]
            csv.writer(file).writerows([header, *rows])
        flags = {"images": tmp_path / "photos", "layout": "plain"}
        return flags | {"landmarks": tmp_path / "joints.csv"}

    return own


def skipped(folder):
    return [tuple(row.values()) for row in csv.DictReader((folder / "skipped.csv").open())]


def replace_line(path, line, text):
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# The published layouts


def test_brings_a_published_data_set_as_it_is(run, market_folder, tmp_path):
    status, out, _ = run()
    assert status == 0
    assert "15 images of 5 people, 64 x 128 pixels" in out
    assert "train: 9 images of 3 people" in out
    assert "test: 6 images of 2 people" in out
    assert "pairs: 30, left out: 0" in out
    assert "skipped: none" in out
    persons = PreparedPictures(tmp_path / "out", "test")
    assert (persons.size, persons.landmark_scheme) == ((128, 64), "openpose-18")
    assert persons.people == ["0004", "0005"]
    source = persons.pictures[2].source
    assert torch.equal(persons[2].image, read_image(market_folder / source))
    assert len(persons.listed_pairs().source) == 12
    assert "nothing left to do" in run()[1]


def test_joints_and_pairs_are_those_of_the_files(run, market_folder, tmp_path):
    run()
    persons = PreparedPictures(tmp_path / "out", "train")
    _, y, x = (market_folder / "market-annotation-train.csv").read_text().splitlines()[1].split(":")
    expected = torch.tensor([eval(x), eval(y)]).T.float()
    expected[(expected == -1).any(-1)] = torch.nan
    torch.testing.assert_close(persons[0].landmarks, expected, equal_nan=True)
    pairs = persons.listed_pairs()
    first, second = (persons.pictures[int(i[0])].source for i in (pairs.condition, pairs.source))
    assert (first, second) == (f"train/{A}", f"train/{B}")


def test_a_bad_row_is_listed_or_refused(run, market_folder, tmp_path):
    row = f"{A}: {[7] * 18}: {[7] * 17}"
    replace_line(market_folder / "market-annotation-train.csv", 2, row)
    status, out, _ = run()
    assert status == 0
    assert "1 unequal list lengths" in out
    assert "4 pair with a skipped photo" in out
    assert "pairs: 26, left out: 4" in out
    rows = {source: (why, more) for source, why, more in skipped(tmp_path / "out")}
    detail = "market-annotation-train.csv line 2: 18 numbers of y, 17 of x"
    assert rows[f"train/{A}"] == ("unequal list lengths", detail)
    assert rows["market-pairs-train.csv line 2"] == ("pair with a skipped photo", f"train/{A}")
    status, _, errors = run("--on-error", "stop", "--overwrite")
    assert status == 2
    assert errors[-1].startswith(f"error: train/{A}: unequal list lengths")


def test_images_of_another_size_are_listed(run, market_folder, tmp_path):
    write_image(market_folder / "train" / A, torch.zeros(3, 100, 50).byte())
    status, out, _ = run()
    assert status == 0
    assert "1 another size" in out
    assert (f"train/{A}", "another size", "expected 64 x 128 pixels, got 50 x 100") in skipped(
        tmp_path / "out"
    )
    status, _, errors = run("--on-error", "stop", "--overwrite")
    assert (status, errors[-1]) == (
        2,
        f"error: train/{A}: another size: expected 64 x 128 pixels, got 50 x 100",
    )


def test_a_list_of_which_no_pair_is_left_is_not_taken_for_no_list(run, market_folder, tmp_path):
    (market_folder / "market-pairs-train.csv").write_text("from,to\nx.png,y.png\n")
    status, out, _ = run()
    assert status == 0
    assert "pairs: 12, left out: 1" in out
    with pytest.raises(ValueError, match="expected pairs listed for train, but none could be used"):
        PreparedPictures(tmp_path / "out", "train").listed_pairs()
    assert PreparedPictures(tmp_path / "out", "test").listed_pairs() is not None


def without_annotation(folder):
    (folder / "market-annotation-test.csv").unlink()


def two_annotations(folder):
    (folder / "old-annotation-test.csv").touch()


def another_header(folder):
    replace_line(folder / "market-annotation-train.csv", 1, "name,keypoints_y,keypoints_x")


def another_header_of_pairs(folder):
    replace_line(folder / "market-pairs-train.csv", 1, "from:to")


def no_pictures(folder):
    for path in folder.rglob("*.png"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_annotation, r"market: expected \*-annotation-test.csv in it"),
        (
            two_annotations,
            r"expected one file \*-annotation-test.csv, got market-.*csv, old-annotation-test.csv",
        ),
        (another_header, r"line 1: expected the header 'name:keypoints_y:keypoints_x', got 'name,"),
        (another_header_of_pairs, "pairs-train.csv: line 1: expected the header 'from,to', got"),
        (no_pictures, r"none of 15 images with landmarks is a photo of .*line 2\)"),
    ],
)
def test_a_data_set_that_lacks_what_it_needs_is_refused(
    run, market_folder, tmp_path, spoil, message
):
    spoil(market_folder)
    status, _, errors = run()
    assert status == 2
    assert len(errors) == 1
    assert re.search(message, errors[0]), errors
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"size": (128, 64)},
        {"landmarks": "a.csv"},
        {"joints": "coco-17"},
        {"upsample": 1},
        {"test-people": 1},
    ],
)
def test_what_a_published_data_set_brings_cannot_be_chosen(run, market_folder, changes):
    status, _, errors = run(**changes)
    assert status == 2
    (flag,) = changes
    assert errors == [f"error: --{flag}: expected with --layout plain only, market brings its own"]


def test_deepfashion_is_larger(run, market_folder, tmp_path):
    status, _, errors = run(layout="deepfashion")
    assert status == 2
    assert "none of 15 photos can be used" in errors[-1]
    assert "expected 176 x 256 pixels, got 64 x 128" in errors[-1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"out": "market/out"}, "--out market/out: is inside --images"),
        ({"layout": "plain"}, "expected --landmarks, a CSV file or blazepose, with --layout"),
        (
            {"layout": "plain", "landmarks": "none.csv"},
            "none.csv: no such file; expected a CSV file, or blazepose",
        ),
        (
            {"layout": "plain", "landmarks": "blazepose", "joints": "coco-17"},
            "--joints: expected with a CSV file only, blazepose has its own",
        ),
        (
            {"layout": "plain", "landmarks": "a.csv", "upsample": 1},
            "--upsample: expected with --landmarks blazepose only, got a.csv",
        ),
        (
            {"layout": "plain", "landmarks": "blazepose", "upsample": 9},
            "expected to upsample 0 to 3 times, got 9",
        ),
    ],
)
def test_bad_arguments_are_one_line_and_change_nothing(
    run, market_folder, tmp_path, monkeypatch, changes, message
):
    monkeypatch.chdir(tmp_path)
    before = content(tmp_path)
    status, _, errors = run(**{"images": "market", **changes})
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {message}")
    assert content(tmp_path) == before


# Own photos


def test_own_photos_are_cut_around_the_person(run, own, tmp_path):
    status, out, _ = run(**own(), **{"test-people": 1})
    assert status == 0
    assert "8 images of 4 people, 64 x 128 pixels" in out
    assert "test: 2 images of 1 people" in out
    persons = PreparedPictures(tmp_path / "out")
    assert persons.people == ["p0", "p1", "p2", "p3"]
    drawn = SyntheticPersons(4, 2, size=(160, 120))
    for i, row in enumerate(persons.pictures):
        back = row.crop.to_image(persons[i].landmarks, persons.size)
        torch.testing.assert_close(back, drawn[i].landmarks, atol=1e-3, rtol=0, equal_nan=True)
        assert row.crop.height == pytest.approx(2 * row.crop.width)


def test_joints_of_coco_become_those_of_openpose(run, own, tmp_path):
    assert run(**own(COCO_FROM_OPENPOSE), joints="coco-17")[0] == 0
    row = PreparedPictures(tmp_path / "out").pictures[0]
    back = row.crop.to_image(row.landmarks, (128, 64))
    joints = SyntheticPersons(4, 2, size=(160, 120))[0].landmarks
    joints[1] = (joints[2] + joints[5]) / 2  # COCO has no neck
    torch.testing.assert_close(back, joints, atol=1e-3, rtol=0, equal_nan=True)


def test_another_number_of_joints_is_refused(run, own):
    errors = run(**own(COCO_FROM_OPENPOSE))[2]
    assert errors[0].endswith("joints.csv: expected 18 joints, got 17 (--joints openpose-18)")


def test_a_photo_without_a_joint_is_listed(run, own, tmp_path):
    assert run(**own(change=lambda joints: joints.fill_(torch.nan)))[0] == 0
    assert skipped(tmp_path / "out") == [("p1/1.png", "all joints missing", "")]


def test_joints_at_the_corner_are_mentioned(run, own):
    out = run(**own(change=lambda joints: joints[4].fill_(0)))[1]
    assert "1 photos have joints at exactly (0, 0)" in out


def test_fractions_of_the_width_are_mentioned(run, own):
    def to_fractions(joints):
        joints /= 200

    _, out, _ = run(**own(change=to_fractions))
    assert "1 photos have all joints between 0 and 1: multiply fractions by width" in out


# Joints that are detected


def test_joints_are_detected_in_plain_photos(run, own, tmp_path):
    """A photo that shows nobody is listed; the others have joints near the true ones."""
    photos = own()["images"]
    write_image(photos / "p0" / "wall.png", torch.full((3, 90, 70), 99, dtype=torch.uint8))
    flags = {"images": photos, "layout": "plain", "landmarks": "blazepose", "test-people": 1}
    status, out, _ = run(**flags)
    assert status == 0
    assert "1 no person found" in out
    assert ("p0/wall.png", "no person found", "") in skipped(tmp_path / "out")
    persons, drawn = PreparedPictures(tmp_path / "out"), SyntheticPersons(4, 2, size=(160, 120))
    assert len(persons) >= 7
    apart = []
    for picture in persons.pictures:
        back = picture.crop.to_image(picture.landmarks, persons.size)
        person, name = picture.source.removesuffix(".png").split("/")
        true = drawn[2 * int(person[1:]) + int(name)].landmarks
        apart.append((back - true).norm(dim=1).nanmedian())
    assert torch.stack(apart).median() < 4  # of 160 pixels
    assert "nothing left to do" in run(**flags)[1]
    assert "was prepared with upsample 0, not 1" in run(**flags, upsample=1)[2][-1]


def test_photos_of_nobody_are_one_line(run, tmp_path):
    (tmp_path / "photos").mkdir()
    write_image(tmp_path / "photos" / "a.png", torch.zeros(3, 40, 40, dtype=torch.uint8))
    flags = {"images": tmp_path / "photos", "layout": "plain", "landmarks": "blazepose"}
    status, _, errors = run(**flags)
    assert status == 2
    assert errors[-1].endswith("none of 1 photos can be used, the first is a.png: no person found")
