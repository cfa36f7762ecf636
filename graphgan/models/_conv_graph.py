"""Third-party convolutional networks, stored as a list of operations in a weights file.

Runtimes such as ONNX and TensorFlow Lite store a network as a graph of a few operations.
``scripts/convert_weights.py`` converts such a file once; `ConvGraph` runs it. All operations are
translation equivariant, so images can have any size.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_batch, check_features
from graphgan.models._convolutions import conv2d_same
from graphgan.models._pretrained import Pretrained

Graph = TypeVar("Graph", bound="ConvGraph")  # the tests' type checker does not support Self

Node = Mapping[str, Any]
"""``op``, ``inputs`` (numbers of values: 0 is the image, i + 1 the result of node i), options."""


class ConvGraph(Pretrained):
    """Run the graph of convolutions described by its file.

    Args:
        channels: channels of the images.
        nodes: the operations in the order in which they run, see `Node`. Operations with weights
            are ``conv`` (in_channels, out_channels, kernel_size, stride, groups, padding),
            ``conv_transpose`` (the same without padding, which is 0) and ``prelu`` (channels);
            without are ``relu``, ``relu6``, ``sigmoid``, ``add``, ``concat``, ``max_pool`` (size),
            ``pad`` (channels), ``double`` (bilinear, twice the size) and ``depth_to_space``
            (block).
            Padding is a number of pixels on all sides or "same", TensorFlow's rule: as much as
            ``ceil(size / stride)`` results need, the odd pixel at the right and at the bottom.
        outputs: indices of the values to return.
    Shapes:
        ``images: b channels h w`` -> one ``b c_i h_i w_i`` for each output
    Raises:
        ValueError: unknown operations, values used before they are computed, or wrong images.

    Example:
        >>> node = {"op": "conv", "inputs": [0], "in_channels": 3, "out_channels": 4}
        >>> node |= {"kernel_size": 3, "stride": 2, "groups": 1, "padding": "same"}
        >>> graph = ConvGraph(3, [node, {"op": "relu", "inputs": [1]}], [2])
        >>> graph(torch.zeros(1, 3, 9, 8))[0].shape
        torch.Size([1, 4, 5, 4])
    """

    def __init__(self, channels: int, nodes: Sequence[Node], outputs: Sequence[int]) -> None:
        super().__init__()
        _check_graph(nodes, outputs)
        self.config = {"channels": channels, "nodes": list(nodes), "outputs": list(outputs)}
        self.channels, self.nodes, self.outputs = channels, nodes, tuple(outputs)
        self.layers = nn.ModuleDict(
            {str(i): _LAYERS[node["op"]](node) for i, node in enumerate(nodes) if _is_layer(node)}
        )
        last_use = {value: i for i, node in enumerate(nodes) for value in node["inputs"]}
        self._done = [
            [v for v in set(node["inputs"]) if last_use[v] == i and v not in outputs]
            for i, node in enumerate(nodes)
        ]

    def for_inference(self: Graph) -> Graph:
        """Return this network without gradients, in the fastest memory format."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self.eval().requires_grad_(False)

    def forward(
        self, images: Float[Tensor, "b {self.channels} h w"]
    ) -> tuple[Float[Tensor, "b _ _ _"], ...]:
        check_features(images, self.channels, "images")
        check_batch(images, "images")
        values: dict[int, Tensor] = {0: images}
        for i, node in enumerate(self.nodes):
            inputs = [values[v] for v in node["inputs"]]
            first = node["inputs"][0]  # overwritten if neither it nor its gradient is needed
            own = first in self._done[i] and first > 0 and not inputs[0].requires_grad
            for value in self._done[i]:
                del values[value]
            layer = self.layers[str(i)] if _is_layer(node) else None
            values[i + 1] = _OPERATIONS[node["op"]](node, inputs, layer, own)
            del inputs
        return tuple(values[output] for output in self.outputs)


def _conv_layer(node: Node) -> nn.Module:
    sizes = (node["in_channels"], node["out_channels"], node["kernel_size"])
    return nn.Conv2d(*sizes, stride=node["stride"], groups=node["groups"])


def _conv_transpose_layer(node: Node) -> nn.Module:
    sizes = (node["in_channels"], node["out_channels"], node["kernel_size"])
    return nn.ConvTranspose2d(*sizes, stride=node["stride"], groups=node["groups"])


_LAYERS: dict[str, Callable[[Node], nn.Module]] = {
    "conv": _conv_layer,
    "conv_transpose": _conv_transpose_layer,
    "prelu": lambda node: nn.PReLU(node["channels"]),
}


def _is_layer(node: Node) -> bool:
    return node["op"] in _LAYERS


Inputs = list[Tensor]


def _conv(node: Node, inputs: Inputs, layer: nn.Module | None, own: bool) -> Tensor:
    assert isinstance(layer, nn.Conv2d)
    (x,) = inputs
    if node["padding"] == "same":
        return conv2d_same(x, layer)
    edges = node["padding"]
    return F.conv2d(x, layer.weight, layer.bias, node["stride"], edges, groups=layer.groups)


def _relu(node: Node, inputs: Inputs, layer: nn.Module | None, own: bool) -> Tensor:
    return inputs[0].relu_() if own else inputs[0].relu()


def _add(node: Node, inputs: Inputs, layer: nn.Module | None, own: bool) -> Tensor:
    return inputs[0].add_(inputs[1]) if own else inputs[0] + inputs[1]


def _pad_channels(node: Node, inputs: Inputs, layer: nn.Module | None, own: bool) -> Tensor:
    (x,) = inputs
    zeros = x.new_zeros(x.shape[0], node["channels"], *x.shape[2:])
    return torch.cat([x, zeros.contiguous(memory_format=torch.channels_last)], 1)


def _double(node: Node, inputs: Inputs, layer: nn.Module | None, own: bool) -> Tensor:
    return F.interpolate(inputs[0], scale_factor=2, mode="bilinear", align_corners=False)


def _depth_to_space(node: Node, inputs: Inputs, layer: nn.Module | None, own: bool) -> Tensor:
    """TensorFlow's order: the channels of one output pixel are adjacent."""
    b, c, h, w = inputs[0].shape
    n = node["block"]
    x = inputs[0].reshape(b, n, n, c // n**2, h, w)
    x = x.permute(0, 3, 4, 1, 5, 2).clone(memory_format=torch.contiguous_format)  # never a view
    return x.view(b, c // n**2, n * h, n * w)


_OPERATIONS: dict[str, Callable[[Node, Inputs, nn.Module | None, bool], Tensor]] = {
    "conv": _conv,
    "conv_transpose": lambda node, inputs, layer, own: layer(*inputs),  # type: ignore[misc]
    "prelu": lambda node, inputs, layer, own: layer(*inputs),  # type: ignore[misc]
    "relu": _relu,
    "relu6": lambda node, inputs, layer, own: F.relu6(inputs[0], inplace=own),
    "sigmoid": lambda node, inputs, layer, own: inputs[0].sigmoid(),
    "add": _add,
    "concat": lambda node, inputs, layer, own: torch.cat(inputs, 1),
    "max_pool": lambda node, inputs, layer, own: F.max_pool2d(inputs[0], node["size"]),
    "pad": _pad_channels,
    "double": _double,
    "depth_to_space": _depth_to_space,
}


_OPTIONS: dict[str, tuple[str, ...]] = {
    "conv": ("in_channels", "out_channels", "kernel_size", "stride", "groups", "padding"),
    "conv_transpose": ("in_channels", "out_channels", "kernel_size", "stride", "groups"),
    "prelu": ("channels",),
    "max_pool": ("size",),
    "pad": ("channels",),
    "depth_to_space": ("block",),
}


def _check_graph(nodes: Sequence[Node], outputs: Sequence[int]) -> None:
    for i, node in enumerate(nodes):
        _check_node(i, node)
    if not outputs or not all(0 < value <= len(nodes) for value in outputs):
        raise ValueError(f"expected outputs from 1 to {len(nodes)}, got {list(outputs)}")


def _check_node(i: int, node: Node) -> None:
    op = node["op"] if "op" in node else None  # noqa: SIM401  # a file may hold other things
    if op not in _OPERATIONS:
        known = ", ".join(sorted(_OPERATIONS))
        raise ValueError(f"expected operations among {known}, got {op!r}")
    expected = ("inputs", *_OPTIONS.get(op, ()))
    if any(option not in node for option in expected):
        got = ", ".join(option for option in node if option != "op") or "none"
        raise ValueError(f"expected options {', '.join(expected)} of node {i}, got {got}")
    inputs = node["inputs"]
    if not inputs or not all(0 <= value <= i for value in inputs):
        raise ValueError(f"expected inputs of node {i} from 0 to {i}, got {inputs}")
    count = 2 if op == "add" else 1
    if op != "concat" and len(inputs) != count:
        raise ValueError(f"expected {count} inputs of node {i}, got {inputs}")
