import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from graphgan.data import ListedPhoto, SyntheticPersons, read_image, write_image
from graphgan.data._photos import CroppedPhoto, CropTask, UnusablePhoto, crop_photo
from graphgan.landmarks import IBUG_68, OPENPOSE_18, Detection, crop_image, face_crop, person_crop


class TwoFaces:
    """A detector that finds one face left of the middle and one in it."""

    num_landmarks = 68

    def __init__(self, landmarks: torch.Tensor) -> None:
        self.landmarks = landmarks

    def __call__(self, image: torch.Tensor) -> list[Detection]:
        aside, middle = torch.tensor([0.0, 30, 5, 35]), torch.tensor([25.0, 25, 35, 37])
        return [Detection(aside, self.landmarks - 8), Detection(middle, self.landmarks)]


@pytest.fixture
def task(tmp_path, drawn_faces):
    def task(landmarks, content: bytes | None = None) -> CropTask:
        path = tmp_path / "a.png"
        if content is None:
            write_image(path, drawn_faces[0].image)
        else:
            path.write_bytes(content)
        given = None if landmarks is None else np.asarray(landmarks, dtype=np.float64)
        photo = ListedPhoto(path, "a.png", "anna")
        folder, image = tmp_path / "out", "images/anna/a.png"
        return CropTask(photo, folder, image, (32, 32), IBUG_68, "face", given)

    return task


def test_writes_the_square_around_the_face(task, drawn_faces):
    face = drawn_faces[0]
    todo = task(face.landmarks)
    outcome = crop_photo(todo, None)
    assert isinstance(outcome, CroppedPhoto)
    assert outcome.crop == face_crop(face.landmarks)
    expected = crop_image(face.image, outcome.crop, (32, 32)).round().clamp(0, 255).byte()
    assert torch.equal(read_image(todo.target), expected)
    back = outcome.crop.to_image(torch.from_numpy(outcome.landmarks), (32, 32))
    torch.testing.assert_close(back, face.landmarks.double())


def test_of_several_detected_faces_the_middle_one_is_taken(task, drawn_faces):
    outcome = crop_photo(task(None), TwoFaces(drawn_faces[0].landmarks))
    assert isinstance(outcome, CroppedPhoto)
    assert outcome.crop == face_crop(drawn_faces[0].landmarks)


def test_landmarks_outside_the_photo_are_kept_and_counted(task, drawn_faces):
    landmarks = drawn_faces[0].landmarks.clone()
    landmarks[:3] = torch.tensor([-0.6, 5.0])
    landmarks[48] = math.nan
    outcome = crop_photo(task(landmarks), None)
    assert isinstance(outcome, CroppedPhoto)
    assert outcome.outside == 3
    assert np.isnan(outcome.landmarks[48]).all()


@pytest.mark.parametrize("index", [0, 8, 16, 19, 24])
def test_without_a_mask_a_photo_is_of_no_use(task, drawn_faces, index):
    landmarks = drawn_faces[0].landmarks.clone()
    landmarks[index] = math.nan
    todo = task(landmarks)
    outcome = crop_photo(todo, None)
    assert isinstance(outcome, UnusablePhoto)
    assert outcome.reason == "bad landmarks"
    assert outcome.detail.startswith("the face mask is empty")
    assert not todo.target.exists()


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (torch.full((68, 2), math.nan), "all missing"),
        (torch.full((68, 2), 30.0), "all equal"),
        (torch.rand(68, 2) * 50 + 500, "0 of 68 lie inside the image"),
        (torch.cat([torch.rand(60, 2) * 50, torch.rand(8, 2) * 1e9]), "too many for an image"),
    ],
)
def test_landmarks_that_are_no_face_of_the_photo_are_a_reason(task, landmarks, message):
    todo = task(landmarks)
    outcome = crop_photo(todo, None)
    assert isinstance(outcome, UnusablePhoto)
    assert outcome.reason == "bad landmarks"
    assert message in outcome.detail
    assert not todo.target.exists()


@pytest.mark.parametrize(
    ("content", "detail"),
    [(b"", "the file is empty"), (b"?", "not an image, or an unknown format")],
)
def test_a_photo_that_cannot_be_read_is_a_reason(task, content, detail):
    outcome = crop_photo(task(torch.rand(68, 2), content), None)
    assert outcome == UnusablePhoto("unreadable", detail)


def test_no_face_is_a_reason(task):
    class Blind(TwoFaces):
        def __call__(self, image: torch.Tensor) -> list[Detection]:
            return []

    assert crop_photo(task(None), Blind(torch.rand(68, 2))) == UnusablePhoto("no face found")
    of_person = replace(task(None), scheme=OPENPOSE_18, crop="person")
    assert crop_photo(of_person, Blind(torch.rand(18, 2))) == UnusablePhoto("no person found")


@pytest.fixture
def person_task(tmp_path):
    """A photo of a drawn person, of which joints may be changed and the image be cut."""

    def person_task(crop="person", change=lambda joints: None, width=64) -> CropTask:
        image, joints = SyntheticPersons(1, 1)[0]
        change(joints)
        path = tmp_path / "a.png"
        write_image(path, image[:, :, :width])
        photo = ListedPhoto(path, "a.png", "anna")
        given = joints.double().numpy()
        return CropTask(photo, tmp_path / "out", "a.png", (128, 64), OPENPOSE_18, crop, given)

    return person_task


def test_writes_the_rectangle_around_the_person(person_task):
    todo = person_task()
    outcome = crop_photo(todo, None)
    assert isinstance(outcome, CroppedPhoto)
    joints = torch.from_numpy(todo.landmarks)
    assert outcome.crop == person_crop(joints, (128, 64))
    photo = read_image(todo.photo.path)
    expected = crop_image(photo, outcome.crop, (128, 64)).round().clamp(0, 255).byte()
    assert torch.equal(read_image(todo.target), expected)
    back = outcome.crop.to_image(torch.from_numpy(outcome.landmarks), (128, 64))
    torch.testing.assert_close(back, joints, equal_nan=True)


def test_a_whole_photo_of_another_size_is_of_no_use(person_task):
    todo = person_task("whole", width=60)
    detail = "expected 64 x 128 pixels, got 60 x 128"
    assert crop_photo(todo, None) == UnusablePhoto("another size", detail)
    assert not todo.target.exists()
