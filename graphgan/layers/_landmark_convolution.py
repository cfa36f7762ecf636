"""A convolution over landmark maps that never renders the maps.

Each map is a product of two profiles, one along each axis: ``map[v, u] = p_y(v) p_x(u)``. So its
convolution is the kernel between two matrices,

    out[i, j] = sum over taps m, n of Y[i, m] kernel[m, n] X[j, n]
    X[j, n] = p_x(pixel that tap n sees from output j)

and reflection padding is a matter of which pixel that is. A point is seen from few outputs only
(its window); the sum over landmarks is then one matrix product a window, added where it belongs. A
Gaussian is seen from everywhere; there the two axes make two products, the taps of one at a time.
"""

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from graphgan.landmarks._maps import Rendering

_FAR = -1e6  # position of missing landmarks; NaN would reach the gradient


def landmark_convolution(
    landmarks: Float[Tensor, "b k 2"],
    kernel: Float[Tensor, "c k kh kw"],
    size: tuple[int, int],
    *,
    rendering: Rendering,
    sigma: float = 6.0,
    padding: int,
    reflect: bool = False,
    stride: int = 1,
    weights: Float[Tensor, "b k"] | None = None,
) -> Float[Tensor, "b c oh ow"]:
    """``conv2d(pad(weights * maps), kernel)`` of the landmarks' maps, in channels-last format.

    Exact up to summation order. Gradients reach the kernel, the weights and, except for one-hot
    maps, the coordinates.
    """
    present = landmarks.isfinite().all(-1, keepdim=True)
    x, y = torch.where(present, landmarks, _FAR).unbind(-1)
    seen = [
        _seen_from(
            coordinate,
            length,
            taps,
            rendering=rendering,
            sigma=sigma,
            padding=padding,
            reflect=reflect,
            stride=stride,
        )
        for coordinate, length, taps in zip((y, x), size, kernel.shape[2:], strict=True)
    ]
    (rows, down), (columns, across) = ((o, values.to(kernel.dtype)) for o, values in seen)
    if weights is not None:
        across = across * weights[:, :, None, None]
    if rendering == "gaussian":
        return _from_everywhere(kernel, down, across)
    height, width = (
        (length + 2 * padding - taps) // stride + 1
        for length, taps in zip(size, kernel.shape[2:], strict=True)
    )
    return _from_windows(kernel, down, across, rows, columns, (height, width))


def _seen_from(
    coordinate: Float[Tensor, "b k"],
    length: int,
    taps: int,
    *,
    rendering: Rendering,
    sigma: float,
    padding: int,
    reflect: bool,
    stride: int,
) -> tuple[Int[Tensor, "b k o"], Float[Tensor, "b k o t"]]:
    """Along one axis: the outputs that can see a landmark, and what each of their taps sees."""
    count = (length + 2 * padding - taps) // stride + 1
    first = torch.zeros_like(coordinate, dtype=torch.long)
    if rendering != "gaussian":
        reach = 1 if rendering == "one_hot" else 2  # pixels that a point covers
        # Even kernels see mirror images from outputs that do not see the point itself.
        margin = max(0, 2 * padding + 1 - taps) if reflect else 0
        low = coordinate.detach().round() if rendering == "one_hot" else coordinate.detach().floor()
        low = low.clamp(-taps - 2, length + taps + 2).long()
        first = -((taps - 1 + margin - padding - low) // stride)  # rounded up
        count = -(-(taps + reach - 1 + 2 * margin) // stride)
    outputs = first[..., None] + torch.arange(count, device=first.device)
    last_output = (length + 2 * padding - taps) // stride
    pixels = outputs[..., None] * stride - padding + torch.arange(taps, device=first.device)
    there = ((outputs >= 0) & (outputs <= last_output))[..., None].expand_as(pixels)
    if reflect:
        pixels = length - 1 - (length - 1 - pixels.abs()).abs()
    else:
        there = there & (pixels >= 0) & (pixels < length)
    profile = _profile(pixels.to(coordinate.dtype), coordinate[..., None, None], rendering, sigma)
    return outputs.clamp(0, last_output), torch.where(there, profile, 0.0)


def _profile(
    pixels: Float[Tensor, "b k o t"],
    coordinate: Float[Tensor, "b k 1 1"],
    rendering: Rendering,
    sigma: float,
) -> Float[Tensor, "b k o t"]:
    """The profile of a landmark's map along one axis."""
    if rendering == "one_hot":
        return (pixels == coordinate.round()).to(pixels.dtype)
    distance = pixels - coordinate
    if rendering == "bilinear":
        return (1 - distance.abs()).clamp(min=0)
    return torch.exp(-(distance**2) / (2 * sigma**2))


def _from_windows(
    kernel: Float[Tensor, "c k kh kw"],
    down: Float[Tensor, "b k i kh"],
    across: Float[Tensor, "b k j kw"],
    rows: Int[Tensor, "b k i"],
    columns: Int[Tensor, "b k j"],
    size: tuple[int, int],
) -> Float[Tensor, "b c oh ow"]:
    batch, (height, width) = down.shape[0], size
    seen = rearrange(down, "b k i m -> k b i 1 m 1") * rearrange(across, "b k j n -> k b 1 j 1 n")
    taps = rearrange(kernel, "c k m n -> k (m n) c")
    values = torch.bmm(rearrange(seen, "k b i j m n -> k (b i j) (m n)"), taps).flatten(0, 1)
    items = torch.arange(batch, device=rows.device)[:, None, None] * (height * width)
    target = (items + rows * width)[..., None] + columns[:, :, None]
    full = torch.promote_types(values.dtype, torch.float32)  # where many landmarks add up
    out = values.new_zeros(batch * height * width, len(kernel), dtype=full)
    out.index_add_(0, rearrange(target, "b k i j -> (k b i j)"), values.to(full))
    return rearrange(out.to(values.dtype), "(b h w) c -> b c h w", h=height, w=width)


def _from_everywhere(
    kernel: Float[Tensor, "c k kh kw"],
    down: Float[Tensor, "b k i kh"],
    across: Float[Tensor, "b k j kw"],
) -> Float[Tensor, "b c oh ow"]:
    batch, width = across.shape[0], across.shape[2]
    taps = rearrange(kernel, "c k m n -> k n (m c)")
    swept = torch.bmm(rearrange(across, "b k j n -> k (b j) n"), taps)
    swept = rearrange(swept, "k (b j) (m c) -> b (k m) (j c)", b=batch, c=len(kernel))
    out = torch.bmm(rearrange(down, "b k i m -> b i (k m)"), swept)
    return rearrange(out, "b i (j c) -> b c i j", j=width)
