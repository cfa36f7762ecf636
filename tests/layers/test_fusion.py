import pytest
import torch
from blocks import BLOCKS, tensors
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from graphgan.layers import AttentionHead, BipartiteReasoning, ImageHead
from graphgan.layers._fusion import fuse

each_block = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


def with_statistics(module: nn.Module, seed: int = 3) -> nn.Module:
    """As trained: norms that do something."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight.data, part.running_var):
                tensor.uniform_(0.5, 2, generator=generator)
            for tensor in (part.bias.data, part.running_mean):
                tensor.normal_(generator=generator)
    return module


@each_block
@torch.no_grad()
def test_a_fused_block_gives_the_same_numbers(block):
    module = with_statistics(block.module())
    for size in (block.size, block.odd_size):
        inputs = block.example(2, size)
        torch.testing.assert_close(tensors(fuse(module)(*inputs)), tensors(module(*inputs)))


@each_block
@torch.no_grad()
def test_fusing_leaves_the_network_as_it_was(block):
    module = with_statistics(block.module(training=True))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    fused = fuse(module)
    assert module.training and not fused.training
    assert not any(p.requires_grad for p in fused.parameters())
    after = module.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("height", [1, 2, 5])
@pytest.mark.parametrize("num_maps", [1, 2])
@torch.no_grad()
def test_the_linear_decoder_is_one_convolution_borders_included(height, num_maps):
    torch.manual_seed(0)
    head = AttentionHead(8, num_maps=num_maps, bounded=False).double().eval()
    fused = fuse(head)
    assert sum(isinstance(part, nn.ConvTranspose2d) for part in fused.modules()) == 0
    x = torch.randn(2, 8, height, 3, dtype=torch.float64)
    torch.testing.assert_close(fused(x), head(x))


@torch.no_grad()
def test_a_fused_reasoning_keeps_its_edge_lists():
    torch.manual_seed(0)
    reasoning = with_statistics(BipartiteReasoning(6, 3)).double().eval()
    x = torch.randn(2, 1, 6, 4, 5, dtype=torch.float64).unbind(0)
    edges = torch.cartesian_prod(torch.arange(20), torch.arange(3)).T[:, ::2]
    torch.testing.assert_close(
        fuse(reasoning)(*x, edge_index=edges), reasoning(*x, edge_index=edges)
    )


@pytest.mark.unhooked
@pytest.mark.parametrize("name", ["ImageHead-resize", "AttentionHead", "AnonyGAN"])
@torch.no_grad()
@pytest.mark.slow
def test_a_fused_network_compiles_and_exports(name):
    block = BLOCKS[name]
    fused, inputs = fuse(with_statistics(block.module())), block.example()
    expected = tensors(fused(*inputs))
    torch._dynamo.reset()
    compiled = torch.compile(fused, fullgraph=True, backend="eager")
    exported = torch.export.export(fused, inputs).module()
    for call in (compiled, exported):
        torch.testing.assert_close(tensors(call(*inputs)), expected)


@torch.no_grad()
def test_a_doubling_by_resize_takes_four_products_of_nine():
    head = ImageHead(64, upsampling="resize").eval()
    x = torch.randn(1, 64, 16, 16)

    def products(module: nn.Module) -> int:
        with FlopCounterMode(display=False) as counter:
            module(x)
        return counter.get_total_flops()

    of_image = 2 * 49 * 16 * 3 * 64 * 64  # the 7x7 at the end stays
    saved = (products(fuse(head)) - of_image) / (products(head) - of_image)
    assert 4 / 9 < saved < 0.5  # one more row and column
