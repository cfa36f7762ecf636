"""Graphs of convolutions: each operation as torch or TensorFlow defines it, nothing overwritten."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from graphgan.models import ConvGraph


def conv(*inputs, channels=(3, 4), size=3, stride=1, groups=1, padding="same"):
    node = {"op": "conv", "inputs": list(inputs), "kernel_size": size, "stride": stride}
    node |= {"in_channels": channels[0], "out_channels": channels[1]}
    return node | {"groups": groups, "padding": padding}


def node(op, *inputs, **options):
    return {"op": op, "inputs": list(inputs), **options}


def graph(*nodes, outputs=None, channels=3):
    return ConvGraph(channels, nodes, outputs or [len(nodes)]).eval().requires_grad_(False)


def tensorflow_pads(length, size, stride):
    """From its documentation: how much goes before and behind."""
    beyond = length % stride or stride
    total = max(size - beyond, 0)
    return total // 2, total - total // 2


# Each operation


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_same_padding_is_that_of_tensorflow(size, stride):
    network = graph(conv(0, size=size, stride=stride))
    layer = network.layers["0"]
    for height, width in itertools.product((1, 2, 7, 8, 9), (1, 6, 11)):
        image = torch.randn(2, 3, height, width)
        top, bottom = tensorflow_pads(height, size, stride)
        left, right = tensorflow_pads(width, size, stride)
        padded = F.pad(image, (left, right, top, bottom))
        expected = F.conv2d(padded, layer.weight, layer.bias, stride)
        (found,) = network(image)
        assert found.shape[2:] == (-(-height // stride), -(-width // stride))
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("groups", [1, 3])
def test_padding_by_number_goes_on_all_sides(padding, groups):
    network = graph(conv(0, channels=(3, 6), stride=2, groups=groups, padding=padding))
    layer, image = network.layers["0"], torch.randn(1, 3, 9, 8)
    expected = F.conv2d(image, layer.weight, layer.bias, 2, padding, groups=groups)
    torch.testing.assert_close(network(image)[0], expected)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([node("relu", 0)], lambda x: x.clamp(min=0)),
        ([node("relu6", 0)], lambda x: x.clamp(0, 6)),
        ([node("sigmoid", 0)], lambda x: 1 / (1 + (-x).exp())),
        ([node("sigmoid", 0), node("add", 0, 1)], lambda x: x + x.sigmoid()),
        ([node("relu", 0), node("concat", 1, 0)], lambda x: torch.cat([x.relu(), x], 1)),
        ([node("max_pool", 0, size=2)], lambda x: x.view(2, 3, 3, 2, 4, 2).amax((3, 5))),
        ([node("double", 0)], lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
        ([node("pad", 0, channels=2)], lambda x: torch.cat([x, torch.zeros(2, 2, 6, 8)], 1)),
    ],
    ids=["relu", "relu6", "sigmoid", "add", "concat", "max_pool", "double", "pad"],
)  # fmt: skip
def test_operations_without_weights(nodes, expected):
    image = 9 * torch.randn(2, 3, 6, 8)
    torch.testing.assert_close(graph(*nodes)(image)[0], expected(image.clone()))


def test_the_channels_of_a_result_s_pixel_lie_together():
    """TensorFlow's order; torch's pixel_shuffle puts the block's places last."""
    image = torch.arange(8.0).view(1, 8, 1, 1)
    (found,) = graph(node("depth_to_space", 0, block=2), channels=8)(image)
    assert found.tolist() == [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]]
    image = torch.randn(2, 8, 3, 5)
    (found,) = graph(node("depth_to_space", 0, block=2), channels=8)(image)
    for channel, row, column in itertools.product(range(2), range(2), range(2)):
        part = image[:, 4 * row + 2 * column + channel]
        assert torch.equal(found[:, channel, row::2, column::2], part)


# In place


def overwriting(first, channels, side):
    """Operations that may work in place, on what is used again later, in every order."""
    nodes = [conv(0, channels=(3, channels)), first, node("relu", 2), node("relu6", 3)]
    nodes += [node("add", 4, 4), node("sigmoid", 5), node("sigmoid", 1), node("sigmoid", 2)]
    return graph(*nodes, outputs=[6, 7, 8, 1, 2]), torch.randn(2, 3, side, side)


@pytest.mark.parametrize("side", [1, 4])
@pytest.mark.parametrize(
    "first",
    [
        node("relu", 1),
        node("relu6", 1),
        node("add", 1, 1),
        node("concat", 1),
        node("pad", 1, channels=0),
        node("max_pool", 1, size=1),
        node("depth_to_space", 1, block=2),
        node("depth_to_space", 1, block=1),
        conv(1, channels=(4, 4), size=1),
    ],
    ids=lambda first: f"{first['op']}",
)
def test_what_is_used_again_is_not_overwritten(first, side):
    network, image = overwriting(first, 4, side)
    before = image.clone()
    *found, one, two = network(image)
    assert torch.equal(image, before)
    layer = network.layers["0"]
    expected = F.conv2d(image, layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(one, expected)
    torch.testing.assert_close(found[1], expected.sigmoid())
    torch.testing.assert_close(found[2], two.sigmoid())
    torch.testing.assert_close(found[0], (2 * two.clamp(0, 6)).sigmoid())


@pytest.mark.parametrize(
    "nodes",
    [
        [node("relu", 0)],
        [node("add", 0, 0)],
        [node("concat", 0), node("relu", 1)],
        [node("depth_to_space", 0, block=1), node("relu", 1)],
        [node("max_pool", 0, size=1), node("relu6", 1)],
        [node("pad", 0, channels=0), node("add", 1, 0)],
    ],
    ids=lambda nodes: nodes[0]["op"],
)
def test_the_image_is_left_as_it_was(nodes):
    image = torch.randn(1, 3, 1, 1)
    before = image.clone()
    graph(*nodes)(image)
    assert torch.equal(image, before)


# Graphs


SMALL = (
    conv(0, channels=(3, 8), stride=2),
    node("prelu", 1, channels=8),
    conv(2, channels=(8, 8), groups=8),
    node("add", 2, 3),
    node("double", 4),
)


@pytest.mark.parametrize("op", ["relu", "relu6", "add"])
def test_an_output_is_not_overwritten(op):
    """Whether it is returned once or twice."""
    inputs = [1, 1] if op == "add" else [1]
    network = graph(node("sigmoid", 0), node(op, *inputs), outputs=[1, 2, 1])
    image = torch.randn(1, 3, 4, 4)
    first, _, again = network(image)
    assert torch.equal(first, image.sigmoid()) and torch.equal(again, first)


def test_for_inference_the_numbers_are_the_same():
    network, image = ConvGraph(3, SMALL, [5, 2]), torch.randn(2, 3, 9, 7)
    expected = [values.detach().clone() for values in network(image)]
    fast = network.train().for_inference()
    assert not fast.training and not any(p.requires_grad for p in fast.parameters())
    for found, other in zip(fast(image), expected, strict=True):
        torch.testing.assert_close(found, other)


def test_a_file_holds_nodes_and_weights(tmp_path):
    network = graph(*SMALL, outputs=[5, 2])
    network.save_pretrained(tmp_path / "graph.safetensors")
    again = ConvGraph.from_pretrained(tmp_path / "graph.safetensors")
    assert again.config == network.config and again.outputs == (5, 2)
    image = torch.randn(1, 3, 9, 9)
    for found, expected in zip(again(image), network(image), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("nodes", "outputs", "message"),
    [
        ([node("gelu", 0)], [1], "expected operations among add, concat, conv, .*, got 'gelu'"),
        ([{"inputs": [0]}], [1], "expected operations among add, .*, got None"),
        ([{"op": "relu"}], [1], "expected options inputs of node 0, got none"),
        ([node("max_pool", 0)], [1], "expected options inputs, size of node 0, got inputs"),
        ([node("conv", 0, stride=1)], [1], "kernel_size, .* of node 0, got inputs, stride"),
        ([node("relu", 1)], [1], r"expected inputs of node 0 from 0 to 0, got \[1\]"),
        ([node("relu", -1)], [1], r"expected inputs of node 0 from 0 to 0, got \[-1\]"),
        ([node("relu")], [1], r"expected inputs of node 0 from 0 to 0, got \[\]"),
        ([node("relu", 0), node("add", 1)], [2], r"expected 2 inputs of node 1, got \[1\]"),
        ([node("relu", 0, 0)], [1], r"expected 1 inputs of node 0, got \[0, 0\]"),
        ([node("relu", 0)], [2], r"expected outputs from 1 to 1, got \[2\]"),
        ([node("relu", 0)], [0], r"expected outputs from 1 to 1, got \[0\]"),
        ([node("relu", 0)], [], r"expected outputs from 1 to 1, got \[\]"),
        ([], [], r"expected outputs from 1 to 0, got \[\]"),
    ],
)
def test_bad_graphs_are_refused(nodes, outputs, message):
    with pytest.raises(ValueError, match=message):
        ConvGraph(3, nodes, outputs)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(1, 4, 5, 5), r"expected images of shape \(b, 3, h, w\), got \(1, 4, 5, 5\)"),
        (torch.zeros(3, 5, 5), r"expected images of shape \(b, 3, h, w\), got \(3, 5, 5\)"),
        (torch.zeros(1, 3, 0, 5), "expected images with sides of at least 1 pixels, got 0 x 5"),
        (torch.zeros(0, 3, 5, 5), "expected at least one item in images"),
        (torch.zeros(1, 3, 5, 5).byte(), "expected floating-point images, got torch.uint8"),
    ],
)
def test_other_images_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        graph(*SMALL)(image)


def test_a_file_with_a_bad_graph_is_refused_by_name(tmp_path):
    network, file = graph(*SMALL), tmp_path / "graph.safetensors"
    network.config["nodes"] = [node("relu", 7)]
    network.save_pretrained(file)
    with pytest.raises(ValueError, match=r"ConvGraph in .*graph.safetensors: expected inputs"):
        ConvGraph.from_pretrained(file)


def test_it_can_be_trained_although_it_overwrites():
    """What a gradient needs is not overwritten."""
    nodes = [
        conv(0),
        node("relu", 1),
        conv(2, channels=(4, 4)),
        node("add", 2, 3),
        node("relu6", 4),
    ]
    network = ConvGraph(3, nodes, [5]).double()
    image = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: network(x)[0], image)
