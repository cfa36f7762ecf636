"""Draw landmarks as lines, the pose input of CIAGAN's networks.

Source: [C] Maximov et al., "CIAGAN: Conditional Identity Anonymization Generative Adversarial
Networks", CVPR 2020, section 3.1; the lines are those of Bresenham, "Algorithm for computer control
of a digital plotter", IBM Systems Journal 1965.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._schemes import LandmarkScheme

_BLUE = (-1.0, -1.0, 1.0)


def draw_lines(
    landmarks: Float[Tensor, "b k 2"],
    lines: LandmarkScheme | Sequence[tuple[int, int]],
    size: tuple[int, int],
) -> Float[Tensor, "b 3 h w"]:
    """Draw blue lines one pixel wide between landmarks, on white, as the authors' code does.

    Ends are rounded to pixels. Along the axis in which a line is longer it has one pixel at each
    coordinate, the nearest to the line. What lies outside the image is cut off, a line with a
    missing end is left out.

    Args:
        landmarks: (x, y) in pixels, pixel centers at integers, NaN where missing.
        lines: pairs of landmarks, or a scheme, whose edges they are.
        size: height and width of the drawing.
    Returns:
        Drawings in [-1, 1].
    Raises:
        ValueError: landmarks of another shape, or fewer than the lines name.

    Example:
        >>> drawing = draw_lines(torch.tensor([[[0.0, 0.0], [3.0, 3.0]]]), [(0, 1)], (4, 4))
        >>> int((drawing[0, 0] == -1).sum())
        4
    """
    check_landmarks(landmarks)
    pairs = lines.edges if isinstance(lines, LandmarkScheme) else lines
    ends = torch.tensor(pairs, dtype=torch.long, device=landmarks.device).reshape(-1, 2)
    if ends.numel() and not 0 <= int(ends.min()) <= int(ends.max()) < landmarks.shape[1]:
        raise ValueError(
            f"expected lines between landmarks 0 and {landmarks.shape[1] - 1}, got "
            f"{int(ends.min())} to {int(ends.max())}"
        )
    on = _lined(landmarks[:, ends], size)[:, None]
    ink = landmarks.new_tensor(_BLUE).view(1, 3, 1, 1)
    return torch.where(on, ink, torch.ones_like(ink))


def _lined(ends: Float[Tensor, "b e 2 2"], size: tuple[int, int]) -> Bool[Tensor, "b h w"]:
    height, width = size
    start, end = ends.round().unbind(2)
    flat = ((end - start)[..., 0].abs() >= (end - start)[..., 1].abs())[..., None]
    present = ends.isfinite().all(-1).all(-1)[..., None]
    columns = torch.arange(width, device=ends.device, dtype=ends.dtype)
    rows = torch.arange(height, device=ends.device, dtype=ends.dtype)
    y, in_flat = _across(start, end, columns, height)
    x, in_steep = _across(start.flip(-1), end.flip(-1), rows, width)
    nowhere = height * width
    pixels = torch.cat(
        [
            torch.where(in_flat & flat & present, y * width + columns, nowhere),
            torch.where(in_steep & ~flat & present, rows * width + x, nowhere),
        ],
        dim=-1,
    )
    on = torch.zeros(len(ends), nowhere + 1, dtype=torch.bool, device=ends.device)
    on.scatter_(1, pixels.long().flatten(1), True)
    return on[:, :nowhere].view(-1, height, width)


def _across(
    start: Float[Tensor, "b e 2"],
    end: Float[Tensor, "b e 2"],
    along: Float[Tensor, "n"],
    limit: int,
) -> tuple[Float[Tensor, "b e n"], Bool[Tensor, "b e n"]]:
    """The second coordinate of each line at each value of the first; where it is in the image."""
    (m0, n0), (m1, n1) = (point[..., None].unbind(-2) for point in (start, end))
    length = torch.where(m1 == m0, torch.ones_like(m0), m1 - m0)
    across = (n0 + (along - m0) * (n1 - n0) / length).round()
    spanned = (torch.minimum(m0, m1) <= along) & (along <= torch.maximum(m0, m1))
    return across, spanned & (across >= 0) & (across < limit)
