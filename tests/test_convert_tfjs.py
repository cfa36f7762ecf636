"""Graph models of TensorFlow.js become ONNX that gives the same numbers.

The four networks that it was written for gave the numbers of @tensorflow/tfjs to 1e-5 when they
were converted; here a small one is computed by hand.
"""

import base64
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from loading import load

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def convert():
    return load("scripts/convert_tfjs.py")


def text(value):
    return {"s": base64.b64encode(value.encode()).decode()}


def window(stride, padding):
    return {
        "strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}},
        "dilations": {"list": {"i": ["1"] * 4}},
        "padding": text(padding),
        "data_format": text("NHWC"),
    }


def fused(*names):
    return {"fused_ops": {"list": {"s": [text(name)["s"] for name in names]}}}


class Model:
    """A graph model while it is written."""

    def __init__(self, shape):
        dims = [{"size": str(size)} for size in shape]
        self.nodes = [
            {"name": "image", "op": "Placeholder", "attr": {"shape": {"shape": {"dim": dims}}}}
        ]
        self.weights, self.content = [], b""

    def const(self, name, value, dtype="float32", stored=None, **quantization):
        """A constant; stored as it is, or as numbers of another type."""
        value = np.asarray(value)
        entry = {"name": name, "shape": list(value.shape), "dtype": dtype}
        if stored:
            entry["quantization"] = {"dtype": stored, **quantization}
        self.weights.append(entry)
        self.content += value.astype(stored or dtype).tobytes()
        self.nodes.append({"name": name, "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}})
        return name

    def add(self, name, op, *inputs, **attributes):
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def save(self, folder):
        middle = len(self.content) // 2  # the weights lie in two files
        (folder / "1.bin").write_bytes(self.content[:middle])
        (folder / "2.bin").write_bytes(self.content[middle:])
        manifest = [{"paths": ["1.bin", "2.bin"], "weights": self.weights}]
        nodes = list(reversed(self.nodes))  # in any order
        topology = {"modelTopology": {"node": nodes}, "weightsManifest": manifest}
        (folder / "model.json").write_text(json.dumps(topology))
        return folder / "model.json"


def computed(model, folder, convert, image, outputs=()):
    path = model.save(folder)
    network = convert.convert(path, outputs)
    session = onnxruntime.InferenceSession(
        network.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return [torch.from_numpy(y) for y in session.run(None, {"image": image.numpy()})]


def same_padded(x, weight, stride, groups=1, bias=None):
    """As TensorFlow pads: what is missing is shared, the odd pixel at the end."""
    pads = []
    for side, kernel in zip(x.shape[:1:-1], weight.shape[:1:-1], strict=True):
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads += [missing // 2, missing - missing // 2]
    return F.conv2d(F.pad(x, pads), weight, bias, stride, groups=groups)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("sides", [(9, 7), (8, 8)])
def test_convolutions(convert, tmp_path, stride, sides):
    model = Model((-1, *sides, 3))
    kernel, deep = RNG.normal(size=(3, 3, 3, 6)), RNG.normal(size=(3, 3, 6, 2))
    bias = RNG.normal(size=6)
    model.const("kernel", kernel)
    model.const("deep", deep)
    model.const("bias", bias)
    model.const("wide", RNG.normal(size=12))
    relu6 = fused("BiasAdd", "Relu6")
    model.add("plain", "Conv2D", "image", "kernel", **window(stride, "VALID"))
    model.add("same", "_FusedConv2D", "image", "kernel", "bias", **window(stride, "SAME"), **relu6)
    fuse = {**window(stride, "SAME"), **fused("BiasAdd", "Relu")}
    model.add("depth", "FusedDepthwiseConv2dNative", "same", "deep", "wide", **fuse)
    model.add("bare", "DepthwiseConv2dNative", "same", "deep", **window(1, "VALID"))
    image = torch.randn(2, *sides, 3)
    outputs = ("plain", "depth", "bare")
    plain, depth, bare = computed(model, tmp_path, convert, image, outputs)
    x = image.permute(0, 3, 1, 2)
    weight = torch.from_numpy(kernel).float().permute(3, 2, 0, 1)
    torch.testing.assert_close(plain.permute(0, 3, 1, 2), F.conv2d(x, weight, None, stride))
    same = same_padded(x, weight, stride, bias=torch.from_numpy(bias).float()).clamp(0, 6)
    each = torch.from_numpy(deep).float().permute(2, 3, 0, 1).reshape(12, 1, 3, 3)
    wide = torch.from_numpy(np.frombuffer(model.content, np.float32)[-12:].copy())
    expected = same_padded(same, each, stride, groups=6, bias=wide).relu()
    torch.testing.assert_close(depth.permute(0, 3, 1, 2), expected, atol=1e-4, rtol=1e-4)
    expected = F.conv2d(same, each, groups=6)
    torch.testing.assert_close(bare.permute(0, 3, 1, 2), expected, atol=1e-4, rtol=1e-4)


def test_a_head_of_rows(convert, tmp_path):
    """Means, matrices, a length of 1: what stands behind the convolutions."""
    model = Model((-1, 2, 3, 4))
    matrix, bias, turned = RNG.normal(size=(4, 5)), RNG.normal(size=5), RNG.normal(size=(6, 5))
    model.const("axes", [1, 2], "int32")
    model.const("last", 1, "int32")
    model.const("tiny", 1e-12)
    for name, value in (("matrix", matrix), ("bias", bias), ("turned", turned)):
        model.const(name, value)
    model.add("mean", "Mean", "image", "axes", keep_dims={"b": False})
    relu = fused("BiasAdd", "Relu")
    model.add("dense", "_FusedMatMul", "mean", "matrix", "bias", **relu)
    model.add("row", "MatMul", "dense", "turned", transpose_b={"b": True})
    model.add("square", "Square", "row")
    model.add("sum", "Sum", "square", "last", keep_dims={"b": True})
    model.add("most", "Maximum", "sum", "tiny")
    model.add("root", "Rsqrt", "most")
    model.add("unit", "Mul", "row", "root")
    image = torch.randn(3, 2, 3, 4)
    (found,) = computed(model, tmp_path, convert, image)
    matrix, bias, turned = (torch.from_numpy(x).float() for x in (matrix, bias, turned))
    row = (image.mean((1, 2)) @ matrix + bias).relu() @ turned.T
    torch.testing.assert_close(found, F.normalize(row))


def test_single_steps(convert, tmp_path):
    model = Model((-1, 2, 2, 3))
    model.const("half", 0.5)
    model.const("pads", [[0, 0], [1, 0], [0, 2], [0, 0]], "int32")
    model.const("flat", [-1, 12], "int32")
    model.const("middle", [1, 2], "int32")
    model.add("less", "Sub", "image", "half")
    for op in ("Abs", "Relu", "Relu6", "Sigmoid", "Softmax"):
        model.add(op, op, "less:0")
    for op in ("Add", "AddV2", "RealDiv", "Minimum"):
        model.add(op, op, "less", "half", "^image")
    model.add("Identity", "Identity", "image")
    model.add("BiasAdd", "BiasAdd", "less", "half")
    model.add("Pad", "Pad", "less", "pads")
    model.add("Reshape", "Reshape", "less", "flat")
    model.add("mean", "Mean", "less", "middle", keep_dims={"b": True})
    model.add("Squeeze", "Squeeze", "mean", squeeze_dims={"list": {"i": ["1", "2"]}})
    x = 5 * torch.randn(2, 2, 2, 3)
    less = x - 0.5
    expected = {
        "Abs": less.abs(),
        "Relu": less.relu(),
        "Relu6": less.clamp(0, 6),
        "Sigmoid": less.sigmoid(),
        "Softmax": less.softmax(-1),
        "Add": x,
        "AddV2": x,
        "BiasAdd": x,
        "Identity": x,
        "RealDiv": less / 0.5,
        "Minimum": less.clamp(max=0.5),
        "Pad": F.pad(less, (0, 0, 0, 2, 1, 0)),
        "Reshape": less.flatten(1),
        "Squeeze": less.mean((1, 2)),
    }
    found = computed(model, tmp_path, convert, x, tuple(expected))
    for name, y in zip(expected, found, strict=True):
        torch.testing.assert_close(y, expected[name], msg=name)


def test_every_operation_is_tested(convert):
    source = Path(__file__).read_text()
    assert [op for op in convert.OPERATIONS if f'"{op}"' not in source] == []


def test_packed_weights_are_unpacked(convert, tmp_path):
    model = Model((-1, 4))
    model.const("bytes", [[0, 255, 3, 4]], stored="uint8", scale=0.25, min=-3.0)
    model.const("halves", [1.5, -2.25, 0.125, 1000], stored="float16")
    model.const("steps", [65535, 0, 1, 2], stored="uint16", scale=0.5, min=0)
    model.add("a", "Add", "image", "bytes")
    model.add("b", "Add", "a", "halves")
    model.add("c", "Add", "b", "steps")
    (found,) = computed(model, tmp_path, convert, torch.zeros(1, 4))
    bytes_ = torch.tensor([-3, 60.75, -2.25, -2])
    expected = bytes_ + torch.tensor([1.5, -2.25, 0.125, 1000])
    torch.testing.assert_close(found[0], expected + torch.tensor([32767.5, 0, 0.5, 1]))


def test_what_no_output_needs_is_left_out(convert, tmp_path):
    model = Model((-1, 4))
    model.const("one", 1.0)
    model.const("unused", np.zeros(1000))
    model.add("kept", "Add", "image", "one")
    model.add("unknown", "TrainStep", "kept", "unused")
    network = convert.convert(model.save(tmp_path), ("kept",))
    assert [node.op_type for node in network.graph.node] == ["Add"]
    assert [x.name for x in network.graph.initializer] == ["one"]


def test_the_command_writes_a_file(convert, tmp_path, capsys):
    model = Model((-1, 4))
    model.add("y", "Abs", "image")
    path = model.save(tmp_path)
    convert.main(convert.Options(path, tmp_path / "net.onnx"))
    onnx.checker.check_model(tmp_path / "net.onnx")
    said = capsys.readouterr().out
    assert "1 nodes; image batch x 4, y batch x 4" in said


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "message"),
    [
        ("Cast", "", {}, r"a supported operation, got Cast \(y\)"),
        ("Mean", "image", {}, "image to be a constant, got a value"),
        ("Conv2D", "k", window(1, "EXPLICIT"), r"padding SAME or VALID, got EXPLICIT \(y\)"),
        ("Conv2D", "k", {"data_format": text("NCHW")}, "channels last, got NCHW"),
        (
            "_FusedConv2D",
            "k k",
            window(1, "SAME") | fused("BiasAdd", "Elu"),
            "a bias and then ReLU",
        ),
        ("MatMul", "k", {"transpose_a": {"b": True}}, "rows that are not transposed"),
    ],
)
def test_what_it_does_not_know_is_named(convert, tmp_path, op, inputs, attributes, message):
    model = Model((-1, 4, 4, 3))
    model.const("k", np.zeros((1, 1, 3, 3)))
    model.add("y", op, "image", *inputs.split(), **attributes)
    with pytest.raises(ValueError, match=rf"model\.json: .*{message}"):
        convert.convert(model.save(tmp_path))
