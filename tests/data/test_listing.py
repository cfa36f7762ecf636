from pathlib import Path

import pytest
import torch

from graphgan.data import LandmarkRow, ListedPhoto, Listing, Skipped


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def people(listing):
    return {photo.source: photo.person for photo in listing.photos}


def test_plain_folders_are_people(tmp_path):
    touch(tmp_path, "bob/1.PNG", "anna/b.jpg", "anna/holiday/a.jpeg", "carl.jpg")
    listing = Listing.of_folder(tmp_path)
    assert list(people(listing).items()) == [
        ("anna/b.jpg", "anna"),
        ("anna/holiday/a.jpeg", "anna"),
        ("bob/1.PNG", "bob"),
        ("carl.jpg", "carl"),
    ]
    assert listing.photos[0].path == tmp_path / "anna/b.jpg"


def test_linked_folders_are_read_once(tmp_path):
    touch(tmp_path, "elsewhere/1.jpg", "photos/bob/1.jpg")
    (tmp_path / "photos" / "anna").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "bob" / "round").symlink_to(tmp_path / "photos")
    assert people(Listing.of_folder(tmp_path / "photos")) == {
        "anna/1.jpg": "anna",
        "bob/1.jpg": "bob",
    }


def test_a_folder_that_is_not_there_or_holds_no_photo_is_refused(tmp_path):
    with pytest.raises(ValueError, match="none: no such folder"):
        Listing.of_folder(tmp_path / "none")
    touch(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match=r"contains no photos \(0 that .*, 1 other files\)"):
        Listing.of_folder(tmp_path).require_photos(tmp_path)


def row(image: str, line: int) -> LandmarkRow:
    return LandmarkRow(image, torch.full((3, 2), float(line)), f"table.csv line {line}")


def test_photos_and_rows_that_do_not_meet_are_unusable():
    photos = [ListedPhoto(Path(source), source, "anna") for source in ("a.png", "b.png", "c.png")]
    listing = Listing(photos, unusable=[Skipped("b.png", "broken row"), Skipped("x.png", "odd")])
    rows = [row("a.png", 2), row("d.png", 3), row("x.png", 4)]
    landmarks = listing.match_landmarks(rows, Path("photos"))
    assert [photo.source for photo in listing.photos] == ["a.png"]
    assert landmarks["a.png"][0, 0] == 2
    assert listing.unusable[2:] == [
        Skipped("c.png", "no landmarks in the file"),
        Skipped("d.png", "no such photo", "table.csv line 3"),
    ]


def test_rows_of_no_photo_at_all_are_refused():
    listing = Listing([ListedPhoto(Path("a.png"), "a.png", "anna")])
    with pytest.raises(
        ValueError, match=r"none of 1 images .* the first is z.png \(table.csv line"
    ):
        listing.match_landmarks([row("z.png", 2)], Path("photos"))
    with pytest.raises(ValueError, match="none of 0 images"):
        listing.match_landmarks([], Path("photos"))


def test_photos_of_one_name_directly_in_the_folder_are_of_different_people(tmp_path):
    for name in ("zed.png", "zed.bmp", "anna.png", "anna/1.png", "bob.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    people = {photo.source: photo.person for photo in Listing.of_folder(tmp_path).photos}
    assert people == {
        "anna.png": "anna.png",
        "anna/1.png": "anna",
        "bob.png": "bob",
        "zed.bmp": "zed.bmp",
        "zed.png": "zed.png",
    }
