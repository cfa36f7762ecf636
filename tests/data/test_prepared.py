import json
import math

import pytest
import torch

from graphgan.data import PictureDataset, PreparedPictures, write_image
from graphgan.data._prepared import PreparedPicture, write_info, write_manifest
from graphgan.landmarks import IBUG_68, OPENPOSE_18, Crop
from graphgan.landmarks._crop import whole_crop

SIZE = (8, 6)
PEOPLE = ("anna", "anna", "bob", "zoë, née x")


@pytest.fixture
def root(tmp_path):
    """Four faces of three people, the last of them in the split "test"."""
    faces = []
    for i, person in enumerate(PEOPLE):
        landmarks = torch.arange(36).view(18, 2) + i + 0.12344
        landmarks[0] = math.nan
        split = "test" if person.startswith("z") else "train"
        crop = Crop(i / 3, -1.5, 10.1, 7.3)
        image = f"images/{person}/{i}.png"
        faces.append(PreparedPicture(image, person, split, f"{person}/{i}.jpg", crop, i, landmarks))
        (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / image, torch.full((3, *SIZE), i).byte())
    write_manifest(tmp_path, faces)
    info = {"size": SIZE, "landmark_scheme": "openpose-18", "images": len(faces)}
    write_info(tmp_path, info)
    return tmp_path


def test_reads_what_was_written(root):
    faces = PreparedPictures(root)
    assert isinstance(faces, PictureDataset)
    assert (len(faces), faces.size, faces.num_landmarks) == (4, SIZE, 18)
    assert faces.landmark_scheme == "openpose-18"
    assert faces.persons == [0, 0, 1, 2]
    assert faces.people == ["anna", "bob", "zoë, née x"]
    assert faces.names == ["anna-0", "anna-1", "bob-2", "zoë, née x-3"]
    image, landmarks = faces[3]
    assert image.shape == (3, *SIZE) and (image == 3).all()
    assert landmarks.dtype == torch.float32
    assert landmarks[0].isnan().all()
    torch.testing.assert_close(landmarks[1:3], torch.tensor([[5.1234, 6.1234], [7.1234, 8.1234]]))
    assert faces.pictures[1].crop == Crop(1 / 3, -1.5, 10.1, 7.3)  # not rounded
    assert (faces.pictures[1].source, faces.pictures[1].outside) == ("anna/1.jpg", 1)


def test_a_split_counts_its_people_from_nought(root):
    test = PreparedPictures(root, "test")
    assert (len(test), test.persons, test.people) == (1, [0], ["zoë, née x"])
    assert (test[0].image == 3).all()
    assert PreparedPictures(root, "train").persons == [0, 0, 1]


def refusal(root, split=None) -> str:
    with pytest.raises(ValueError, match=str(root)) as error:
        PreparedPictures(root, split)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_missing_folder_says_how_to_make_one(tmp_path):
    assert "no such folder; make one with `python recipes" in refusal(tmp_path / "none")


def test_an_interrupted_folder_says_how_to_go_on(root):
    (root / "prepared.json").unlink()
    (root / "progress.jsonl").write_text("{}\n")
    assert "preparing was interrupted; run the same prepare command again" in refusal(root)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other"}', '{"format": ', "7"])
def test_a_foreign_prepared_json_is_refused(root, text):
    (root / "prepared.json").write_text(text)
    assert "another format" in refusal(root)


def test_a_manifest_that_was_cut_is_refused(root):
    text = (root / "manifest.csv").read_text()
    (root / "manifest.csv").write_text("".join(text.splitlines(keepends=True)[:-1]))
    assert "expected 4 images, as prepared.json says, got 3" in refusal(root)
    (root / "manifest.csv").write_text(text[:-20])
    assert "manifest.csv: line 5: " in refusal(root)


@pytest.mark.parametrize("text", ["", "image,x0\n"])
def test_a_foreign_manifest_is_refused(root, text):
    (root / "manifest.csv").write_text(text)
    assert "expected the columns image,person" in refusal(root)


def test_pictures_of_another_recipe_are_refused(root):
    assert len(PreparedPictures(root, scheme=OPENPOSE_18)) == 4
    with pytest.raises(
        ValueError, match=r"the landmarks ibug-68, got openpose-18; .*other networks"
    ):
        PreparedPictures(root, scheme=IBUG_68)


def test_listed_pairs_are_those_of_the_split(root):
    assert PreparedPictures(root).listed_pairs() is None
    (root / "pairs.csv").write_text(
        "split,from,to\n"
        "train,images/bob/2.png,images/anna/0.png\n"
        'test,"images/zoë, née x/3.png","images/zoë, née x/3.png"\n'
    )
    pairs = PreparedPictures(root, "train").listed_pairs()
    assert (pairs.condition.tolist(), pairs.source.tolist()) == ([2], [0])
    assert PreparedPictures(root, "test").listed_pairs().condition.tolist() == [0]
    assert PreparedPictures(root).listed_pairs().condition.tolist() == [2, 3]


def test_an_empty_split_is_refused(root):
    text = (root / "manifest.csv").read_text()
    (root / "manifest.csv").write_text(text.replace(",test,", ",train,"))
    assert "no images in the split 'test', of 4 in all" in refusal(root, "test")


def test_faces_without_a_mask_are_named(face_rows):
    root = face_rows(lambda i, points: points[3].fill_(math.nan if i in (1, 3) else 20.0))
    with pytest.raises(ValueError, match=r"manifest.csv: .* images/p/1.png, images/p/3.png; "):
        PreparedPictures(root).check_masks()


def test_other_landmarks_have_no_mask(root):
    with pytest.raises(ValueError, match=r"a scheme with face masks \(ibug-68, .* got openpose-18"):
        PreparedPictures(root).check_masks()


@pytest.fixture
def face_rows(tmp_path, drawn_faces):
    """A manifest of five faces, whose landmarks a function may change."""

    def face_rows(change):
        rows = []
        for i in range(5):
            landmarks = drawn_faces[0].landmarks.clone()
            change(i, landmarks)
            crop = whole_crop((64, 64))
            rows.append(PreparedPicture(f"images/p/{i}.png", "p", "train", "", crop, 0, landmarks))
        write_manifest(tmp_path, rows)
        write_info(tmp_path, {"size": (64, 64), "landmark_scheme": "ibug-68", "images": 5})
        return tmp_path

    return face_rows


@pytest.mark.parametrize("size", [5, "x", [128], [0, 64], [128.0, 64], [True, 64], None])
def test_a_damaged_size_is_named(root, size):
    info = json.loads((root / "prepared.json").read_text()) | {"size": size}
    (root / "prepared.json").write_text(json.dumps(info))
    with pytest.raises(ValueError, match="expected a height and a width, got"):
        PreparedPictures(root)


@pytest.mark.parametrize(
    ("old", "new"), [(",test,", ",valid,"), ("1.1234", "inf"), (",0,,", ',"0,,')]
)
def test_a_damaged_manifest_is_named_by_line(root, old, new):
    manifest = root / "manifest.csv"
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=r"manifest\.csv: line \d"):
        PreparedPictures(root)
