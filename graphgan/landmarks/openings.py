"""Mouth and eyes opened as far as those of another face.

Not in the papers. What changes most within a person is how far lips and lids are apart.
"""

from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks.maps import check_landmarks
from graphgan.landmarks.masks import polygon_mask

_TINY = 1e-3  # pixels
# Red, green and blue of the inside of a mouth, as shares of those around it.
_DARK = (0.42, 0.26, 0.26)
_PARTED = 0.05  # height over width, up to which lips are closed
_INNER_LIPS, _OUTER_LIPS = slice(60, 68), slice(48, 60)
_AROUND = 1.6  # the outer lips, about their middle
_LARGEST, _LEAST = 2.0, 0.5  # width of the one opening over that of the other


class _Opening(NamedTuple):
    """Landmarks of iBUG-68 of a mouth or an eye.

    Args:
        ends: its corners.
        pairs: above and below, which are as far apart as it is open.
        upper, lower: landmarks that move, with the share of what the opening changes by.
        share: of the change that the upper ones take.
    """

    ends: tuple[int, int]
    pairs: tuple[tuple[int, int], ...]
    upper: dict[int, float]
    lower: dict[int, float]
    share: float


_MOUTH = _Opening(
    ends=(48, 54),
    pairs=((61, 67), (62, 66), (63, 65)),
    upper={61: 1, 62: 1, 63: 1, 49: 0.6, 50: 0.9, 51: 1, 52: 0.9, 53: 0.6},
    lower={65: 1, 66: 1, 67: 1, 55: 0.6, 56: 0.9, 57: 1, 58: 0.9, 59: 0.6},
    share=0.3,
)
_RIGHT_EYE = _Opening((36, 39), ((37, 41), (38, 40)), {37: 1, 38: 1}, {41: 1, 40: 1}, share=0.7)
_LEFT_EYE = _Opening((42, 45), ((43, 47), (44, 46)), {43: 1, 44: 1}, {47: 1, 46: 1}, share=0.7)


def with_openings_of(
    landmarks: Float[Tensor, "b 68 2"], source: Float[Tensor, "b 68 2"]
) -> Float[Tensor, "b 68 2"]:
    """The same faces, with lips and lids as far apart as in the source.

    For the mouth and each eye ``d = mean over pairs of (r (q_below - q_above) - (p_below -
    p_above))``, p the landmarks, q the source's and r the width of p's opening over that of q's,
    from 0.5 to 2. Landmarks above move by ``-a w d``, those below by ``(1 - a) w d``: a is 0.3 for
    the mouth, whose jaw falls, and 0.7 for eyes, w is 1 in the middle and less towards the corners.

    Args:
        landmarks: iBUG-68, in pixels.
        source: of faces in the same pose, in pixels of any size. An opening of which a landmark is
            NaN stays as it is.
    Raises:
        ValueError: unlike shapes, other than 68 landmarks.

    Example:
        >>> closed, source = torch.rand(1, 68, 2), torch.rand(1, 68, 2)
        >>> with_openings_of(closed, source).shape
        torch.Size([1, 68, 2])
    """
    _check(landmarks, source, "source")
    moved = landmarks
    for opening in (_MOUTH, _RIGHT_EYE, _LEFT_EYE):
        moved = moved + _change(opening, landmarks, source)
    return moved


def open_mouths(
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
    before: Float[Tensor, "b 68 2"],
) -> Float[Tensor, "b 3 h w"]:
    """The inside of mouths that were opened by bending, which stretches lips and shows no mouth.

    ``out = x + s M (d - x)``: M is the area within the inner lips, with a soft edge; d, in [0, 1],
    is 0.42, 0.26 and 0.26 of the mean red, green and blue around the mouth; ``s = (g - g') / g``
    with g the height of the opening over its width and g' that of before, less where g is below
    0.1, and 0 where it is below 0.05.

    Args:
        images: faces that were bent, in [-1, 1].
        landmarks: iBUG-68 of them, in pixels; where one of the mouth is NaN nothing is painted.
        before: of the faces before, in pixels of any size.
    Raises:
        ValueError: other than 68 landmarks.

    Example:
        >>> faces, points = torch.rand(1, 3, 32, 32), 31 * torch.rand(1, 68, 2)
        >>> torch.equal(open_mouths(faces, points, points), faces)
        True
    """
    _check(landmarks, before, "before")
    size = (images.shape[2], images.shape[3])
    now, earlier = (_height_over_width(x) for x in (landmarks, before))
    share = (1 - earlier / now.clamp(min=_PARTED)).clamp(0, 1)
    share = (share * (now / _PARTED - 1).clamp(0, 1)).nan_to_num(0)[:, None, None, None]
    lips = landmarks[:, _OUTER_LIPS]
    middle = lips.mean(1, keepdim=True)
    around = polygon_mask(middle + _AROUND * (lips - middle), size).to(images)
    count = around.sum((2, 3), keepdim=True).clamp(min=1)
    mean = (images * around).sum((2, 3), keepdim=True) / count
    dark = (mean + 1) * images.new_tensor(_DARK).view(3, 1, 1) - 1
    inside = polygon_mask(landmarks[:, _INNER_LIPS], size).to(images)
    inside = F.avg_pool2d(inside, 3, stride=1, padding=1, count_include_pad=False)
    painted: Tensor = images + share * inside * (dark - images)
    return painted.to(images.dtype)


def _check(landmarks: Tensor, others: Tensor, name: str) -> None:
    check_landmarks(landmarks)
    check_landmarks(others, name)
    if landmarks.shape != others.shape or landmarks.shape[1] != 68:
        raise ValueError(
            "expected 68 landmarks of as many faces, got shapes "
            f"{tuple(landmarks.shape)} and {tuple(others.shape)}"
        )


def _height_over_width(landmarks: Float[Tensor, "b 68 2"]) -> Float[Tensor, "b"]:
    above, below = (list(side) for side in zip(*_MOUTH.pairs, strict=True))
    heights = (landmarks[:, below] - landmarks[:, above]).norm(dim=-1).mean(1)
    left, right = _MOUTH.ends
    width = (landmarks[:, right] - landmarks[:, left]).norm(dim=-1)
    ratio: Tensor = heights / width.clamp(min=_TINY)
    return ratio


def _change(opening: _Opening, p: Tensor, q: Tensor) -> Float[Tensor, "b 68 2"]:
    above, below = (list(side) for side in zip(*opening.pairs, strict=True))
    widths = [(x[:, opening.ends[1]] - x[:, opening.ends[0]]).norm(dim=-1) for x in (p, q)]
    ratio = (widths[0] / widths[1].clamp(min=_TINY)).clamp(_LEAST, _LARGEST)[:, None, None]
    change = (ratio * (q[:, below] - q[:, above]) - (p[:, below] - p[:, above])).mean(1)
    weights = p.new_zeros(68)
    for side, sign in ((opening.upper, -opening.share), (opening.lower, 1 - opening.share)):
        for landmark, weight in side.items():
            weights[landmark] = sign * weight
    moved: Tensor = weights[:, None] * change.nan_to_num(0)[:, None]
    return moved
