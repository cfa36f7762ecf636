import csv
import json
import os
from dataclasses import replace
from functools import partial
from itertools import islice

import pytest
import torch

from graphgan.data import (
    ListedPair,
    ListedPhoto,
    PairList,
    PreparedPictures,
    Skipped,
    prepare_pictures,
    read_landmarks,
)
from graphgan.landmarks import IBUG_68, Detection


@pytest.fixture
def photos(photo_folder):
    root = photo_folder / "photos"
    sources = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    return [ListedPhoto(root / source, source, source.split("/")[0]) for source in sources]


@pytest.fixture
def prepare(photo_folder, photos):
    landmarks = {row.image: row.landmarks for row in read_landmarks(photo_folder / "landmarks.csv")}

    def prepare(name="out", **changes):
        arguments = {"photos": photos, "landmarks": landmarks, "size": (16, 16), "test_people": 1}
        arguments |= {"scheme": IBUG_68, "crop": "face", "options": {"layout": "plain"}, **changes}
        return prepare_pictures(out=photo_folder / name, **arguments)

    prepare.landmarks = landmarks
    return prepare


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Killed(BaseException):
    """Stands for the end of the process: nothing in the code catches it."""


def killed_after(count):
    def progress(results, total):
        yield from islice(results, count)
        raise Killed

    return progress


def test_every_photo_becomes_a_face(prepare, photo_folder, drawn_faces):
    info, done = prepare()
    assert (info["images"], info["people"], done) == (8, 4, 8)
    assert info["splits"] == {
        "train": {"images": 6, "people": 3},
        "test": {"images": 2, "people": 1},
    }
    faces = PreparedPictures(photo_folder / "out")
    for face, photo in zip(faces.pictures, drawn_faces, strict=True):
        back = face.crop.to_image(face.landmarks, (16, 16))
        torch.testing.assert_close(back, photo.landmarks, atol=1e-3, rtol=0)


@pytest.mark.parametrize("count", [0, 1, 5, 8])
def test_a_killed_run_goes_on_to_the_same_bytes(prepare, photo_folder, count):
    prepare("undisturbed")
    with pytest.raises(Killed):
        prepare(progress=killed_after(count))
    prepare()
    assert content(photo_folder / "out") == content(photo_folder / "undisturbed")


def test_a_photo_that_changed_or_lost_its_crop_is_done_again(prepare, photo_folder, photos):
    with pytest.raises(Killed):
        prepare(progress=killed_after(5))
    os.utime(photos[0].path, ns=(1, 1))
    (photo_folder / "out/images/p0/1.png").unlink()
    assert prepare().photos_done == 3 + 2


def test_what_a_killed_run_left_over_is_removed(prepare, photo_folder):
    prepare("undisturbed")
    with pytest.raises(Killed):
        prepare(progress=killed_after(5))
    (photo_folder / "out/images/p1/.1.png.part").write_bytes(b"half")
    (photo_folder / "out/images/gone").mkdir()
    (photo_folder / "out/images/gone/0.png").write_bytes(b"of a photo that is gone")
    prepare()
    assert content(photo_folder / "out") == content(photo_folder / "undisturbed")
    assert not (photo_folder / "out/images/gone").exists()


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_as_one(prepare, photo_folder):
    prepare("one")
    prepare("two", workers=2)
    assert content(photo_folder / "one") == content(photo_folder / "two")


def test_a_complete_folder_with_other_options_or_photos_is_kept(prepare, photo_folder, photos):
    prepare()
    before = content(photo_folder / "out")
    with pytest.raises(ValueError, match=r"with size \[16, 16\], not \[32, 32\]; .*--overwrite"):
        prepare(size=(32, 32))
    with pytest.raises(ValueError, match="from other photos"):
        prepare(photos=photos[:7])
    with pytest.raises(ValueError, match="from other photos or lists"):
        prepare(pairs=PairList([], ("a", "b")))
    assert content(photo_folder / "out") == before


def test_overwrite_replaces_a_complete_and_an_unfinished_folder(prepare, photo_folder):
    prepare("wanted", size=(32, 32))
    prepare()
    with pytest.raises(Killed):
        prepare(size=(24, 24), overwrite=True, progress=killed_after(5))
    prepare(size=(32, 32), overwrite=True)
    assert content(photo_folder / "out") == content(photo_folder / "wanted")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_never_touched(prepare, photo_folder, overwrite):
    (photo_folder / "out").mkdir()
    (photo_folder / "out" / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="expected a new or empty folder"):
        prepare(overwrite=overwrite)
    assert content(photo_folder / "out") == {"thesis.tex": b"precious"}


def test_bad_photos_are_listed_with_their_reason(prepare, photo_folder, photos):
    photos[2].path.write_bytes(b"")
    prepare.landmarks["p3/0.png"] = torch.zeros(68, 2)
    prepare.landmarks["p3/1.png"][:2] = -1
    info, _ = prepare(unusable=[Skipped("x.png", "no such photo")])
    assert info["images"] == 6
    assert info["skipped"] == {"bad landmarks": 1, "no such photo": 1, "unreadable": 1}
    assert info["landmarks_outside_photo"] == {"images": 1, "landmarks": 2}
    with (photo_folder / "out/skipped.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == ["p1/0.png", "p3/0.png", "x.png"]
    assert rows[0]["detail"] == "the file is empty"


def test_stops_at_the_first_bad_photo_when_told_to(prepare, photos):
    photos[2].path.write_bytes(b"")
    photos[3].path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"p1/0\.png: unreadable: the file is empty"):
        prepare(stop_on_error=True)
    with pytest.raises(ValueError, match=r"x\.png: no such photo"):
        prepare(stop_on_error=True, unusable=[Skipped("x.png", "no such photo")])


def test_a_damaged_or_outdated_folder_can_be_overwritten(prepare, photo_folder):
    prepare("wanted")
    prepare()
    (photo_folder / "out/manifest.csv").unlink()
    with pytest.raises(ValueError, match=r"manifest\.csv is missing; prepare .* --overwrite"):
        prepare()
    prepare(overwrite=True)
    info = json.loads((photo_folder / "out/prepared.json").read_text())
    (photo_folder / "out/prepared.json").write_text(json.dumps({**info, "version": 0}))
    with pytest.raises(ValueError, match=r"expected version 2 .*, got 0; prepare .* --overwrite"):
        prepare()
    prepare(overwrite=True)
    assert content(photo_folder / "out") == content(photo_folder / "wanted")


def test_a_folder_with_a_record_of_something_else_is_never_touched(prepare, photo_folder):
    (photo_folder / "out" / "images").mkdir(parents=True)
    (photo_folder / "out" / "images" / "mine.png").write_bytes(b"precious")
    (photo_folder / "out" / "progress.jsonl").write_text('{"of": "another tool"}\n')
    before = content(photo_folder / "out")
    with pytest.raises(ValueError, match="expected a new or empty folder"):
        prepare(overwrite=True)
    assert content(photo_folder / "out") == before


def test_a_folder_without_a_single_face_is_refused(prepare, photos):
    for photo in photos:
        photo.path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of 8 photos .* p0/0\.png: unreadable"):
        prepare()


def test_pairs_name_the_crops_and_leave_out_skipped_photos(prepare, photo_folder, photos):
    photos[2].path.write_bytes(b"")
    pairs = [
        ListedPair((0, 1), "p0/0.png", "p0/1.png", "pairs.txt line 2"),
        ListedPair((0, 0), "p0/0.png", "p1/0.png", "pairs.txt line 3"),
        ListedPair((1, 0), "p2/0.png", "p3/1.png", "pairs.txt line 4"),
        ListedPair((1, 0), "p2/9.png", "p3/9.png", "pairs.txt line 5"),
    ]
    pairs = PairList(pairs, ("fold", "same", "image_a", "image_b"))
    info = prepare(pairs=pairs).info
    assert info["pairs"] == {"kept": 2, "left_out": 2, "lists": []}
    assert info["skipped"]["pair with an unknown photo"] == 1
    assert (photo_folder / "out/skipped.csv").read_text().splitlines()[2:] == [
        "pairs.txt line 3,pair with a skipped photo,p1/0.png",
        "pairs.txt line 5,pair with an unknown photo,p2/9.png and p3/9.png",
    ]
    assert (photo_folder / "out/pairs.csv").read_text().splitlines() == [
        "fold,same,image_a,image_b",
        "0,1,images/p0/0.png,images/p0/1.png",
        "1,0,images/p2/0.png,images/p3/1.png",
    ]


class CentralFace:
    """A detector whose every photo is one face."""

    num_landmarks = 68

    def __init__(self, landmarks):
        self.landmarks = landmarks

    def __call__(self, image):
        return [Detection(torch.tensor([1.0, 1, 9, 9]), self.landmarks)]


def test_a_detector_may_stand_in_for_landmarks(prepare, photo_folder, drawn_faces):
    info, _ = prepare(landmarks=partial(CentralFace, drawn_faces[0].landmarks))
    assert info["images"] == 8
    face = PreparedPictures(photo_folder / "out").pictures[5]
    back = face.crop.to_image(face.landmarks, (16, 16))
    torch.testing.assert_close(back, drawn_faces[0].landmarks, atol=1e-3, rtol=0)


def test_photos_may_say_their_split(prepare, photo_folder, photos):
    own = [replace(p, split="test" if p.source == "p0/1.png" else "train") for p in photos]
    info, _ = prepare(photos=own, test_people=None)
    assert info["splits"]["test"] == {"images": 1, "people": 1}
    assert info["splits"]["train"] == {"images": 7, "people": 4}
    assert PreparedPictures(photo_folder / "out", "test").pictures[0].source == "p0/1.png"
    with pytest.raises(ValueError, match="from other photos"):
        prepare(photos=[replace(photo, split="train") for photo in photos], test_people=None)


def test_no_path_of_this_machine_is_in_the_folder(prepare, photo_folder, photos):
    photos[2].path.write_bytes(b"?")
    prepare()
    for name, data in content(photo_folder / "out").items():
        assert str(photo_folder).encode() not in data, name
    assert json.loads((photo_folder / "out/prepared.json").read_text())["size"] == [16, 16]
