"""An equivalent network for inference that needs less computation.

- A BatchNorm after a convolution is folded into it.
- The published attention decoder is linear: its two transposed convolutions and 1x1 equal one 7x7
  convolution of stride 4, computed as a 2x2 convolution to 16 pixels at once.
- A 3x3 convolution after nearest-neighbor upsampling sees 2x2 pixels: 4 products, not 9.
- The kernels of 3x3 convolutions are transformed once, see `_winograd.py`.
- Dropout is removed.
"""

import copy
from typing import TypeGuard, TypeVar, cast

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from graphgan.layers._bipartite import BipartiteReasoning
from graphgan.layers._convolution import ReflectConv2d
from graphgan.layers._encoders import ImageEncoder, LandmarkEncoder
from graphgan.layers._heads import AttentionHead
from graphgan.layers._winograd import convolve_transformed, is_faster, transformed_kernel

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def fuse(network: Network) -> Network:
    """Return a faster copy of a network in eval mode, equal to it up to rounding.

    The copy cannot be trained or saved; the original network is unchanged.

    Args:
        network: a network made of blocks of `graphgan.layers`, or a single block.

    Example:
        >>> from graphgan.layers import ImageHead
        >>> head = ImageHead(16).eval()
        >>> x = torch.randn(1, 16, 4, 4)
        >>> torch.allclose(fuse(head)(x), head(x), atol=1e-5)
        True
    """
    fused = copy.deepcopy(network).eval().requires_grad_(False)
    for module in list(fused.modules()):
        if isinstance(module, ImageEncoder | LandmarkEncoder):
            _fold_encoder(module)
        elif isinstance(module, BipartiteReasoning):
            _fold_reasoning(module)
        elif isinstance(module, AttentionHead) and _is_linear(module.up):
            setattr(module, "up", _OneStep(module.up))  # noqa: B010  # another type than it had
        elif isinstance(module, nn.Sequential):
            _fold_sequence(module)
    for module in list(fused.modules()):
        for name, child in module.named_children():
            if _is_resize(child):
                setattr(module, name, _PhasedDoubling(cast(nn.Conv2d, child[1])))
            elif isinstance(child, nn.Dropout):
                setattr(module, name, nn.Identity())
            elif isinstance(child, ReflectConv2d) and child.kernel_size == (3, 3):
                setattr(module, name, _TransformedConv2d(child))
    setattr(fused, "is_fused", True)  # noqa: B010  # no attribute of every module
    return fused


def _fold(conv: nn.Module, norm: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The convolution with the norm folded in, and the identity; both unchanged if that is not
    possible."""
    if not isinstance(norm, nn.BatchNorm2d):
        return conv, norm
    if isinstance(conv, nn.Sequential):  # up-sampling, then a convolution
        conv[-1], norm = _fold(conv[-1], norm)
        return conv, norm
    if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d):
        transposed = isinstance(conv, nn.ConvTranspose2d)
        return fuse_conv_bn_eval(conv, norm, transpose=transposed), nn.Identity()
    return conv, norm


def _fold_encoder(encoder: ImageEncoder | LandmarkEncoder) -> None:
    conv = encoder.stem if isinstance(encoder, ImageEncoder) else encoder.stem.conv
    folded, encoder.down[0] = _fold(conv, encoder.down[0])
    if isinstance(encoder, LandmarkEncoder):
        encoder.stem.conv = cast(nn.Conv2d, folded)
    else:
        encoder.stem = cast(ReflectConv2d, folded)


def _fold_sequence(sequence: nn.Sequential) -> None:
    for i in range(len(sequence) - 1):
        sequence[i], sequence[i + 1] = _fold(sequence[i], sequence[i + 1])


def _fold_reasoning(reasoning: BipartiteReasoning) -> None:
    """Fold the scale into ``extend``; the shift stays separate, since every edge would add it."""
    norm, lin = reasoning.norm, reasoning.extend.lin
    if not isinstance(norm, nn.BatchNorm2d) or not isinstance(lin, nn.Linear):
        return
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight / (variance + norm.eps).sqrt()
    lin.weight *= scale[:, None]
    reasoning.norm = _Shift(norm.bias - mean * scale)


class _Shift(nn.Module):
    """``x + shift`` of each channel."""

    shift: Tensor

    def __init__(self, shift: Float[Tensor, "c"]) -> None:
        super().__init__()
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.shift[:, None, None]


class _TransformedConv2d(nn.Module):
    """A 3x3 `ReflectConv2d` whose kernel is transformed in advance, in double precision."""

    weight: Tensor
    bias: Tensor | None
    kernel: Tensor

    def __init__(self, conv: ReflectConv2d) -> None:
        super().__init__()
        self.margin = conv.margin
        weight, bias = conv.weight.detach(), conv.bias
        kernel = transformed_kernel(weight.double()).to(weight)
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", None if bias is None else bias.detach(), persistent=False)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h w"]:
        padded = F.pad(x, self.margin, mode="reflect")
        if not is_faster(padded, self.weight, transformed=True):
            return F.conv2d(padded, self.weight, self.bias)
        out = convolve_transformed(padded, self.kernel)
        return out if self.bias is None else out + self.bias[:, None, None]

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}"


def _is_resize(module: nn.Module) -> TypeGuard[nn.Sequential]:
    """Whether a module is nearest-neighbor upsampling by two, then a zero-padded 3x3
    convolution."""
    return (
        isinstance(module, nn.Sequential)
        and len(module) == 2
        and isinstance(module[0], nn.Upsample)
        and isinstance(module[1], nn.Conv2d)
        and module[1].padding == (1, 1)
    )


class _PhasedDoubling(nn.Module):
    """Upsampling by two, then 3x3, as 2x2 for each of four phases: ``b c h w -> b o 2h 2w``.

    Row 2 i of the result sees rows i - 1 and i, by tap 0 and the sum of the others; row 2 i + 1
    sees rows i and i + 1, by the sum of the first two and tap 2. Columns likewise.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        sums = torch.tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], dtype=torch.float64)
        taps = torch.einsum("pia,qjb,ocab->pqocij", sums, sums, conv.weight.detach().double().cpu())
        weight = taps.flatten(0, 2).to(conv.weight)
        bias = None if conv.bias is None else conv.bias.detach().repeat(4)
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h2 w2"]:
        phases = F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias)
        b, _, h, w = x.shape
        out = phases.new_empty(b, 2 * h, 2 * w, phases.shape[1] // 4).permute(0, 3, 1, 2)
        for i, phase in enumerate(phases.chunk(4, dim=1)):
            p, q = divmod(i, 2)
            out[:, :, p::2, q::2] = phase[:, :, p : p + h, q : q + w]
        return out


def _is_linear(up: nn.Sequential) -> bool:
    return all(isinstance(step, nn.ConvTranspose2d) and step.bias is None for step in up)


class _OneStep(nn.Module):
    """Two doublings and a 1x1, all transposed and without bias: ``b c h w -> b m 4h 4w``.

    Row 4 i + r of the result sees rows i and i + 1 only, by taps r + 3 and r - 1 of the 7 that the
    three make together: nothing that the first doubling cuts off at the border would be seen.
    """

    weight: Tensor

    def __init__(self, up: nn.Sequential) -> None:
        super().__init__()
        first = cast(nn.ConvTranspose2d, up[0])
        kernel = F.pad(_kernel(up), (1, 4, 1, 4))  # tap -1 and taps above 6 are 0
        rows = torch.arange(4)[:, None] + torch.tensor([4, 0])  # r + 3 and r - 1, and that pad
        taps = kernel[:, :, rows[:, None, :, None], rows[None, :, None, :]]
        weight = rearrange(taps, "c m r q i j -> (m r q) c i j").to(first.weight)
        self.register_buffer("weight", weight.contiguous(), persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b m h4 w4"]:
        return F.pixel_shuffle(F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight), 4)


def _kernel(up: nn.Sequential) -> Float[Tensor, "c m 7 7"]:
    """The response to a single 1 in each channel, in double precision."""
    channels = cast(nn.ConvTranspose2d, up[0]).in_channels
    impulses = torch.zeros(channels, channels, 5, 5, dtype=torch.float64)
    impulses[:, :, 2, 2] = torch.eye(channels, dtype=torch.float64)
    responses: Tensor = copy.deepcopy(up).cpu().double()(impulses)
    return responses[:, :, 5:12, 5:12]
