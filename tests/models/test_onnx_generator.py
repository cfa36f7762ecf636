"""Files that are built by hand, of a formula: `test_onnx_export.py` has those of networks."""

import sys

import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from graphgan.extras import MissingExtraError
from graphgan.models import OnnxAnonyGAN
from graphgan.models._onnx_generator import FORMAT_VERSION, KIND

K, SIZE = 5, (8, 12)
DESCRIPTION = {
    "kind": KIND,
    "format": FORMAT_VERSION,
    "version": "1.2.3",
    "num_landmarks": str(K),
    "height": str(SIZE[0]),
    "width": str(SIZE[1]),
}
SHAPES = {
    "condition": (3, *SIZE),
    "source": (3, *SIZE),
    "condition_landmarks": (K, 2),
    "source_landmarks": (K, 2),
    "mask": (1, *SIZE),
}


def formula(condition, source, condition_landmarks, source_landmarks, mask):
    """No two inputs can be exchanged."""
    moved = (condition_landmarks - 2 * source_landmarks).mean((1, 2))[:, None, None, None]
    return condition * mask + source + moved


def write(path, description=DESCRIPTION, shapes=SHAPES, output="image") -> None:
    nodes = [
        helper.make_node("Mul", ["condition", "mask"], ["masked"]),
        helper.make_node("Add", ["masked", "source"], ["both"]),
        helper.make_node("Sub", ["condition_landmarks", "source_landmarks"], ["once"]),
        helper.make_node("Sub", ["once", "source_landmarks"], ["twice"]),
        helper.make_node("ReduceMean", ["twice", "axes"], ["mean"]),
        helper.make_node("Unsqueeze", ["mean", "last"], ["moved"]),
        helper.make_node("Add", ["both", "moved"], [output]),
    ]
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
        for name, shape in shapes.items()
    ]
    image = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 3, *SIZE])
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("last", TensorProto.INT64, [1], [3]),
    ]
    graph = helper.make_graph(nodes, "formula", given, [image], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    # ReduceMean keeps its axes: b 1 1, and one more.
    helper.set_model_props(model, description)
    onnx.save(model, path)


@pytest.fixture
def file(tmp_path):
    write(tmp_path / "file.onnx")
    return tmp_path / "file.onnx"


def sample(batch: int = 2) -> dict[str, torch.Tensor]:
    return {name: torch.rand(batch, *shape) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("threads", [None, 1])
def test_it_computes_the_file_s_formula_for_any_batch(file, batch, threads):
    network, inputs = OnnxAnonyGAN(file, threads=threads), sample(batch)
    torch.testing.assert_close(network(*inputs.values()), formula(**inputs))
    torch.testing.assert_close(network(**inputs), formula(**inputs))


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "condition",
            torch.ones(2, 3, 8, 8),
            r"condition of shape \(b, 3, 8, 12\).*\(2, 3, 8, 8\)",
        ),
        ("condition", torch.ones(()), r"condition of shape \(b, 3, 8, 12\).*got \(\)"),
        ("source", torch.ones(1, 3, *SIZE), r"source of shape .* same b for all, got \(1, 3, 8"),
        ("source", torch.ones(2, 3, *SIZE).double(), "source of float32, got torch.float64"),
        ("condition_landmarks", torch.ones(2, 68, 2), r"\(b, 5, 2\).*got \(2, 68, 2\)"),
        ("source_landmarks", torch.ones(2, K, 2).long(), "floating-point source_landmarks, got"),
        ("mask", torch.ones(2, 3, *SIZE), r"mask of shape \(b, 1, 8, 12\).*got \(2, 3, 8, 12\)"),
        ("mask", torch.ones(2, 1, *SIZE).bool(), "floating-point mask, got torch.bool"),
    ],
)
def test_refuses_other_inputs(file, name, value, message):
    with pytest.raises(ValueError, match=f"expected .*{message}"):
        OnnxAnonyGAN(file)(**sample() | {name: value})


SPOILT = {
    "missing": (lambda p: p.unlink(), "no such file; expected ONNX of AnonyGAN"),
    "folder": (lambda p: (p.unlink(), p.mkdir()), "no such file; expected ONNX of AnonyGAN"),
    "empty": (lambda p: p.write_bytes(b""), "expected ONNX of AnonyGAN"),
    "text": (lambda p: p.write_text("hello, this is no network"), "expected ONNX of AnonyGAN: "),
    "another's": (lambda p: write(p, {}), "expected ONNX of AnonyGAN, format 1, got None"),
    "kind": (lambda p: write(p, DESCRIPTION | {"kind": "CIAGAN"}), "got CIAGAN, format 1"),
    "format": (lambda p: write(p, DESCRIPTION | {"format": "9"}), "got AnonyGAN, format 9"),
    "no count": (
        lambda p: write(p, {k: v for k, v in DESCRIPTION.items() if k != "num_landmarks"}),
        "expected num_landmarks, height and width .*KeyError.'num_landmarks'",
    ),
    "no number": (lambda p: write(p, DESCRIPTION | {"height": "x"}), "height and width .*'x'"),
    "other count": (lambda p: write(p, DESCRIPTION | {"num_landmarks": "68"}), "expected inputs"),
    "other size": (lambda p: write(p, DESCRIPTION | {"width": "16"}), "expected inputs"),
    "other output": (lambda p: write(p, output="picture"), r"output 'image'.*\['picture'\]"),
    "other shape": (
        lambda p: write(p, shapes=SHAPES | {"mask": (3, *SIZE)}),
        r"expected inputs .*'mask': \('tensor\(float\)', \(3, 8, 12\)\)",
    ),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_file_that_is_none_is_named(file, kind, capfd):
    spoil, message = SPOILT[kind]
    spoil(file)
    with pytest.raises(ValueError, match=rf"file\.onnx: .*{message}"):
        OnnxAnonyGAN(file)
    assert capfd.readouterr().err == ""


def test_a_missing_package_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'graphgan\[export\]'"):
        OnnxAnonyGAN(file)


def test_nothing_is_reported_to_anybody(file, monkeypatch):
    told = []
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: told.append("off"))
    OnnxAnonyGAN(file)
    assert told == ["off"]
