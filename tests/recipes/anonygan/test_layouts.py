import pytest
from layouts import list_photos

from graphgan.data import ListedPair


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def people(listing):
    return {photo.source: photo.person for photo in listing.photos}


@pytest.mark.parametrize("prefixes", [("", ""), ("Img/", "Anno/")])
def test_celeba_people_come_from_the_identity_file(tmp_path, prefixes):
    images, table = (prefix + name for prefix, name in zip(
        prefixes, ("img_align_celeba/", "identity_CelebA.txt"), strict=True
    ))  # fmt: skip
    touch(tmp_path, *(f"{images}00000{i}.jpg" for i in (1, 2, 3)), table)
    (tmp_path / table).write_text("000001.jpg 2880\n000002.jpg 17\n000009.jpg 5\n")
    listing = list_photos(tmp_path, "celeba")
    assert people(listing) == {"000001.jpg": "02880", "000002.jpg": "00017"}
    assert [skipped.source for skipped in listing.unusable] == ["000003.jpg"]
    assert listing.notes == ["1 rows of identity_CelebA.txt have no photo"]


def test_a_bad_identity_is_named_by_line(tmp_path):
    touch(tmp_path, "img_align_celeba/000001.jpg")
    (tmp_path / "identity_CelebA.txt").write_text("000001.jpg 1\n000002.jpg one\n")
    with pytest.raises(ValueError, match=r"identity_CelebA\.txt: line 2: .*'000002.jpg one'"):
        list_photos(tmp_path, "celeba")


LFW = tuple(f"lfw/{name}/{name}_000{i}.jpg" for name in ("Al_Bo", "Cy_Do") for i in (1, 2))


def test_lfw_pairs_are_read_with_their_folds(tmp_path):
    touch(tmp_path, *LFW)
    (tmp_path / "pairs.txt").write_text(
        "2 1\nAl_Bo 1 2\nAl_Bo\t1\tCy_Do\t2\nCy_Do 2 1\nCy_Do 1 Al_Bo 2\n"
    )
    listing = list_photos(tmp_path, "lfw")
    assert people(listing)["Cy_Do/Cy_Do_0002.jpg"] == "Cy_Do"
    al, cy = ([f"{n}/{n}_000{i}.jpg" for i in (1, 2)] for n in ("Al_Bo", "Cy_Do"))
    assert listing.pairs.columns == ("fold", "same", "image_a", "image_b")
    assert listing.pairs.pairs == [
        ListedPair((0, 1), al[0], al[1], "pairs.txt line 2"),
        ListedPair((0, 0), al[0], cy[1], "pairs.txt line 3"),
        ListedPair((1, 1), cy[1], cy[0], "pairs.txt line 4"),
        ListedPair((1, 0), cy[0], al[1], "pairs.txt line 5"),
    ]


def test_every_photo_of_ffhq_is_a_person(tmp_path):
    touch(tmp_path, "00000/00001.png", "00000/00002.png", "01000/01000.png", "LICENSE.txt")
    names = {"00000/00001.png": "00000-00001", "00000/00002.png": "00000-00002"}
    assert people(list_photos(tmp_path, "ffhq")) == names | {"01000/01000.png": "01000-01000"}


def test_lfw_may_come_without_pairs_and_says_so(tmp_path):
    touch(tmp_path, *LFW)
    listing = list_photos(tmp_path, "lfw")
    assert listing.pairs is None
    assert "pairs.csv is not written" in listing.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected folds and pairs, got ''"),
        ("1 1\nAl_Bo 1 2\n", "expected 2 pairs, as line 1 says, got 1"),
        ("1 1\nAl_Bo 1 2\nAl_Bo 1 Cy_Do\n", "line 3: expected 'name i j'"),
        ("1 1\nAl_Bo 1 2\nAl_Bo x Cy_Do 1\n", "line 3: expected 'name i j'"),
    ],
)
def test_bad_pairs_are_named_by_line(tmp_path, text, message):
    touch(tmp_path, *LFW)
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(ValueError, match=r"pairs\.txt: ") as error:
        list_photos(tmp_path, "lfw")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("celeba", "expected img_align_celeba or Img/img_align_celeba in it"),
        ("lfw", "expected lfw or lfw_funneled or lfw-deepfunneled in it"),
        ("plain", "contains no photos"),
    ],
)
def test_a_folder_that_lacks_what_it_needs_is_refused(tmp_path, layout, message):
    with pytest.raises(ValueError, match=message):
        list_photos(tmp_path, layout)
