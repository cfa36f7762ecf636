"""Output heads: an image, attention maps, and their blend with a base image.

Sources: [A] Dall'Asen et al., ICIAP 2021, section 3; [B] Tang et al., BMVC 2020, section 2.4.
"""

from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_choice, check_features
from graphgan.layers._convolution import ReflectConv2d
from graphgan.layers._normalization import Norm, bias_before, make_norm

Upsampling = Literal["transposed", "resize"]
"""``transposed``: the published 3x3 transposed convolutions of stride 2. ``resize``:
nearest-neighbor upsampling, then a 3x3 convolution; avoids checkerboard artifacts (not in the
papers)."""


def doubling(channels: int, out_channels: int, *, upsampling: Upsampling, bias: bool) -> nn.Module:
    """``b channels h w`` -> ``b out_channels 2h 2w``."""
    check_choice("upsampling", upsampling, get_args(Upsampling))
    if upsampling == "transposed":
        return nn.ConvTranspose2d(
            channels, out_channels, 3, stride=2, padding=1, output_padding=1, bias=bias
        )
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(channels, out_channels, 3, padding=1, bias=bias)
    )


def _check_channels(channels: int) -> None:
    if channels < 4 or channels % 4:
        raise ValueError(f"expected channels divisible by 4, got {channels}")


class ImageHead(nn.Module):
    """Twice: double the size, halve the channels, norm, ReLU; then 7x7 with bias and tanh.

    Args:
        channels: channels of the code, divisible by 4.
        out_channels: channels of the image.
        norm: norm after each doubling.
        upsampling: how the size is doubled.
    Shapes:
        ``x: b c h w -> b out_channels 4h 4w`` in [-1, 1]
    Raises:
        ValueError: channels not divisible by 4, or a wrong shape.

    Example:
        >>> ImageHead(256)(torch.randn(1, 256, 8, 8)).shape
        torch.Size([1, 3, 32, 32])
    """

    def __init__(
        self,
        channels: int,
        *,
        out_channels: int = 3,
        norm: Norm = "batch",
        upsampling: Upsampling = "transposed",
    ) -> None:
        super().__init__()
        _check_channels(channels)
        self.channels = channels
        bias = bias_before(norm)
        half, quarter = channels // 2, channels // 4
        self.up = nn.Sequential(
            doubling(channels, half, upsampling=upsampling, bias=bias),
            make_norm(norm, half),
            nn.ReLU(),
            doubling(half, quarter, upsampling=upsampling, bias=bias),
            make_norm(norm, quarter),
            nn.ReLU(),
        )
        self.to_image = ReflectConv2d(quarter, out_channels, 7)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h4 w4"]:
        check_features(x, self.channels)
        image: Tensor = self.to_image(self.up(x))
        return image.tanh()


class AttentionHead(nn.Module):
    """Attention maps at four times the size: two doublings and a 1x1, all linear and without bias.

    As published, nothing separates the three convolutions, so their product is unbounded: if the
    codes grow, the sigmoid saturates at 0 or 1 and stops learning. A ``norm`` after each doubling
    prevents this (not in the papers).

    Args:
        channels: channels of the code, divisible by 4.
        num_maps: 1 in [A], 2 in [B] for Market-1501.
        bounded: apply a sigmoid ([A]); False leaves the maps linear (Market-1501 in [B]).
        norm: norm after each doubling; None, as published, for none.
        upsampling: how the size is doubled.
    Shapes:
        ``x: b c h w -> b num_maps 4h 4w``, in (0, 1) where bounded
    Raises:
        ValueError: channels not divisible by 4, or a wrong shape.

    Example:
        >>> AttentionHead(256)(torch.randn(1, 256, 8, 8)).shape
        torch.Size([1, 1, 32, 32])
    """

    def __init__(
        self,
        channels: int,
        *,
        num_maps: int = 1,
        bounded: bool = True,
        norm: Norm | None = None,
        upsampling: Upsampling = "transposed",
    ) -> None:
        super().__init__()
        _check_channels(channels)
        self.channels = channels
        self.bounded = bounded
        half, quarter = channels // 2, channels // 4
        self.up = nn.Sequential(
            doubling(channels, half, upsampling=upsampling, bias=False),
            *([] if norm is None else [make_norm(norm, half)]),
            doubling(half, quarter, upsampling=upsampling, bias=False),
            *([] if norm is None else [make_norm(norm, quarter)]),
            nn.ConvTranspose2d(quarter, num_maps, 1, bias=False),
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b m h4 w4"]:
        check_features(x, self.channels)
        maps: Tensor = self.up(x)
        return maps.sigmoid() if self.bounded else maps

    def extra_repr(self) -> str:
        return f"bounded={self.bounded}"


Blend = Literal["attend_base", "attend_intermediate", "two_maps"]


def blend(
    attention: Float[Tensor, "b m h w"],
    intermediate: Float[Tensor, "b 3 h w"],
    base: Float[Tensor, "b 3 h w"],
    *,
    mode: Blend = "attend_base",
) -> Float[Tensor, "b 3 h w"]:
    """Blend the generated image (``intermediate``) with a base image.

    - ``attend_base``: ``base * A + intermediate * (1 - A)`` (paper of [A])
    - ``attend_intermediate``: ``intermediate * A + base * (1 - A)``, clamped to [-1, 1]
      (published code of [A])
    - ``two_maps``: ``intermediate * A_1 + base * A_2``, not clamped (Market-1501 in [B])

    Raises:
        ValueError: an unknown mode, or a number of maps that does not match it.
    """
    check_choice("mode", mode, get_args(Blend))
    if attention.shape[1] != (expected := 2 if mode == "two_maps" else 1):
        raise ValueError(f"expected {expected} maps for mode={mode!r}, got {attention.shape[1]}")
    if mode == "attend_base":
        return base * attention + intermediate * (1 - attention)
    if mode == "attend_intermediate":
        return (intermediate * attention + base * (1 - attention)).clamp(-1, 1)
    return intermediate * attention[:, :1] + base * attention[:, 1:]
