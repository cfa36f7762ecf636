"""MTCNN; on 100 real faces it gave facenet-pytorch's own boxes, scores and points to 1e-4."""

import os
import pickle
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from graphgan.data import SyntheticFaces
from graphgan.faces import MTCNN, FaceDetector
from graphgan.faces import _mtcnn as mtcnn
from graphgan.faces import _mtcnn_boxes as geometry
from graphgan.faces._mtcnn import ONet, PNet, RNet

NETWORKS = {"pnet": PNet, "rnet": RNet, "onet": ONet}
SURE = 3.0  # the bias of "a face" where "none" has 0
PROBABILITY = torch.tensor(SURE).sigmoid().item()


def boxes(*rows: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


# Layout


LAYERS = {
    "pnet": "conv1 10,3,3,3 prelu1 10 conv2 16,10,3,3 prelu2 16 conv3 32,16,3,3 prelu3 32 "
    "conv4_1 2,32,1,1 conv4_2 4,32,1,1",
    "rnet": "conv1 28,3,3,3 prelu1 28 conv2 48,28,3,3 prelu2 48 conv3 64,48,2,2 prelu3 64 "
    "dense4 128,576 prelu4 128 dense5_1 2,128 dense5_2 4,128",
    "onet": "conv1 32,3,3,3 prelu1 32 conv2 64,32,3,3 prelu2 64 conv3 64,64,3,3 prelu3 64 "
    "conv4 128,64,2,2 prelu4 128 dense5 256,1152 prelu5 256 dense6_1 2,256 dense6_2 4,256 "
    "dense6_3 10,256",
}


def shapes_of(layers: str) -> dict[str, tuple[int, ...]]:
    """Keys and shapes; all but the slopes have a bias."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, sizes in zip(*[iter(layers.split())] * 2, strict=True):
        shapes[f"{layer}.weight"] = tuple(map(int, sizes.split(",")))
        if not layer.startswith("prelu"):
            shapes[f"{layer}.bias"] = shapes[f"{layer}.weight"][:1]
    return shapes


LAYOUT = {name: shapes_of(layers) for name, layers in LAYERS.items()}


def state_of(name: str, *, prefix: str = "") -> dict[str, Tensor]:
    """Random weights in the layout of the well-known file."""
    return {f"{prefix}{key}": 0.1 * torch.randn(shape) for key, shape in LAYOUT[name].items()}


@pytest.mark.parametrize(
    ("name", "parameters"), [("pnet", 6632), ("rnet", 100178), ("onet", 389040)]
)
def test_the_layout_of_the_well_known_files(name, parameters):
    state = NETWORKS[name]().state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == LAYOUT[name]
    assert sum(value.numel() for value in state.values()) == parameters


# The three networks


@torch.no_grad()
def test_the_first_network_looks_through_windows_of_12_pixels_every_2():
    network, image = PNet(), torch.randn(1, 3, 17, 22)
    scores, offsets = network(image)
    assert scores.shape == (1, 4, 6)  # the last row sees past the edge
    for row in range(3):
        for column in range(6):
            window = image[..., 2 * row : 2 * row + 12, 2 * column : 2 * column + 12]
            score, offset = network(window)
            torch.testing.assert_close(score[0, 0, 0], scores[0, row, column])
            torch.testing.assert_close(offset[0, :, 0, 0], offsets[0, :, row, column])


@pytest.mark.parametrize(
    ("name", "size", "last", "first_dense"),
    [("rnet", 24, "prelu3", "dense4"), ("onet", 48, "prelu4", "dense5")],
)
def test_the_dense_layers_read_columns_first(name, size, last, first_dense):
    network, seen = NETWORKS[name](), {}
    network.get_submodule(last).register_forward_hook(lambda m, x, out: seen.update(map=out))
    network.get_submodule(first_dense).register_forward_pre_hook(
        lambda m, x: seen.update(flat=x[0])
    )
    network(torch.randn(2, 3, size, size))
    (_, channels, height, width), flat = seen["map"].shape, seen["flat"]
    assert (height, width) == (3, 3)
    for x, y, c in [(0, 0, 5), (0, 2, 7), (2, 0, 1), (1, 2, channels - 1)]:
        place = (x * height + y) * channels + c
        assert torch.equal(flat[:, place], seen["map"][:, c, y, x])


def test_probabilities_are_of_the_second_class():
    crops = {"pnet": 12, "rnet": 24, "onet": 48}
    for name, size in crops.items():
        network = blind(NETWORKS[name]())
        score, offsets, *points = network(torch.randn(2, 3, size, size))
        assert score.flatten().tolist() == pytest.approx([PROBABILITY] * 2)
        assert offsets.flatten(1).shape == (2, 4)
        assert [tuple(p.shape) for p in points] == ([(2, 5, 2)] if name == "onet" else [])


# Boxes, by hand


def test_the_pyramid_ends_where_the_shorter_side_has_no_window_left():
    scales = geometry.pyramid_scales(50, 300, min_face=20, factor=0.5)
    assert scales == [0.6, 0.3]  # 50 and 25 of 20 pixels at least
    assert geometry.pyramid_scales(40, 80, min_face=20, factor=0.5) == [0.6, 0.3]
    assert geometry.pyramid_scales(35, 35, min_face=35, factor=0.709) == [12 / 35]
    assert geometry.pyramid_scales(19, 300, min_face=20, factor=0.709) == []


def overlap(a: list[float], b: list[float], share_of: str) -> float:
    """Counted pixel by pixel, or in unit squares between centers."""
    end = 1 if share_of == "smaller" else 0

    def cells(box):
        left, top, right, bottom = map(int, box)
        return {(x, y) for x in range(left, right + end) for y in range(top, bottom + end)}

    one, other = cells(a), cells(b)
    whole = min(len(one), len(other)) if share_of == "smaller" else len(one | other)
    return len(one & other) / whole


@given(
    st.lists(st.tuples(*[st.integers(0, 8)] * 2, *[st.integers(1, 8)] * 2), max_size=9),
    st.sampled_from(["union", "smaller"]),
    st.sampled_from([0.3, 0.51, 0.7]),
)
def test_suppression_keeps_what_no_surer_kept_one_covers(corners, share_of, threshold):
    given = boxes(*[(x, y, x + w, y + h) for x, y, w, h in corners])
    scores = torch.rand(len(given))
    kept = geometry.suppress(given, scores, threshold, share_of=share_of).tolist()
    expected = []
    for i in scores.argsort(descending=True).tolist():
        shares = [overlap(given[i].tolist(), given[j].tolist(), share_of) for j in expected]
        if all(share <= threshold for share in shares):
            expected.append(i)
    assert kept == expected


def test_crops_are_whole_pixels_cut_at_the_edges():
    image = torch.arange(24.0).reshape(1, 4, 6).repeat(3, 1, 1)
    given = boxes((1.9, 0.0, 2.2, 1.5), (-3.5, 2.0, 1.0, 9.0), (0, 0, 5, 3))
    crops = geometry.cut_out(image, given, 2)
    assert crops.shape == (3, 3, 2, 2)
    assert crops[0, 0].tolist() == [[1, 2], [7, 8]]
    assert crops[1, 2].tolist() == [[12, 13], [18, 19]]
    # thirds and halves: means of 2 x 3 pixels
    assert crops[2, 0].tolist() == [[4, 7], [16, 19]]
    assert geometry.cut_out(image, boxes(), 24).shape == (0, 3, 24, 24)


def test_boxes_outside_the_image_do_not_touch_it():
    given = boxes(
        (-5, 0, -0.5, 3),  # ends before the first pixel
        (-5, 0, 0.0, 3),
        (5.9, 0, 9, 3),
        (6, 0, 9, 3),
        (0, 4, 5, 8),
        (3, 2, 1, 3),  # turned around
        (0, 0, torch.nan, 3),
        (-1e30, -1e30, 1e30, 1e30),
    )
    expected = [False, True, True, False, False, False, False, True]
    assert geometry.touching(given, height=4, width=6).tolist() == expected
    touching = given[torch.tensor(expected)]
    assert geometry.cut_out(torch.rand(3, 4, 6), touching, 24).shape == (3, 3, 24, 24)


# The cascade


def blind(network: nn.Module, score: float = SURE) -> nn.Module:
    """A network that says the same of whatever it sees."""
    for parameter in network.parameters():
        parameter.data.zero_()
    for name in ("conv4_1", "dense5_1", "dense6_1"):
        if hasattr(network, name):
            getattr(network, name).bias.data[1] = score
    return network


def believer(**options) -> MTCNN:
    """A detector to which everything is a face."""
    detector = MTCNN(**options)
    for name in NETWORKS:
        blind(detector.get_submodule(name))
    return detector


def noise(height: int, width: int) -> Tensor:
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8)


def test_one_window_becomes_one_face():
    detector = believer()
    detector.onet.dense6_3.bias.data = torch.tensor([0.25, 0.75, 0.5, 0.3, 0.7, *[0.4] * 5])
    found = detector(noise(20, 20))  # 13 x 13 pixels at scale 0.6: 2 x 2 windows, one survives
    assert torch.equal(found.boxes, boxes((0, 0, 19, 19)))
    assert found.scores.tolist() == pytest.approx([PROBABILITY])
    expected = torch.tensor([[[5.0, 8], [15, 8], [10, 8], [6, 8], [14, 8]]])
    torch.testing.assert_close(found.points, expected)


def test_all_three_see_8_bit_values_as_they_were_trained():
    detector, seen = believer(), {}
    for name in NETWORKS:
        detector.get_submodule(name).register_forward_pre_hook(
            lambda module, args, name=name: seen.update({name: args[0]})
        )
    values = torch.tensor([0, 100, 255], dtype=torch.uint8)
    detector(values[:, None, None].expand(3, 20, 20))
    assert {name: tuple(x.shape[1:]) for name, x in seen.items()} == {
        "pnet": (3, 13, 13),
        "rnet": (3, 24, 24),
        "onet": (3, 48, 48),
    }
    for x in seen.values():
        expected = ((values - 127.5) / 128)[None, :, None, None].expand_as(x)
        torch.testing.assert_close(x, expected)


def test_each_network_moves_the_edges():
    detector = believer()
    detector.pnet.conv4_2.bias.data = torch.tensor([0.2, 0.1, -0.2, 0.1])
    detector.rnet.dense5_2.bias.data = torch.tensor([0.1, 0.2, -0.1, -0.2])
    detector.onet.dense6_2.bias.data = torch.tensor([0.0, 0.5, 0.0, -0.25])
    found = detector(noise(20, 20))
    # of side 19: (3.8, 1.9, 15.2, 20.9), squared (0, 1.9, 19, 20.9);
    # of side 20: (2, 5.9, 17, 16.9), squared (2, 3.9, 17, 18.9);
    # of side 16: (2, 11.9, 17, 14.9); the points lie in the box before
    torch.testing.assert_close(found.boxes[0], boxes((2, 11.9, 17, 14.9))[0])
    torch.testing.assert_close(found.points[0], torch.tensor([2, 3.9]).expand(5, 2))


def spot_finder() -> MTCNN:
    """The first network finds bright spots on dark ground, the others believe it."""
    detector = believer(factor=0.5)
    network = detector.pnet
    network.conv1.weight.data[0] = 1 / 27
    network.conv1.bias.data[0] = 1.0  # black is 0 then, white 2
    network.conv2.weight.data[0, 0, 1, 1] = 1.0
    network.conv3.weight.data[0, 0] = -1 / 8
    network.conv3.weight.data[0, 0, 1, 1] = 1.0
    network.prelu3.weight.data[0] = 1.0
    network.conv4_1.weight.data[1, 0] = 6.0
    network.conv4_1.bias.data[1] = -3.0
    return detector


def spot(left: int, top: int, side: int, height: int = 159, width: int = 199) -> Tensor:
    # Sides whose scaled sizes are hardly rounded: rounding shifts what the first network finds.
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    image[:, top : top + side, left : left + side] = 255
    return image


def center(box: Tensor) -> Tensor:
    return (box[:2] + box[2:]) / 2


@pytest.mark.parametrize(("left", "top"), [(40, 30), (73, 52), (130, 101)])
@pytest.mark.parametrize("side", [10, 20])
def test_a_spot_is_found_where_it_is(left, top, side):
    found = spot_finder()(spot(left, top, side))
    assert len(found.boxes) >= 1
    expected = torch.tensor([left, top]) + (side - 1) / 2
    assert (center(found.boxes[0]) - expected).abs().max() <= 0.5 * side  # windows lie 0.67 apart
    assert found.scores.diff().le(0).all()


def test_the_later_networks_see_what_is_in_the_box():
    detector = believer()
    network = detector.rnet  # believes what is bright
    network.conv1.weight.data[0, 0, 1, 1] = 1.0
    network.conv1.bias.data[0] = 1.0
    network.conv2.weight.data[0, 0, 1, 1] = 1.0
    network.conv3.weight.data[0, 0, 0, 0] = 1.0
    network.dense4.weight.data[0, ::64] = 1 / 9
    network.dense5_1.weight.data[1, 0] = 8.0
    network.dense5_1.bias.data[1] = -8.0  # in between at mid-gray
    image = noise(20, 20)
    assert len(detector(image.clamp(max=60)).boxes) == 0
    assert len(detector(image.clamp(min=190)).boxes) == 1


# What is found in nothing


def assert_nothing(found: mtcnn.Faces):
    assert [tuple(part.shape) for part in found] == [(0, 4), (0,), (0, 5, 2)]
    assert all(part.dtype == torch.float32 for part in found)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_face_where_one_network_sees_none(name):
    detector = believer()
    blind(detector.get_submodule(name), score=-SURE)
    assert_nothing(detector(noise(40, 50)))


@pytest.mark.unhooked
@pytest.mark.parametrize(
    "image",
    [
        torch.rand(3, 30, 30),
        torch.zeros(30, 30, dtype=torch.uint8),
        torch.zeros(1, 30, 30, dtype=torch.uint8),
        torch.zeros(1, 3, 30, 30, dtype=torch.uint8),
        torch.zeros(30, 30, 3, dtype=torch.uint8),
    ],
)
def test_refuses_what_is_no_8_bit_rgb(image):
    with pytest.raises(ValueError, match=r"expected 8-bit RGB of shape \(3, h, w\), got torch."):
        believer()(image)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_face": 0}, "min_face of at least 1, got 0"),
        ({"factor": 1.0}, "factor between 0 and 1, got 1.0"),
        ({"factor": 0.0}, "factor between 0 and 1, got 0.0"),
        ({"thresholds": (0.6, 0.7, 1.1)}, "three thresholds from 0 to 1"),
        ({"thresholds": (0.6, float("nan"), 0.7)}, "three thresholds from 0 to 1"),
    ],
)
def test_refuses_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        MTCNN(**options)


# Files


@pytest.fixture
def folder(tmp_path):
    for name in NETWORKS:
        torch.save(state_of(name), tmp_path / f"{name}.pt")
    return tmp_path


def test_a_folder_and_one_file_give_the_same(folder, tmp_path):
    parts = {name: torch.load(folder / f"{name}.pt", weights_only=True) for name in NETWORKS}
    joined = {f"{name}.{key}": v for name, part in parts.items() for key, v in part.items()}
    torch.save({"state_dict": joined}, tmp_path / "all.pt")
    save_file(joined, tmp_path / "all.safetensors")
    for path in (folder, str(folder), tmp_path / "all.pt", tmp_path / "all.safetensors"):
        state = MTCNN.from_weights(path).state_dict()
        assert list(state) == list(joined)
        assert all(torch.equal(state[key], joined[key]) for key in joined)


@pytest.fixture
def wheel(folder, tmp_path):
    """Which keeps them in a folder of the package, as facenet-pytorch's does."""
    path = tmp_path / "facenet_pytorch-2.6.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("facenet_pytorch/__init__.py", "")
        for name in NETWORKS:
            archive.write(folder / f"{name}.pt", f"facenet_pytorch/data/{name}.pt")
    return path


def test_a_wheel_gives_the_same_as_the_files_in_it(wheel, folder):
    expected = MTCNN.from_weights(folder).state_dict()
    found = MTCNN.from_weights(str(wheel)).state_dict()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    detect, image = mtcnn.MTCNNDetector(wheel), noise(40, 50)
    pairs = zip(detect(image), mtcnn.MTCNNDetector(folder)(image), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_layout_that_does_not_fit_is_named(folder):
    state = state_of("pnet") | {"prelu4.weight": torch.zeros(32)}
    torch.save(state, folder / "pnet.pt")
    with pytest.raises(ValueError, match=r"pnet\.pt: .*prelu4\.weight left over"):
        MTCNN.from_weights(folder)


# As a tool


def test_the_detector_is_the_network_of_its_file_in_other_processes_too(folder):
    detect = mtcnn.MTCNNDetector(folder)
    assert isinstance(detect, FaceDetector) and detect.name == "MTCNN"
    image = noise(40, 50)
    expected = MTCNN.from_weights(folder)(image)
    for found in (detect(image), pickle.loads(pickle.dumps(detect))(image)):
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


# With the well-known weights


@pytest.fixture(scope="module")
def trained() -> MTCNN:
    path = os.environ.get("GRAPHGAN_MTCNN_WEIGHTS")
    if not path:
        pytest.skip("needs foreign weights: GRAPHGAN_MTCNN_WEIGHTS, facenet-pytorch's wheel")
    return MTCNN.from_weights(path)


@pytest.mark.parametrize("size", [64, 128, 200])
def test_trained_it_finds_drawn_faces_and_their_points(trained, size):
    faces = SyntheticFaces(4, 1, size=size)
    for face in (faces[i] for i in range(len(faces))):
        found, landmarks = trained(face.image), face.landmarks
        assert len(found.boxes) == 1
        eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
        expected = torch.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])
        distance = (eyes[0] - eyes[1]).norm()
        assert (found.points[0] - expected).norm(dim=1).max() < 0.4 * distance
        assert (found.boxes[0, :2] < expected.amin(0)).all()
        assert (found.boxes[0, 2:] > expected.amax(0)).all()
