"""What is true of every public block."""

import re
from collections.abc import Iterator

import pytest
import torch
from blocks import BLOCKS, Block, is_float, tensors
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from graphgan import layers, models
from graphgan.models import EfficientNetLite, Pretrained

# Between them they have every kind of part: the quick tests compile, export and cast no others.
REPRESENTATIVES = {
    "BipartiteGraphConv",
    "CrossAttention-heads",
    "ConditionFitting",
    "LandmarkDiscriminator",
    "ProjectedDiscriminator-landmarks",
    "AnonyGAN",
    "BiGraphGAN",
    "CIAGANGenerator-64",
}


def blocks(which=lambda block: True, quick=BLOCKS) -> pytest.MarkDecorator:
    """A test for each of these blocks, slow for those that are not named as quick ones."""
    chosen = {name: block for name, block in BLOCKS.items() if which(block)}
    marks = {name: () if name in quick else (pytest.mark.slow,) for name in chosen}
    rows = [pytest.param(block, id=name, marks=marks[name]) for name, block in chosen.items()]
    return pytest.mark.parametrize("block", rows)


each_block = blocks()
most_blocks_slow = blocks(quick=REPRESENTATIVES)
SHORT = {name for name, block in BLOCKS.items() if not block.long}


# What spoils one input; of an empty batch, all are empty.
HARMS = {
    "no items": lambda x: x[:0],
    "another batch": lambda x: torch.cat([x, x]),
    "an axis less": lambda x: x[0],
    "another width": lambda x: torch.cat([x, x[:, :1]], 1) if x.ndim > 1 else x[None],
}
# Steps within other blocks, which look at their inputs, and what has tests of its own.
UNCHECKED = {"ChannelGate", "NodeReasoning", "BipartiteGraphConv", "RandomMixing"}
UNCHECKED |= {"ProjectedDiscriminator-landmarks", "ProjectedDiscriminator-condition"}


def select(inputs: tuple, items: Tensor, batch: int) -> tuple:
    """These items of a batch; what is no batch (edge lists, sizes) stays."""

    def of_batch(x) -> bool:
        return isinstance(x, Tensor) and len(x) == batch

    return tree_map(lambda x: x[items] if of_batch(x) else x, inputs)


def differentiable(block: Block, module: nn.Module) -> tuple:
    """The block as a function of float inputs and parameters, and those."""
    leaves, spec = tree_flatten(block.example())
    floats = [i for i, leaf in enumerate(leaves) if is_float(leaf)]
    names = [name for name, _ in module.named_parameters()]

    def call(*values: Tensor) -> tuple[Tensor, ...]:
        filled = list(leaves)
        for i, value in zip(floats, values, strict=False):
            filled[i] = value
        parameters = dict(zip(names, values[len(floats) :], strict=True))
        return tuple(tensors(functional_call(module, parameters, tree_unflatten(filled, spec))))

    values = [leaves[i] for i in floats] + [p.detach() for p in module.parameters()]
    return call, tuple(value.clone().requires_grad_() for value in values)


def learning(inputs: tuple) -> tuple:
    """The inputs, asking for gradients: a frozen block has no other ones."""
    return tree_map(lambda x: x.requires_grad_() if is_float(x) else x, inputs)


def gradients(module: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for p in module.parameters() if p.requires_grad]


def assert_close(out, expected, **tolerance):
    torch.testing.assert_close(tensors(out), tensors(expected), **tolerance)


def test_the_list_is_complete():
    assert set(BLOCKS) >= REPRESENTATIVES
    rooms = [vars(room)[name] for room in (layers, models) for name in room.__all__]
    public = {x for x in rooms if isinstance(x, type) and issubclass(x, nn.Module)}
    public -= {Pretrained, EfficientNetLite}  # a base class; a network to load, never to train
    assert {type(block.build()) for block in BLOCKS.values()} == public


def spoilt(block: Block, harm: str) -> Iterator[tuple]:
    """Inputs of which one is harmed, one after the other."""
    leaves, spec = tree_flatten(block.example())
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    if harm == "no items":
        groups = [places]
    elif harm == "another batch" and len(places) == 1:
        groups = []
    else:
        groups = [[i] for i in places]
    for group in groups:
        some = [HARMS[harm](leaf) if i in group else leaf for i, leaf in enumerate(leaves)]
        yield tree_unflatten(some, spec)


@pytest.mark.unhooked
@pytest.mark.parametrize("harm", HARMS)
@torch.no_grad()
def test_inputs_of_other_shapes_are_refused(harm):
    taken = []
    for name in BLOCKS.keys() - UNCHECKED:
        module = BLOCKS[name].module()
        for inputs in spoilt(BLOCKS[name], harm):
            try:
                module(*inputs)
            except ValueError as error:
                taken += [] if re.match("expected .*got", str(error)) else [(name, str(error))]
            else:
                taken.append((name, "was computed"))
    assert not taken


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("CIAGANGenerator", (64, 64), r"\(b, 3, 128, 128\), got \(2, 3, 64, 64\)"),
        ("IdentityNetwork", (8, 64), "with sides of at least 16 pixels, got 8 x 64"),
        ("ImageEncoder", (3, 8), "with sides of at least 4 pixels, got 3 x 8"),
        ("LandmarkAppearanceAggregation", (4, 1), "with sides of at least 2 pixels, got 4 x 1"),
        ("LandmarkDiscriminator", (40, 48), r"at least 48, got \(2, \d, 40, 48\)"),
        ("LandmarkGenerator-published", (12, 18), "divisible by 4, got 12x18"),
        ("LandmarkGenerator-published", (4, 16), "sides of at least 8, .*, got 4x16"),
        ("LandmarkStem-one_hot", (3, 8), r"above the padding of 3 pixels, got \(3, 8\)"),
        ("PoseAttentionalTransfer", (4, 1), "with sides of at least 2 pixels, got 4 x 1"),
        ("ResidualBlock", (1, 5), "with sides of at least 2 pixels, got 1 x 5"),
    ],
)
def test_sizes_that_a_block_cannot_have_are_refused(name, size, message):
    block = BLOCKS[name]
    with pytest.raises(ValueError, match=message):
        block.module()(*block.example(2, size))


@each_block
def test_the_output_has_its_shape_at_any_size(block):
    for size in (block.size, block.odd_size):
        for batch in (1, 3):
            module = block.module()
            assert repr(module).startswith(type(module).__name__)
            with torch.no_grad():
                out = module(*block.example(batch, size))
            assert [tuple(x.shape) for x in tensors(out)] == block.shapes(batch, *size)
            assert all(x.isfinite().all() for x in tensors(out))


@each_block
def test_a_gradient_reaches_every_parameter(block):
    module = block.module(training=True)
    out = tensors(module(*learning(block.example())))
    sum((x * torch.randn_like(x)).sum() for x in out).backward()
    asked = {name: p.grad for name, p in module.named_parameters() if p.requires_grad}
    assert not [name for name, grad in asked.items() if grad is None or not grad.any()]


@blocks(lambda block: block.alone, quick=SHORT)
def test_gradients_are_those_of_finite_differences(block):
    call, values = differentiable(block, block.module())
    assert torch.autograd.gradcheck(call, values, fast_mode=True)


@blocks(lambda block: block.penalized)
def test_second_derivatives_are_those_of_finite_differences(block):
    call, values = differentiable(block, block.module())
    assert torch.autograd.gradgradcheck(call, values, fast_mode=True)


@blocks(lambda block: block.alone)
def test_items_of_a_batch_do_not_see_each_other(block):
    module, inputs, items = block.module(), block.example(4), torch.tensor([2, 0, 2])
    with torch.no_grad():
        out, some = module(*inputs), module(*select(inputs, items, 4))
    assert_close(some, [x[items] for x in tensors(out)], rtol=1e-9, atol=1e-10)


@each_block
def test_the_state_is_the_whole_network(block):
    first, second, inputs = block.module(0), block.module(1), block.example()
    with torch.no_grad():
        expected = first(*inputs)
        assert any(
            not torch.equal(a, b)
            for a, b in zip(tensors(second(*inputs)), tensors(expected), strict=True)
        )
        second.load_state_dict(first.state_dict())
        assert_close(second(*inputs), expected, rtol=0, atol=0)


@each_block
def test_half_precision_is_close(block):
    module = block.module().float()
    inputs = tree_map(lambda x: x.float() if is_float(x) else x, block.example())
    with torch.no_grad():
        expected = module(*inputs)
        with torch.autocast("cpu", torch.bfloat16):
            out = module(*inputs)
    for half, full in zip(tensors(out), tensors(expected), strict=True):
        assert (half.float() - full).norm() < block.rounding * full.norm()


@most_blocks_slow
def test_half_precision_trains(block):
    module = block.module(training=True).float()
    inputs = tree_map(lambda x: x.float() if is_float(x) else x, block.example())
    with torch.autocast("cpu", torch.bfloat16):
        out = tensors(module(*learning(inputs)))
        loss = sum(x.float().square().mean() for x in out)
    loss.backward()
    assert all(gradient.isfinite().all() for gradient in gradients(module))


@most_blocks_slow
def test_the_memory_layout_changes_nothing(block):
    def to_last(x):
        return x.to(memory_format=torch.channels_last) if is_float(x) and x.ndim == 4 else x

    module, inputs = block.module(), block.example()
    with torch.no_grad():
        expected = module(*inputs)
        out = module.to(memory_format=torch.channels_last)(*tree_map(to_last, inputs))
    assert_close(out, expected, rtol=1e-9, atol=1e-10)


@each_block
def test_the_same_inputs_give_the_same_numbers(block):
    results = []
    for _ in range(2):
        module, inputs = block.module(training=True), block.example()
        torch.manual_seed(2)  # dropout
        out = tensors(module(*learning(inputs)))
        sum(x.sum() for x in out).backward()
        results.append([*out, *gradients(module)])
    assert_close(*results, rtol=0, atol=0)


@pytest.mark.unhooked
@most_blocks_slow
def test_it_compiles_without_graph_breaks(block):
    module, inputs = block.module(), block.example()
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    with torch.no_grad():
        assert_close(compiled(*inputs), module(*inputs))


@pytest.mark.unhooked
@most_blocks_slow
def test_it_compiles_for_training(block):
    inputs, results = learning(block.example()), []
    torch._dynamo.reset()
    for compiled in (True, False):
        module = block.module(training=True)  # a call moves statistics and spectral norms on
        for layer in module.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0  # which numbers are drawn depends on the memory layout
        call = torch.compile(module, fullgraph=True, backend="eager") if compiled else module
        out = tensors(call(*inputs))
        sum(x.sum() for x in out).backward()
        results.append([*out, *gradients(module)])
    assert_close(*results)


@pytest.mark.unhooked
@blocks(lambda block: block.dense, quick=REPRESENTATIVES)
def test_it_exports_and_then_takes_any_batch(block):
    module, batch = block.module(), torch.export.Dim("batch", min=1, max=64)
    inputs = block.example(2)
    shapes = tree_map(lambda x: {0: batch} if isinstance(x, Tensor) else None, inputs)
    with torch.no_grad():
        program = torch.export.export(module, inputs, dynamic_shapes=shapes).module()
        for count in (1, 3):
            inputs = block.example(count)
            assert_close(program(*inputs), module(*inputs))
