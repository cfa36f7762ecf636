"""A face that is to be shown, without hair and background."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan.anonymize.compositor._constants import (
    ALONE_FOREHEAD,
    ALONE_MARGIN,
    ALONE_OTHER,
    ALONE_SKIN,
    CARRY,
    OCCLUDER_SIZE,
)
from graphgan.anonymize.compositor._edges import carry_outward, spread
from graphgan.anonymize.compositor._occluders import EYE, features, may_be_hidden, unlike
from graphgan.landmarks import IBUG_68, LandmarkScheme, face_regions
from graphgan.landmarks._masks import grow_mask, shrink_mask
from graphgan.layers._light_matching import skin_plane
from graphgan.layers._smoothing import box_filter

_FAINT = 1e-3  # weight of a color that is no skin


def show_face_alone(
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b k 2"],
    scheme: LandmarkScheme | None = None,
) -> Float[Tensor, "b 3 h w"]:
    """Remove hair and background: continue the colors of the face beyond it.

    Networks whose `AnonyGAN.face_alone` is set need such condition images. Above the mouth and
    beside brows, eyes and nose, pixels go too whose color (root mean square) is from `ALONE_SKIN`
    to `ALONE_OTHER` away from that of the skin, a plane of color: hair at the temples. No color of
    brows and eyes is continued, either.

    Args:
        images: aligned crops in [-1, 1].
        landmarks: in pixels.
        scheme: scheme of the landmarks, see `face_mask`. Hair is found by iBUG-68 only.
    """
    size = (images.shape[2], images.shape[3])
    faces = face_regions(landmarks, size, forehead=ALONE_FOREHEAD, scheme=scheme)
    alone = shrink_mask(faces, ALONE_MARGIN)
    if landmarks.shape[1] != IBUG_68.num_landmarks:
        return carry_outward(images, alone)
    reach = max(1, size[0] // OCCLUDER_SIZE)
    side = 2 * reach + 1
    skin = skin_plane(images, alone)
    other = unlike(box_filter(images, side), skin, (ALONE_SKIN, ALONE_OTHER))
    other = box_filter(grow_mask(other, reach), side)
    beside = may_be_hidden(landmarks, alone)
    kept = alone * (1 - other * box_filter(beside, side))
    other = other * torch.maximum(beside, features(landmarks, alone, EYE))
    known = alone * (1 - other).clamp(min=_FAINT)  # where there is nothing else, the plane of skin
    carried = _carried(images.lerp(skin, other), known)
    return carried.lerp(images, kept)


def _carried(
    images: Float[Tensor, "b 3 h w"], weights: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Colors continued by `spread`, from where they have weight."""
    size = (images.shape[2], images.shape[3])
    step = max(1, min(size) // OCCLUDER_SIZE)
    if step > 1:
        small = F.avg_pool2d(weights, step)
        images = F.avg_pool2d(images * weights, step) / small.clamp(min=_FAINT**2)
        weights = small
    carried = spread(images, weights, CARRY * weights.shape[2])
    return F.interpolate(carried, size, mode="bilinear") if step > 1 else carried
