import csv
from pathlib import Path

import astronaut
import pytest
import torch
from safetensors.torch import save

from graphgan.anonymize import drawn_conditions, nobody_conditions, photo_conditions
from graphgan.anonymize._conditions import people_conditions
from graphgan.data import read_image, to_float_image, to_uint8_image, write_image
from graphgan.faces import CenterFace, DlibResNetRecognizer, FaceFinder
from graphgan.landmarks import crop_image, face_crop, face_mask
from graphgan.weights import PEOPLE, weights_file

FACES = Path(__file__).parents[3] / "shared" / "faces"


@pytest.fixture(scope="module")
def photo():
    return astronaut.portrait()


def test_drawn_people_are_aligned_faces_seen_from_the_front():
    conditions = drawn_conditions(3, size=(48, 32))
    assert [condition.name for condition in conditions] == ["drawn-0", "drawn-1", "drawn-2"]
    for condition in conditions:
        assert condition.image.shape == (3, 48, 32) and condition.landmarks.shape == (68, 2)
        assert face_mask(condition.landmarks[None], (48, 32)).mean() > 0.05
        left, right, tip = condition.landmarks[[0, 16, 30], 0]
        assert 0.2 < (tip - left) / (right - left) < 0.8
    assert not torch.equal(conditions[0].image, conditions[1].image)


def test_a_photo_s_person_is_cut_out_as_training_faces_are(tmp_path, photo):
    write_image(tmp_path / "a.png", photo)
    (condition,) = photo_conditions(tmp_path / "a.png", FaceFinder(CenterFace(60)), size=(64, 64))
    (face,) = FaceFinder(CenterFace(60))(photo)
    crop = face_crop(face.landmarks)
    assert condition.name == "a.png"
    expected = crop_image(to_float_image(photo), crop, (64, 64)).clamp(-1, 1)
    assert torch.equal(condition.image, expected)
    assert torch.allclose(condition.landmarks, crop.to_crop(face.landmarks, (64, 64)), atol=1e-4)


def test_a_folder_s_people_are_all_taken_and_each_must_be_one_face(tmp_path, photo):
    (tmp_path / "a").mkdir()
    for name in ("a/1.png", "b.png"):
        write_image(tmp_path / name, photo)
    found = photo_conditions(tmp_path, FaceFinder(CenterFace(60)), size=(32, 32))
    assert [condition.name for condition in found] == ["a/1.png", "b.png"]
    write_image(tmp_path / "c.png", torch.cat([photo, photo], dim=1))
    with pytest.raises(ValueError, match=r"c.png: expected a photo with one face, found 2"):
        photo_conditions(tmp_path, FaceFinder(CenterFace(60)))


def test_no_face_and_no_photo_are_told(tmp_path):
    with pytest.raises(ValueError, match="expected photos of people to show, found none"):
        photo_conditions(tmp_path, FaceFinder(CenterFace(60)))
    write_image(tmp_path / "gray.png", torch.full((3, 90, 90), 128, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"gray.png: expected a photo with one face, found 0"):
        photo_conditions(tmp_path / "gray.png", FaceFinder(CenterFace(60)))


# People who are shown by default: nobody


def test_nobody_is_the_same_people_at_every_call_and_size():
    people = nobody_conditions()
    assert len(people) == len({one.name for one in people}) == 16
    small = nobody_conditions((64, 64))
    assert [one.name for one in small] == [one.name for one in people]
    assert all(one.image.shape == (3, 64, 64) for one in small)
    (again,) = [one for one in drawn_conditions(3) if one.name == "drawn-2"]
    (drawn,) = [one for one in people if one.name == "drawn-2"]
    assert torch.equal(again.image, drawn.image)


@pytest.mark.slow
def test_nobody_of_those_who_were_trained_on_looks_like_the_built_in_conditions():
    recognizer = DlibResNetRecognizer()
    if not FACES.is_dir():
        pytest.skip("needs the faces that the weights were trained on")
    with (FACES / "landmarks.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    firsts = {row[0].split("/")[0]: row for row in reversed(rows)}
    people = []
    for name, *numbers in firsts.values():
        points = torch.tensor([float(x) for x in numbers]).view(68, 2)
        people.append(recognizer(read_image(FACES / "images" / name), points[None])[0])
    assert len(people) == 302
    drawn = [
        recognizer(to_uint8_image(one.image), one.landmarks[None])[0] for one in nobody_conditions()
    ]
    nearest = torch.cdist(torch.stack(drawn), torch.stack(people)).amin(1)
    print(f"nearest distances: {nearest.amin():.3f} to {nearest.amax():.3f}")
    assert nearest.amin() > 0.6


# --- people who look real -------------------------------------------------------------------------


def test_people_who_are_shipped_are_whole_and_different():
    people = people_conditions()
    assert len({person.name for person in people}) == len(people) >= 32
    for person in people:
        assert person.image.shape == (3, 512, 512)
        assert person.image.abs().max() <= 1 and person.image.std() > 0.1
        assert ((person.landmarks > 40) & (person.landmarks < 472)).all()
    chips = torch.stack([person.image[:, 128:384, 128:384].flatten() for person in people])
    distances = torch.cdist(chips, chips) + 1e6 * torch.eye(len(chips))
    assert distances.min() > 0.08 * chips.shape[1] ** 0.5  # nobody is there twice


def test_people_of_other_files_are_refused_with_their_names(tmp_path):
    other = weights_file("face-model")
    with pytest.raises(ValueError, match=f"{other}: expected people and 68 landmarks"):
        people_conditions(other)
    few = {"a": torch.zeros(9, dtype=torch.uint8), "landmarks": torch.zeros(1, 68, 2)}
    (tmp_path / "few.safetensors").write_bytes(save({**few, "descriptors": torch.zeros(2, 128)}))
    with pytest.raises(ValueError, match=r"few\.safetensors: expected 128 numbers for each"):
        people_conditions(tmp_path / "few.safetensors")
    damaged = tmp_path / "people.safetensors"
    damaged.write_bytes(weights_file(PEOPLE).read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"people\.safetensors: expected safetensors"):
        people_conditions(damaged)
    with pytest.raises(OSError, match="people"):
        people_conditions(tmp_path / "no people")
