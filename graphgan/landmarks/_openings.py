"""Open mouth and eyes as far as those of another face.

Not in the papers. The opening of lips and lids is what changes most within one person.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks._maps import check_faces

_TINY = 1e-3  # pixels
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
    the mouth, whose jaw falls, and 0.7 for eyes, w is 1 in the middle and less toward the corners.

    Args:
        landmarks: iBUG-68, in pixels.
        source: landmarks of faces in the same pose, in pixels of any size. An opening with a NaN
            landmark is unchanged.
    Raises:
        ValueError: mismatched shapes, or not 68 landmarks.

    Example:
        >>> closed, source = torch.rand(1, 68, 2), torch.rand(1, 68, 2)
        >>> with_openings_of(closed, source).shape
        torch.Size([1, 68, 2])
    """
    check_faces(landmarks, source)
    moved = landmarks
    for opening in (_MOUTH, _RIGHT_EYE, _LEFT_EYE):
        moved = moved + _change(opening, landmarks, source)
    return moved


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
