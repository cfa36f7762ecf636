import pickle

import pytest
import torch
import torch.nn.functional as F
from skimage.data import astronaut

from graphgan.faces.search import FaceSearch
from graphgan.landmarks.align import Crop
from graphgan.landmarks.alignment import Alignment, align_face, cut, tilt
from graphgan.landmarks.detection import DlibDetector, LandmarkDetector
from graphgan.metrics.detection import box_iou


@pytest.fixture(scope="module")
def photo():
    return torch.from_numpy(astronaut()[:256, 96:352]).permute(2, 0, 1).contiguous()


@pytest.fixture(scope="module")
def search():
    return FaceSearch()


def turned(photo, angle):
    """The photo turned clockwise by an angle, reflected at its edges, as a photo of its own."""
    crop = Crop(-0.5, -0.5, 256.0, 256.0)
    return cut(photo, Alignment(crop, -angle), (256, 256)).clamp(0, 255).round().byte()


def test_it_finds_what_dlib_finds(search, photo):
    assert isinstance(search, LandmarkDetector) and search.num_landmarks == 68
    (face,), (known,) = search(photo), DlibDetector()(photo)
    eyes = (known.landmarks[45] - known.landmarks[36]).norm()
    assert (face.landmarks - known.landmarks).norm(dim=1).mean() < 0.1 * eyes
    assert box_iou(face.box[None], known.box[None]) > 0.4
    low, high = face.landmarks.amin(0), face.landmarks.amax(0)
    assert (face.box[:2] < low + 10).all() and (face.box[2:] > high - 10).all()


@pytest.mark.parametrize("angle", [40.0, -60.0, 90.0, 135.0, 180.0, -90.0])
def test_it_finds_faces_that_lean_lie_or_stand_on_the_head(search, photo, angle):
    (upright,) = search(photo)
    faces = search(turned(photo, angle))
    assert len(faces) == 1
    expected = Alignment(Crop(-0.5, -0.5, 256.0, 256.0), -angle).to_crop(
        upright.landmarks, (256, 256)
    )
    eyes = (upright.landmarks[45] - upright.landmarks[36]).norm()
    assert (faces[0].landmarks - expected).norm(dim=1).mean() < 0.25 * eyes
    difference = (tilt(faces[0].landmarks) - angle + 180) % 360 - 180
    assert abs(difference) < 25
    align_face(faces[0].landmarks)


def test_it_finds_small_faces_as_far_as_it_is_asked_to(photo):
    face = F.interpolate(photo[None].float(), size=(110, 110), mode="area")[0].byte()  # 45 pixels
    wide = torch.full((3, 300, 400), 110, dtype=torch.uint8)
    wide[:, 100:210, 150:260] = face
    assert len(FaceSearch(40)(wide)) == 1
    assert FaceSearch(120)(wide) == []


def test_every_one_of_several_is_found_once(search, photo):
    small = F.interpolate(photo[None].float(), size=(180, 180), mode="area")[0].byte()
    row = torch.cat([small, torch.rot90(small, 1, (1, 2)), small.flip(-1)], dim=2)
    faces = search(row)
    assert sorted(int(face.box[[0, 2]].mean() // 180) for face in faces) == [0, 1, 2]


def test_the_same_photo_gives_the_same_answer_in_any_process(search, photo):
    again = pickle.loads(pickle.dumps(search))
    for one, other in zip(search(photo), again(photo), strict=True):
        assert torch.equal(one.box, other.box) and torch.equal(one.landmarks, other.landmarks)


@pytest.mark.parametrize("size", [(1, 1), (20, 20), (5, 400), (0, 30), (200, 260)])
def test_where_nothing_is_nothing_is_found(search, size):
    assert search(torch.full((3, *size), 90, dtype=torch.uint8)) == []


@pytest.mark.parametrize(
    "options", [{"min_face": 0}, {"max_pixels": 0}, {"threshold": float("nan")}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="expected"):
        FaceSearch(**options)
