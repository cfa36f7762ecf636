"""Faces are drawn here; how many real ones are found scripts/compare_detectors.py measures."""

import pickle

import pytest
import torch
import torch.nn.functional as F
from skimage.data import astronaut
from torch import Tensor

from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.faces.search import FaceSearch
from graphgan.landmarks.align import Crop
from graphgan.landmarks.alignment import Alignment, align_face, cut, tilt
from graphgan.landmarks.detection import Detection, DlibDetector, LandmarkDetector
from graphgan.metrics.detection import box_iou

pytest.importorskip("dlib")
SIDE = 160
WHOLE = Crop(-0.5, -0.5, float(SIDE), float(SIDE))


@pytest.fixture(scope="module")
def faces():
    drawn = SyntheticFaces(4, 1, size=SIDE)
    return [drawn[i] for i in range(1, 4)]


@pytest.fixture(scope="module")
def search():
    return FaceSearch()


def turned(face, angle: float) -> tuple[Tensor, Tensor]:
    """A drawn face turned clockwise about the middle of its picture."""
    alignment = Alignment(WHOLE, -angle)
    image = cut(face.image, alignment, (SIDE, SIDE)).clamp(0, 255).round().byte()
    return image, alignment.to_crop(face.landmarks, (SIDE, SIDE))


def distance(found: Detection, landmarks: Tensor) -> float:
    """Mean over the landmarks, as a share of the face's longer side."""
    extent = (landmarks.amax(0) - landmarks.amin(0)).max()
    return float((found.landmarks - landmarks).norm(dim=1).mean() / extent)


def holds(box: Tensor, landmarks: Tensor) -> bool:
    return bool(((landmarks >= box[:2]) & (landmarks <= box[2:])).all())


def test_is_a_detector_of_landmarks(search):
    assert isinstance(search, LandmarkDetector)


@pytest.mark.parametrize("angle", [0.0, 40.0, -40.0, 90.0, 135.0, 180.0, 270.0])
def test_finds_a_face_however_it_leans(search, faces, angle):
    for face in faces[:2]:
        image, landmarks = turned(face, angle)
        (found,) = search(image)
        assert distance(found, landmarks) < 0.08
        assert holds(found.box, found.landmarks)
        assert abs((tilt(found.landmarks) - tilt(landmarks) + 180) % 360 - 180) < 10


@pytest.mark.parametrize("angle", [40.0, -60.0])
def test_one_direction_is_enough_for_faces_that_lean(faces, angle):
    image, landmarks = turned(faces[0], angle)
    (found,) = FaceSearch(turns=(0,))(image)
    assert distance(found, landmarks) < 0.08


def test_one_direction_misses_faces_that_stand_on_their_heads(faces):
    image, _ = turned(faces[0], 180.0)
    assert FaceSearch(turns=(0,))(image) == []
    assert len(FaceSearch(turns=(180,))(image)) == 1


def test_finds_several_of_any_size_once_each(search, faces):
    photo = torch.full((3, 300, 420), 110, dtype=torch.uint8)
    places = [(10, 20, 1.6), (270, 10, 0.9), (280, 190, 0.55)]  # 42 pixels from brows to chin
    truth = []
    for face, (x, y, scale) in zip(faces, places, strict=True):
        small = F.interpolate(face.image[None], scale_factor=scale, mode="bilinear", antialias=True)
        height, width = small.shape[2:]
        photo[:, y : y + height, x : x + width] = small[0]
        truth.append((face.landmarks + 0.5) * scale - 0.5 + torch.tensor([x, y]))
    found = search(photo)
    assert len(found) == len(truth)
    for landmarks in truth:
        assert min(distance(face, landmarks) for face in found) < 0.1


def test_smaller_faces_are_found_where_they_are_asked_for(faces):
    small = F.interpolate(faces[0].image[None], scale_factor=0.3, mode="bilinear", antialias=True)
    photo = torch.full((3, 90, 120), 110, dtype=torch.uint8)
    photo[:, 20:68, 30:78] = small[0]  # 22 pixels
    assert FaceSearch(turns=(0,))(photo) == []
    (found,) = FaceSearch(22, turns=(0,))(photo)
    assert distance(found, (faces[0].landmarks + 0.5) * 0.3 - 0.5 + torch.tensor([30, 20])) < 0.1


def test_a_large_photo_is_searched_small_and_answered_in_its_own_pixels(faces):
    (near,) = FaceSearch(turns=(0,))(faces[0].image)
    large = F.interpolate(faces[0].image[None], scale_factor=5, mode="nearest")[0]
    (found,) = FaceSearch(turns=(0,), max_pixels=SIDE**2)(large)
    torch.testing.assert_close(found.landmarks, (near.landmarks + 0.5) * 5 - 0.5, atol=12, rtol=0)


def test_other_directions_are_bounded_to_a_quarter(faces):
    image, _ = turned(faces[0], 180.0)
    # At 16,000 pixels the face is 94 pixels large, at a quarter of them 47.
    assert FaceSearch(max_pixels=16_000)(image) == []
    assert len(FaceSearch(max_pixels=64_000)(image)) == 1


def test_a_face_cut_by_the_border_is_found(search, faces):
    face = faces[0]
    outside = int(face.landmarks[:, 0].min() + 15)  # of 75 pixels
    (found,) = search(face.image[:, :, outside:].contiguous())
    assert distance(found, face.landmarks - torch.tensor([outside, 0])) < 0.15


def test_a_grey_photo_is_searched_as_well(search, faces):
    grey = faces[0].image.float().mean(0).round().byte().expand(3, -1, -1)
    (found,) = search(grey)
    assert distance(found, faces[0].landmarks) < 0.08


def test_agrees_with_the_frontal_detector_on_an_easy_face(search):
    photo = torch.from_numpy(astronaut()[:256, 96:352]).permute(2, 0, 1).contiguous()
    (found,), (expected,) = search(photo), DlibDetector()(photo)
    assert distance(found, expected.landmarks) < 0.05
    assert box_iou(found.box[None], expected.box[None]).item() > 0.6


@pytest.mark.parametrize("shape", [(1, 1), (20, 20), (3, 500), (700, 5), (90, 120)])
def test_finds_nothing_where_nothing_is(search, shape):
    assert search(torch.full((3, *shape), 128, dtype=torch.uint8)) == []
    noise = torch.randint(0, 256, (3, *shape), dtype=torch.uint8)
    assert search(noise) == []


def test_what_is_no_face_has_a_box_and_no_landmarks():
    torch.manual_seed(1)
    noise = torch.randint(0, 256, (3, 120, 160), dtype=torch.uint8)
    found = FaceSearch(turns=(0,), threshold=-2.0)(noise)  # whatever looks least unlike a face
    assert found
    for face in found:
        assert face.box.isfinite().all()
        if face.landmarks.isfinite().all():
            align_face(face.landmarks)
        else:
            assert face.landmarks.isnan().all()


def test_the_answer_is_the_same_each_time_and_elsewhere(search, faces):
    elsewhere = pickle.loads(pickle.dumps(search))  # after it was used
    for detector in (search, elsewhere):
        first, again = search(faces[0].image), detector(faces[0].image)
        assert all(torch.equal(a, b) for a, b in zip(first[0], again[0], strict=True))
    assert len(pickle.dumps(search)) < 1000  # networks are not sent


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_face": 0}, "expected min_face of at least 1, got 0"),
        ({"max_pixels": 0}, "expected max_pixels of at least 1, got 0"),
        ({"turns": ()}, "expected different turns of 0, 90, 180 or 270 degrees"),
        ({"turns": (0, 45)}, "expected different turns of 0, 90, 180 or 270 degrees"),
        ({"turns": (90, 90)}, "expected different turns of 0, 90, 180 or 270 degrees"),
        ({"threshold": float("nan")}, "expected a finite threshold, got nan"),
    ],
)
def test_refuses_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        FaceSearch(**options)


def test_names_the_extra_when_the_weights_are_missing(monkeypatch, faces):
    from graphgan.extras import MissingExtraError

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"graphgan\[faces\]"):
        FaceSearch()(faces[0].image)
