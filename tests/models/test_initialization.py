import pytest
import torch
from torch import nn

from graphgan.models import BiGraphGAN, ResNetDiscriminator, init_normal


@pytest.mark.parametrize(
    "network",
    [BiGraphGAN.published("market", width=16, num_blocks=1), ResNetDiscriminator(6, width=16)],
    ids=["generator", "discriminator"],
)
def test_every_weight_is_drawn_and_every_bias_is_zero(network):
    before = {name: p.clone() for name, p in network.named_parameters()}
    init_normal(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert abs(float(module.weight.detach().mean()) - 1) < 0.02
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() > 2000:
            assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
            assert abs(float(module.weight.detach().mean())) < 0.002
    after = dict(network.named_parameters())
    assert not any(after[name].abs().max() for name in after if name.endswith("bias"))
    weights = {name for name in after if name.endswith(("weight", "adjacency"))}
    assert not [name for name in weights if torch.equal(after[name], before[name])]
    assert weights | {name for name in after if name.endswith("bias")} == after.keys()
