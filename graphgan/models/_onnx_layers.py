"""Layers of a fused network, in operations that onnxruntime runs fast.

Strides, windows and in-place writes of a fused network would be exported as hundreds of gathers and
transposes.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from graphgan.layers._fusion import _PhasedDoubling, _TransformedConv2d
from graphgan.layers._winograd import (
    _OUTPUT_MATRIX,
    _PATCH,
    _PATCH_MATRIX,
    TILE,
    is_faster,
    transformed_kernel,
)


def replace_layers(network: nn.Module) -> None:
    """Replace, in place, the layers of a fused network that have an equivalent here."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, _TransformedConv2d):
                setattr(module, name, _WinogradConv2d(child))
            elif isinstance(child, _PhasedDoubling):
                setattr(module, name, _ShuffledDoubling(child))


class _WinogradConv2d(nn.Module):
    """A 3x3 `ReflectConv2d` in tiles, see `_winograd.py`; direct for small inputs.

    Both transforms are convolutions: of one channel to 36 with stride 4, and of 36 to 16 of one
    pixel, which are then laid out as 4x4. The file holds the kernel as it is, a quarter of the
    transformed one; onnxruntime transforms it once, when it loads the file.
    """

    def __init__(self, conv: _TransformedConv2d) -> None:
        super().__init__()
        self.margin = conv.margin
        self.weight, self.bias = conv.weight, conv.bias
        self.to_tiles = _PATCH_MATRIX.to(self.weight).view(-1, 1, _PATCH, _PATCH)
        self.from_tiles = _OUTPUT_MATRIX.to(self.weight)[:, :, None, None]

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h w"]:
        padded = F.pad(x, self.margin, mode="reflect")
        # Chosen for one image; a choice by batch would be fixed to that batch size.
        one = padded.new_empty(1, *padded.shape[1:])
        if not is_faster(one, self.weight, transformed=True):
            return F.conv2d(padded, self.weight, self.bias)
        out = self._by_tiles(padded, (x.shape[2], x.shape[3]))
        return out if self.bias is None else out + self.bias[:, None, None]

    def _by_tiles(self, padded: Tensor, size: tuple[int, int]) -> Tensor:
        batch, (height, width) = padded.shape[0], size
        whole = F.pad(padded, (0, -width % TILE, 0, -height % TILE))
        tiles = F.conv2d(rearrange(whole, "b c h w -> (b c) 1 h w"), self.to_tiles, stride=TILE)
        rows, columns = tiles.shape[2:]
        tiles = rearrange(tiles, "(b c) t p q -> t c (b p q)", b=batch)
        kernel = transformed_kernel(self.weight.double()).to(tiles.dtype)
        products = torch.bmm(kernel.transpose(1, 2), tiles)
        products = rearrange(products, "t o (b p q) -> (b o) t p q", p=rows, q=columns)
        out = F.pixel_shuffle(F.conv2d(products, self.from_tiles), TILE)
        return rearrange(out, "(b o) 1 h w -> b o h w", b=batch)[:, :, :height, :width]


class _ShuffledDoubling(nn.Module):
    """`_PhasedDoubling` that interleaves its four phases in one operation:
    ``b c h w -> b o 2h 2w``."""

    def __init__(self, doubling: _PhasedDoubling) -> None:
        super().__init__()
        self.weight, self.bias = doubling.weight, doubling.bias

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h2 w2"]:
        h, w = x.shape[2:]
        phases = F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias).chunk(4, dim=1)
        corners = ((0, 0), (0, 1), (1, 0), (1, 1))
        seen = [
            phase[:, :, p : p + h, q : q + w] for phase, (p, q) in zip(phases, corners, strict=True)
        ]
        return F.pixel_shuffle(torch.stack(seen, dim=2).flatten(1, 2), 2)
