"""A convolution over landmark maps, without the maps.

A map holds one point (one-hot) or four (bilinear), so its convolution is the kernel itself, moved
to the landmark: a sum of as many shifted kernels as there are landmarks. Near a border reflection
padding shows a landmark once more, mirrored.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from graphgan.landmarks.maps import Rendering


def has_sparse_convolution(landmarks: Tensor, rendering: Rendering) -> bool:
    """Whether `landmark_convolution` serves: points, few pixels each, and no graph being traced.

    What it does depends on the values of the coordinates, which a compiled or exported graph may
    not; there the maps are drawn and convolved.
    """
    points = landmarks.ndim == 3 and rendering != "gaussian"
    return points and not torch.compiler.is_compiling()


def landmark_convolution(
    landmarks: Float[Tensor, "b k 2"],
    kernel: Float[Tensor, "c k kh kw"],
    size: tuple[int, int],
    *,
    rendering: Rendering,
    padding: int,
    reflect: bool = False,
    stride: int = 1,
    weights: Float[Tensor, "b k"] | None = None,
) -> Float[Tensor, "b c oh ow"]:
    """``conv2d(pad(weights * maps), kernel)`` for one-hot or bilinear maps, channels last.

    Exact up to the order of the sum; gradients reach the kernel, the weights and, where bilinear,
    the coordinates.
    """
    points, amounts = _corners(landmarks) if rendering == "bilinear" else _nearest(landmarks)
    if weights is not None:
        amounts = amounts * weights[:, :, None]
    inside = ((points >= 0) & (points < points.new_tensor([size[1], size[0]]))).all(-1)
    padded, there = _pad(points, size, padding, reflect)
    b, k, corner, copy = (there & inside[..., None]).nonzero(as_tuple=True)
    x, y = padded[b, k, corner, copy].unbind(-1)
    out_size = tuple(
        (n + 2 * padding - m) // stride + 1 for n, m in zip(size, kernel.shape[2:], strict=True)
    )
    rows, target, entry = _shifted(x, y, kernel.shape[2:], out_size, stride)
    table = kernel.permute(1, 2, 3, 0).flatten(0, 2)  # a row for every tap of every landmark
    taps = kernel.shape[2] * kernel.shape[3]
    values = F.embedding(k[entry] * taps + rows, table) * amounts[b, k, corner][entry, None]
    area = out_size[0] * out_size[1]
    out = values.new_zeros(len(landmarks) * area, len(kernel))
    out = out.index_add(0, b[entry] * area + target, values)
    return out.reshape(len(landmarks), *out_size, -1).permute(0, 3, 1, 2)


def _nearest(landmarks: Tensor) -> tuple[Int[Tensor, "b k 1 2"], Float[Tensor, "b k 1"]]:
    present = landmarks.isfinite().all(-1, keepdim=True)
    points = torch.where(present, landmarks, -1.0).round().long()  # missing: outside
    return points[:, :, None], torch.ones_like(landmarks[..., :1])


def _corners(landmarks: Tensor) -> tuple[Int[Tensor, "b k 4 2"], Float[Tensor, "b k 4"]]:
    """The four pixels around each landmark and their shares of it."""
    present = landmarks.isfinite().all(-1, keepdim=True)
    landmarks = torch.where(present, landmarks, landmarks.new_tensor(-2.0))
    low = landmarks.detach().floor()
    right, below = (landmarks - low).unbind(-1)
    shares = [(1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below]
    steps = torch.tensor([(0, 0), (1, 0), (0, 1), (1, 1)], device=landmarks.device)
    return low.long()[:, :, None] + steps, torch.stack(shares, dim=-1)


def _pad(
    points: Int[Tensor, "b k n 2"], size: tuple[int, int], padding: int, reflect: bool
) -> tuple[Int[Tensor, "b k n copies 2"], Bool[Tensor, "b k n copies"]]:
    """Where each point lies on the padded canvas, with its mirror images where there are any."""
    moved = points + padding
    if not reflect:
        return moved[..., None, :], torch.ones_like(points[..., :1], dtype=torch.bool)
    last = points.new_tensor([size[1] - 1, size[0] - 1])
    before, after = padding - points, 2 * last + padding - points
    there = torch.stack(
        [
            torch.ones_like(points, dtype=torch.bool),
            (points >= 1) & (points <= padding),
            (points >= last - padding) & (points < last),
        ],
        dim=-2,
    )
    copies = torch.stack([moved, before, after], dim=-2)
    x, y = torch.cartesian_prod(torch.arange(3), torch.arange(3)).T.to(points.device)
    both = torch.stack([copies[..., x, 0], copies[..., y, 1]], dim=-1)
    return both, there[..., x, 0] & there[..., y, 1]


def _shifted(
    x: Int[Tensor, "m"],
    y: Int[Tensor, "m"],
    taps: torch.Size,
    out_size: tuple[int, ...],
    stride: int,
) -> tuple[Int[Tensor, "e"], Int[Tensor, "e"], Int[Tensor, "e"]]:
    """Every (tap of the kernel, pixel of the output) that sees a point of the canvas."""
    height, width = taps
    v = y[:, None] - torch.arange(height, device=y.device)
    u = x[:, None] - torch.arange(width, device=x.device)
    seen_v = (v % stride == 0) & (v >= 0) & (v < out_size[0] * stride)
    seen_u = (u % stride == 0) & (u >= 0) & (u < out_size[1] * stride)
    entry, i, j = (seen_v[:, :, None] & seen_u[:, None, :]).nonzero(as_tuple=True)
    target = v[entry, i] // stride * out_size[1] + u[entry, j] // stride
    return i * width + j, target, entry
