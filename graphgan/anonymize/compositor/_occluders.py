"""Objects in front of a face or beside it: hair, scarves, hats, the background past the cheek."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan.anonymize.compositor._constants import (
    CARRY,
    GOES_ON,
    MOST_OCCLUDED,
    MOST_RIM,
    NOT_SKIN,
    OCCLUDER_SIZE,
    REACH,
    RIM_OTHER,
    RIM_SIZE,
    RIM_SKIN,
    RIM_WIDTH,
)
from graphgan.anonymize.compositor._edges import spread
from graphgan.landmarks._masks import grow_mask, hull_mask, shrink_mask
from graphgan.layers._light_matching import skin_plane
from graphgan.layers._smoothing import box_filter, smooth

_NOSE, _CHIN, _MOUTH_CORNERS = 27, 8, (48, 54)
# Landmarks of what never stays: brows, eyes, nose and mouth, and each eye with its brow.
_FEATURES = slice(17, 68)
_EYES = (*range(17, 22), *range(36, 42)), (*range(22, 27), *range(42, 48))
# How much larger than its hull an eye is: glasses are covered, too, and not half of them.
EYE, _EYE_AT_RIM = 1.25, 1.4
_DEEPER = 1.6  # widths of the rim: where its colors of skin come from
_LONGEST = 1.5  # widths of the rim: the way through it from outside
_STEP = 2  # pixels by which a connected part grows at a time


def occluders(
    images: Float[Tensor, "b 3 h w"],
    regions: Float[Tensor, "b 1 h w"],
    landmarks: Float[Tensor, "b 68 2"],
) -> Float[Tensor, "b 1 h w"]:
    """1 where something that is not skin is in the rim of a region and can stay in front.

    The color of such a pixel is more than `NOT_SKIN` (CIELAB, Delta E) from that of the skin, a
    plane of color over the face (`skin_plane`), and less than `GOES_ON` from the nearest color
    outside the region. Such pixels must connect it with the outside. No pixel counts that is in the
    hull of brows, eyes, nose and mouth, around the eyes, or below the mouth corners, where it may
    be a beard. If more than `MOST_OCCLUDED` of the region would stay, nothing does: then the skin
    color was not found.

    Args:
        images: aligned crops in [-1, 1].
        regions: 1 inside the face.
        landmarks: in pixels; a face with missing ones has no occluders.
    """
    from kornia.color import rgb_to_lab  # longer to import than all else but torch

    size = (images.shape[2], images.shape[3])
    step = max(1, min(size) // OCCLUDER_SIZE)
    shrunk = [F.avg_pool2d(x, step) if step > 1 else x for x in (images, regions)]
    small, inside = shrunk[0], (shrunk[1] > 0).to(regions)
    known = landmarks.isfinite().flatten(1).all(1)
    points = torch.where(known[:, None, None], (landmarks + 0.5) / step - 0.5, 0.0)
    skin = rgb_to_lab(((skin_plane(small, inside) + 1) / 2).clamp(0, 1))
    colors = box_filter(rgb_to_lab((small + 1) / 2), 3)
    apart = _distance(colors, skin)
    beyond = spread(colors, 1 - inside, REACH * small.shape[2])
    changed = _distance(colors, beyond)
    candidates = ((apart > NOT_SKIN) & (changed < GOES_ON)).to(images)
    candidates = candidates * may_be_hidden(points, inside)
    found = _rounded(_connected(candidates, outside=1 - inside), outside=1 - inside) * inside
    share = found.sum((1, 2, 3)) / inside.sum((1, 2, 3)).clamp(min=1)
    found = found * (known & (share <= MOST_OCCLUDED)).to(found)[:, None, None, None]
    found = torch.maximum(found, (1 - inside) * grow_mask(found, 2))
    found = box_filter(found, 3)
    if step > 1:
        found = F.interpolate(found, size, mode="bilinear", align_corners=False)
    return (found > 0.5).to(images) * (regions > 0)


def skinless_rim(
    images: Float[Tensor, "b 3 h w"],
    regions: Float[Tensor, "b 1 h w"],
    landmarks: Float[Tensor, "b 68 2"],
) -> Float[Tensor, "b 1 h w"]:
    """How much of an image stays around a region and in its rim, such as strands of hair.

    It falls from 1 at the region's edge to 1/2 at `RIM_WIDTH` inside of it and 0 at twice that,
    times a ramp that rises from 0 to 1 between `RIM_SKIN` and `RIM_OTHER`: the distance of a
    pixel's color (root mean square) from that of the skin beside it, continued outward. Brows,
    eyes, nose, mouth and the area around the eyes have no rim. Nothing stays if no skin is deep
    enough in the region, or if more than `MOST_RIM` of the region would stay.

    Args:
        images: aligned crops in [-1, 1].
        regions: 1 inside the face.
        landmarks: in pixels; a face with missing ones has no such rim.
    """
    size = (images.shape[2], images.shape[3])
    step = max(1, min(size) // RIM_SIZE)
    shrunk = [F.avg_pool2d(x, step) if step > 1 else x for x in (images, regions)]
    small, inside = shrunk[0], (shrunk[1] > 0.5).to(regions)
    height = small.shape[2]
    known = landmarks.isfinite().flatten(1).all(1)
    points = torch.where(known[:, None, None], (landmarks + 0.5) / step - 0.5, 0.0)
    deep = shrink_mask(inside, _DEEPER * RIM_WIDTH)
    skin = spread(small, deep, CARRY * height)
    depth = max(1, round(height * RIM_WIDTH / 2))
    rim = 1 - smooth(shrink_mask(inside, RIM_WIDTH), 2 * depth + 1)
    rim = rim * (1 - box_filter(features(points, inside, _EYE_AT_RIM), 3))
    stays = rim * unlike(box_filter(small, 3), skin, (RIM_SKIN, RIM_OTHER))
    share = (stays * inside).sum((1, 2, 3)) / inside.sum((1, 2, 3)).clamp(min=1)
    sure = known & (deep.amax((1, 2, 3)) > 0) & (share <= MOST_RIM)
    rim = rim * sure.to(rim)[:, None, None, None]
    reached = _reached(stays, 1 - inside)
    if step > 1:
        skin, rim, reached = (F.interpolate(x, size, mode="bilinear") for x in (skin, rim, reached))
    return torch.minimum(rim * unlike(box_filter(images, 3), skin, (RIM_SKIN, RIM_OTHER)), reached)


def unlike(
    images: Float[Tensor, "b 3 h w"], skin: Float[Tensor, "b 3 h w"], limits: tuple[float, float]
) -> Float[Tensor, "b 1 h w"]:
    """0 where the images have the color of skin, 1 where they have another."""
    apart = (images - skin).square().mean(1, keepdim=True).sqrt()
    return ((apart - limits[0]) / (limits[1] - limits[0])).clamp(0, 1)


def _reached(stays: Float[Tensor, "b 1 h w"], outside: Float[Tensor, "b 1 h w"]) -> Tensor:
    """How much stays on the best way to a pixel, and around it, from what stays outside.

    An eye at the rim, where landmarks are wrong, has skin beside it and is replaced.
    """
    beyond = reached = outside * stays
    for _ in range(math.ceil(_LONGEST * RIM_WIDTH * stays.shape[2])):
        reached = torch.maximum(beyond, torch.minimum(grow_mask(reached, 1), stays))
    return grow_mask(reached, 1)


def _distance(colors: Float[Tensor, "b 3 h w"], others: Float[Tensor, "b 3 h w"]) -> Tensor:
    return (colors - others).square().sum(1, keepdim=True).sqrt()


def may_be_hidden(
    landmarks: Float[Tensor, "b 68 2"], inside: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 1 h w"]:
    """1 above the mouth, and away from brows, eyes and nose."""
    size = (inside.shape[2], inside.shape[3])
    rows, columns = (torch.arange(side, device=inside.device) for side in size)
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).to(inside)
    up = landmarks[:, _NOSE] - landmarks[:, _CHIN]
    mouth = landmarks[:, _MOUTH_CORNERS].mean(1)
    height = ((places - mouth[:, None, None]) * up[:, None, None]).sum(-1)[:, None]
    return (height > 0).to(inside) * (1 - features(landmarks, inside, EYE))


def features(
    landmarks: Float[Tensor, "b 68 2"], like: Float[Tensor, "b 1 h w"], eye: float
) -> Float[Tensor, "b 1 h w"]:
    """1 in brows, eyes, nose and mouth, and around the eyes."""
    size = (like.shape[2], like.shape[3])
    eyes = torch.cat([landmarks[:, list(part)] for part in _EYES])
    right, left = hull_mask(eyes, size, growth=eye).to(like).chunk(2)
    whole = hull_mask(landmarks[:, _FEATURES], size).to(like)
    return torch.maximum(whole, torch.maximum(right, left))


def _connected(
    candidates: Float[Tensor, "b 1 h w"], outside: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 1 h w"]:
    """Those candidates that can be reached from outside through candidates."""
    reached = candidates * grow_mask(outside, 1)
    before = torch.zeros_like(reached)
    while not torch.equal(reached, before):
        before, reached = reached, grow_mask(reached, _STEP) * candidates
    return reached


def _rounded(
    found: Float[Tensor, "b 1 h w"], outside: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 1 h w"]:
    """Without what is thinner than three pixels, with smooth outlines."""
    whole = torch.maximum(found, outside)
    opened = grow_mask(1 - grow_mask(1 - whole, 1), 1)
    rounded = box_filter(opened, 7) > 0.5
    return rounded.to(found) * grow_mask(found, 1)
