import shutil

import pytest
from layouts import deepfashion_person, list_published, market_person

from graphgan.data import ListedPair

A, B = "0001_c0s1_000450_00.png", "0001_c1s1_000451_00.png"
OF_TEST = "0004_c0s1_000450_00.png"


def reasons(pictures):
    return sorted((s.source, s.reason, s.detail) for s in pictures.listing.unusable)


def replace_line(path, line, text):
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")


def test_lists_pictures_joints_and_pairs(market_folder):
    listing, landmarks, tables = list_published(market_folder, "market")
    assert len(listing.photos) == len(landmarks) == 15
    first = listing.photos[0]
    assert (first.source, first.person, first.split) == (f"test/{OF_TEST}", "0004", "test")
    assert first.path == market_folder / "test" / OF_TEST
    assert {photo.person for photo in listing.photos if photo.split == "train"} == {
        "0001",
        "0002",
        "0003",
    }
    assert (listing.unusable, listing.other_files, listing.notes) == ([], {}, [])
    assert listing.pairs.columns == ("split", "from", "to")
    assert len(listing.pairs.pairs) == 5 * 6
    assert listing.pairs.pairs[0] == ListedPair(
        ("train",), f"train/{A}", f"train/{B}", "market-pairs-train.csv line 2"
    )
    assert len(tables) == 4


@pytest.mark.parametrize("folder", ["images", "."])
def test_pictures_may_lie_in_one_folder(market_folder, folder):
    (market_folder / folder).mkdir(exist_ok=True)
    for split in ("train", "test"):
        for path in (market_folder / split).iterdir():
            path.rename(market_folder / folder / path.name)
        (market_folder / split).rmdir()
    listing, _, _ = list_published(market_folder, "market")
    assert sum(photo.split == "train" for photo in listing.photos) == 9
    assert sum(photo.split == "test" for photo in listing.photos) == 6
    prefix = "images/" if folder == "images" else ""
    assert listing.photos[0].source == prefix + A
    assert listing.other_files == {}


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("0002_c1s1_000451_03", "0002"),
        ("-1_c1s1_000401_03", "-1_c1s1_000401_03"),
        ("0000_c1s1_000151_01", "0000_c1s1_000151_01"),
        ("alone", "alone"),
    ],
)
def test_whose_picture_a_name_of_market_is(name, person):
    assert market_person(name) == person


def test_whose_picture_a_name_of_deepfashion_is():
    name = "fashionWOMENTees_Tanksid0000796209_4full"
    assert deepfashion_person(name) == "fashionWOMENTees_Tanksid0000796209"
    assert deepfashion_person("alone") == "alone"


def test_rows_without_a_picture_and_pictures_without_a_row(market_folder):
    path = market_folder / "market-annotation-train.csv"
    text = path.read_text().replace(A, "0001_gone.png")
    path.write_text(text)
    assert reasons(list_published(market_folder, "market")) == [
        (f"train/{A}", "no landmarks in the file", ""),
        ("train/0001_gone.png", "no such photo", "market-annotation-train.csv line 2"),
    ]


def test_pairs_that_say_nothing_or_cross_the_split_are_listed(market_folder):
    for split in ("train", "test"):
        shutil.copytree(market_folder / split, market_folder / "images", dirs_exist_ok=True)
        shutil.rmtree(market_folder / split)
    path = market_folder / "market-pairs-train.csv"
    replace_line(path, 3, A)
    replace_line(path, 4, f"{A},{OF_TEST}")
    pictures = list_published(market_folder, "market")
    assert reasons(pictures) == [
        (
            "market-pairs-train.csv line 3",
            "expected two different names",
            f"expected from,to, got {A}",
        ),
        (
            "market-pairs-train.csv line 4",
            "pair across the split",
            f"images/{OF_TEST} not of train",
        ),
    ]
    assert len(pictures.listing.pairs.pairs) == 28


def test_lists_of_pairs_may_be_missing_and_that_is_said(market_folder):
    (market_folder / "market-pairs-test.csv").unlink()
    listing = list_published(market_folder, "market").listing
    assert {pair.about for pair in listing.pairs.pairs} == {("train",)}
    assert listing.notes == ["no *-pairs-test.csv: no pairs are listed for test"]
    (market_folder / "market-pairs-train.csv").unlink()
    assert list_published(market_folder, "market").listing.pairs is None
