"""Recognizers from files, on networks made here whose numbers are known, and drawn faces."""

import os
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from graphgan.data import SyntheticFaces
from graphgan.extras import MissingExtraError
from graphgan.faces import FileRecognizer, parse_recognizer
from graphgan.faces._five_points import aligned_faces, five_points

SIDE = 32  # of the networks' images
GRID = 8  # of 4 x 4 pixels each, whose means are the descriptor


def save(path, nodes, shape, outputs, constants=None, inputs=None):
    """A network of ONNX with an input "face" of this shape."""
    given = inputs or [helper.make_tensor_value_info("face", TensorProto.FLOAT, shape)]
    numbers = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "network", given, results, numbers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def means(path, *, batch="batch", side=SIDE, channels_last=False, rows=None):
    """A network that tells the mean color of each square of a grid, 3 x 8 x 8 numbers.

    Args:
        rows: how many rows it says that it has, whatever it gets.
    """
    step = (side if isinstance(side, int) else 112) // GRID
    images = "face"
    nodes = []
    if channels_last:
        nodes.append(helper.make_node("Transpose", ["face"], ["turned"], perm=[0, 3, 1, 2]))
        images = "turned"
    kernel = {"kernel_shape": [step, step], "strides": [step, step]}
    nodes.append(helper.make_node("AveragePool", [images], ["grid"], **kernel))
    nodes.append(helper.make_node("Reshape", ["grid", "shape"], ["row"]))
    constants = {"shape": np.array([rows or 0, 3 * GRID**2], np.int64)}
    shape = [batch, side, side, 3] if channels_last else [batch, 3, side, side]
    return save(path, nodes, shape, ["row"], constants)


@pytest.fixture(scope="module")
def photo():
    """An image of two faces, and their landmarks."""
    image = torch.full((3, 200, 340), 90, dtype=torch.uint8)
    faces = [SyntheticFaces(2, 1, size=160)[i] for i in range(2)]
    for i, face in enumerate(faces):
        image[:, 20:180, 5 + 170 * i : 165 + 170 * i] = face.image
    places = [face.landmarks + torch.tensor([5 + 170 * i, 20]) for i, face in enumerate(faces)]
    return image, torch.stack(places)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return means(tmp_path_factory.mktemp("onnx") / "means.onnx")


def grid_of(faces):
    """What the network tells of these."""
    return torch.nn.functional.avg_pool2d(faces, SIDE // GRID).flatten(1)


def unit(rows):
    return torch.nn.functional.normalize(rows)


# How faces are cut out


PLACES = torch.tensor(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)


def points_at(places):
    """Landmarks whose five points are these."""
    landmarks = torch.zeros(1, 68, 2)
    landmarks[:, 36:42], landmarks[:, 42:48] = places[0], places[1]
    landmarks[0, [30, 48, 54]] = places[2:]
    return landmarks


def test_five_points_are_eyes_nose_and_mouth():
    landmarks = torch.arange(136.0).view(1, 68, 2)
    expected = [[77, 78], [89, 90], [60, 61], [96, 97], [108, 109]]
    assert five_points(landmarks)[0].tolist() == expected


@pytest.mark.parametrize(("size", "scale"), [(112, 1.0), (160, 1.0), (112, 0.85), (64, 0.5)])
def test_a_turned_and_shifted_face_comes_upright(size, scale):
    """Colors that change evenly tell which point of the image a pixel shows."""
    rows, columns = torch.meshgrid(torch.arange(300.0), torch.arange(300.0), indexing="ij")
    image = torch.stack([columns, rows, 0 * rows]).div(300).mul(255).round().to(torch.uint8)
    turn = torch.tensor([[0.9, -0.5], [0.5, 0.9]])
    landmarks = points_at((PLACES - 56) @ turn.T + 150)
    faces, _ = aligned_faces(image, landmarks, size, scale=scale)
    places = (PLACES * size / 112 - size / 2) * scale + size / 2
    for place, point in zip(places, five_points(landmarks)[0], strict=True):
        x, y = place.round().long().tolist()
        seen = faces[0, :2, y, x] * 300 / 255
        assert (seen - point).abs().max() < 2.5 * 112 / size / scale


def test_faces_that_are_none_are_left_out():
    image = torch.zeros(3, 112, 112, dtype=torch.uint8)
    good = points_at(PLACES)
    partly, all_missing = good.clone(), torch.full_like(good, torch.nan)
    partly[0, 3] = torch.nan
    point, huge, far = torch.full_like(good, 7.0), good * 1000, good + 1e9
    landmarks = torch.cat([partly, good, all_missing, point, huge, far])
    faces, present = aligned_faces(image, landmarks, 112)
    assert present.tolist() == [False, True, False, False, False, False]
    assert faces.shape == (1, 3, 112, 112) and faces.isfinite().all()


# What a network sees


def test_descriptors_are_those_of_the_cut_faces_and_their_mirror_images(photo, network):
    image, landmarks = photo
    faces, _ = aligned_faces(image, landmarks, SIDE)
    pixels = (faces - 127.5) / 127.5
    found = FileRecognizer(network)(image, landmarks)
    torch.testing.assert_close(found, unit(grid_of(pixels) + grid_of(pixels.flip(3))))
    found = FileRecognizer(network, flip=False)(image, landmarks)
    torch.testing.assert_close(found, unit(grid_of(pixels)))


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        ("zero-to-one", lambda x: x / 255),
        ("raw", lambda x: x),
        ("imagenet-mean", lambda x: x - torch.tensor([123.68, 116.779, 103.939])[:, None, None]),
    ],
)
def test_normalizations_and_the_order_of_channels(photo, network, normalization, expected):
    image, landmarks = photo
    pixels = expected(aligned_faces(image, landmarks, SIDE)[0])
    for order, seen in (("rgb", pixels), ("bgr", pixels.flip(1))):
        tell = FileRecognizer(network, order=order, normalization=normalization, flip=False)
        torch.testing.assert_close(tell(image, landmarks), unit(grid_of(seen)))


@pytest.mark.parametrize(
    "options",
    [
        {"channels_last": True},
        {"batch": 1},
        {"batch": 2, "channels_last": True},
        {"batch": 3},
        {"rows": 1},  # says that it takes any number, and takes one
        {"batch": None},
    ],
)
def test_layouts_and_batches_give_the_same(photo, network, tmp_path, options):
    image, landmarks = photo
    several = torch.cat([landmarks, landmarks[:1] + 3])
    other = FileRecognizer(means(tmp_path / "other.onnx", **options))
    torch.testing.assert_close(other(image, several), FileRecognizer(network)(image, several))


def test_rows_of_one_face_in_the_description_of_a_file_for_many(photo, network, tmp_path, capfd):
    """InsightFace's w600k_r50.onnx says so; onnxruntime does not complain on stderr."""
    model = onnx.load(network)
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [1, 3 * GRID**2])
    model.graph.output[0].CopyFrom(row)
    onnx.save(model, tmp_path / "one.onnx")
    image, landmarks = photo
    found = FileRecognizer(tmp_path / "one.onnx")(image, landmarks)
    torch.testing.assert_close(found, FileRecognizer(network)(image, landmarks))
    assert capfd.readouterr().err == ""


def test_a_face_without_landmarks_has_a_row_of_nan(photo, network):
    image, landmarks = photo
    tell, missing = FileRecognizer(network), landmarks.clone()
    missing[0, 40] = torch.nan
    found = tell(image, missing)
    assert found.isnan().all(1).tolist() == [True, False]
    torch.testing.assert_close(found[1:], tell(image, landmarks[1:]))
    assert tell(image, landmarks[:0]).shape == (0, 3 * GRID**2)
    assert tell(image, missing[:1]).isnan().all()


# As a tool


def test_it_can_be_sent_to_other_processes_even_after_use(photo, network):
    image, landmarks = photo
    recognize = FileRecognizer(network, order="bgr")
    expected = recognize(image, landmarks)
    sent = pickle.loads(pickle.dumps(recognize))
    assert sent.fingerprint == recognize.fingerprint
    assert torch.equal(sent(image, landmarks), expected)


def test_the_fingerprint_is_that_of_the_file_and_the_options(network, tmp_path):
    same = FileRecognizer(network, name="another").fingerprint
    assert FileRecognizer(network).fingerprint == same
    options = ({"order": "bgr"}, {"normalization": "raw"}, {"crop": "loose"}, {"flip": False})
    others = [FileRecognizer(network, **option).fingerprint for option in options]
    others.append(FileRecognizer(means(tmp_path / "1.onnx", batch=1)).fingerprint)
    assert len({same, *others}) == 6


# What is refused


def test_a_damaged_network_is_refused(network, tmp_path):
    (tmp_path / "half.onnx").write_bytes(network.read_bytes()[:150])
    with pytest.raises(ValueError, match=r"half\.onnx: expected ONNX of a face recognizer"):
        FileRecognizer(tmp_path / "half.onnx")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (["batch", 192], r"\? x 192"),
        (["batch", 1, 32, 32], r"\? x 1 x 32 x 32"),
        ([1, 3, 32, 24], "1 x 3 x 32 x 24"),
        ([1, 32, 24, 3], "1 x 32 x 24 x 3"),
    ],
)
def test_an_input_that_is_no_square_image_is_refused(tmp_path, shape, said):
    path = save(tmp_path / "n.onnx", [helper.make_node("Abs", ["face"], ["y"])], shape, ["y"])
    with pytest.raises(ValueError, match=rf"square RGB images for a face recognizer, got {said}"):
        FileRecognizer(path)


def test_a_detector_is_refused(tmp_path):
    """Which has several outputs, one number or four a place."""
    kernel = {"kernel_shape": [8, 8], "strides": [8, 8]}
    nodes = [
        helper.make_node("AveragePool", ["face"], ["boxes"], **kernel),
        helper.make_node("ReduceMean", ["boxes"], ["scores"], axes=[1]),
    ]
    path = save(tmp_path / "d.onnx", nodes, ["batch", 3, 32, 32], ["boxes", "scores"])
    message = (
        "one output of at least 32 numbers per face, got 1 x 3 x 4 x 4, 1 x 1 x 4 x 4 for 1 face"
    )
    with pytest.raises(ValueError, match=message):
        FileRecognizer(path)


def test_descriptors_that_are_not_finite_are_refused(photo, network, tmp_path):
    image, landmarks = photo
    model = onnx.load(network)
    model.graph.node[0].input[0] = "log"
    model.graph.node.insert(0, helper.make_node("Log", ["face"], ["log"]))
    onnx.save(model, tmp_path / "log.onnx")
    tell = FileRecognizer(tmp_path / "log.onnx")
    with pytest.raises(ValueError, match=r"log\.onnx: expected finite descriptors, got"):
        tell(image, landmarks)


@pytest.mark.parametrize("flip", [True, False])
def test_a_face_of_which_the_network_says_nothing_has_a_row_of_nan(photo, network, flip):
    """Its rows are zero for black, such as what lies outside the image."""
    image, landmarks = photo
    tell = FileRecognizer(network, normalization="raw", flip=flip)
    found = tell(image, torch.cat([landmarks, landmarks[:1] + 1000]))
    assert found.isnan().all(1).tolist() == [False, False, True]
    torch.testing.assert_close(found[:2], tell(image, landmarks))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"order": "gbr"}, "order to be one of 'rgb', 'bgr'; got 'gbr'"),
        ({"normalization": "none"}, "normalization to be one of 'minus-one-to-one', .*'none'"),
        ({"crop": "tight"}, "crop to be one of 'arcface', 'loose'; got 'tight'"),
    ],
)
@pytest.mark.unhooked
def test_unknown_options_are_refused(network, option, message):
    with pytest.raises(ValueError, match=message):
        FileRecognizer(network, **option)


# parse_recognizer


def test_a_text_names_the_file_and_its_options(network):
    found = parse_recognizer(f"ada={network},bgr,no-flip,zero-to-one,loose")
    expected = FileRecognizer(
        network, name="ada", order="bgr", normalization="zero-to-one", crop="loose", flip=False
    )
    assert (found.name, found.fingerprint) == ("ada", expected.fingerprint)
    plain = parse_recognizer(f"r50={network}")
    assert (plain.name, plain.fingerprint) == ("r50", FileRecognizer(network).fingerprint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("net.onnx", r"a recognizer as NAME=FILE\[,OPTION...\], got 'net.onnx'"),
        ("=net.onnx", "NAME=FILE"),
        ("net=", "NAME=FILE"),
        ("a=net.onnx,rgb,bgr", "one order of a, got bgr and rgb"),
        ("a=net.onnx,brg,raw", "options among rgb, bgr, .*got 'net.onnx,brg' for a"),
        ("a=net.onnx,raw", "net.onnx: no such file"),
        ("a=raw", "raw: no such file"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_recognizer(text)


# TensorFlow Lite


def test_without_its_reader_a_file_of_tensorflow_lite_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "net.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingExtraError, match=r"net\.tflite: .* pip install ai-edge-litert"):
        FileRecognizer(tmp_path / "net.tflite")


class Interpreter:
    """What ai-edge-litert's does, for the network that tells means, channels last, two at once."""

    def __init__(self, path, num_threads):
        assert num_threads == 1
        self.shape = (2, SIDE, SIDE, 3)

    def allocate_tensors(self):
        pass

    def get_input_details(self):
        return [
            {
                "index": 5,
                "name": "face",
                "dtype": np.float32,
                "shape": np.array(self.shape),
                "shape_signature": np.array(self.shape),
            }
        ]

    def get_output_details(self):
        return [{"index": 7}]

    def set_tensor(self, index, images):
        assert index == 5 and images.shape == self.shape and images.flags.c_contiguous
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2)

    def invoke(self):
        self.rows = grid_of(self.images).numpy()

    def get_tensor(self, index):
        assert index == 7
        return self.rows


def test_tensorflow_lite_is_read_through_its_interpreter(photo, network, tmp_path, monkeypatch):
    (tmp_path / "net.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    module = SimpleNamespace(Interpreter=Interpreter)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", SimpleNamespace(interpreter=module))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    image, landmarks = photo
    found = FileRecognizer(tmp_path / "net.tflite")(image, landmarks)
    torch.testing.assert_close(found, FileRecognizer(network)(image, landmarks))


def test_mobilefacenet_knows_drawn_people_again():
    """On real weights, in the format that they come in."""
    path = os.environ.get("GRAPHGAN_MOBILEFACENET_WEIGHTS")
    if not path:
        pytest.skip("needs foreign weights: GRAPHGAN_MOBILEFACENET_WEIGHTS, MobileFaceNet.tflite")
    pytest.importorskip("ai_edge_litert", reason="needs foreign weights: and ai_edge_litert")
    faces, tell = SyntheticFaces(6, 2, size=160), FileRecognizer(Path(path))
    rows = torch.cat([tell(face.image, face.landmarks[None]) for face in faces])
    assert rows.shape[1] == 192
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows)))
    distances = torch.cdist(rows, rows).fill_diagonal_(torch.inf)
    assert (distances.argmin(1) // 2 == torch.arange(12) // 2).float().mean() > 0.7
