"""Normalization layers by name, and whether the preceding convolution needs a bias."""

from typing import Literal, get_args

from torch import nn

from graphgan._checks import check_choice

Norm = Literal["batch", "instance", "affine_instance", "group"]
"""``batch`` as published for faces and Market-1501, ``instance`` (no affine, no running statistics)
as published for DeepFashion, ``affine_instance`` (scale and shift, no running statistics) as
published for CIAGAN, or ``group`` (groups of 16 channels, affine) for small batches or several
processes, where samples must not affect each other."""

GROUP_SIZE = 16
"""Channels per group of "group", if divisible; otherwise one group holds all channels."""


def make_norm(norm: Norm, channels: int, *, eps: float = 1e-5) -> nn.Module:
    """Build the normalization layer of that name for ``channels`` channels.

    Raises:
        ValueError: an unknown name.
    """
    check_choice("norm", norm, get_args(Norm))
    match norm:
        case "batch":
            return nn.BatchNorm2d(channels, eps=eps)
        case "instance" | "affine_instance":
            return nn.InstanceNorm2d(channels, eps=eps, affine=norm == "affine_instance")
        case "group":
            groups = channels // GROUP_SIZE if channels % GROUP_SIZE == 0 else 1
            return nn.GroupNorm(groups, channels, eps=eps)


def bias_before(norm: Norm) -> bool:
    """Whether the convolution before the norm needs a bias: only if the norm has no shift."""
    return norm == "instance"
