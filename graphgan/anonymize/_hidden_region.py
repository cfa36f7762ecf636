"""The part of a photo that is replaced for a face: by its landmarks, or by its box alone."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks.align import Crop
from graphgan.landmarks.alignment import Alignment, align_face
from graphgan.landmarks.detection import Detection
from graphgan.landmarks.hull import convex_hull
from graphgan.landmarks.masks import face_mask, polygon_mask

# A box may end at the brows or at the middle of a cheek: so much of its side is added all around,
# and as much again for the crop to end outside of the soft edge.
_AROUND_BOX = 0.25


def align_region(face: Detection, upright_within: float) -> tuple[Alignment, str | None]:
    """Where the crop of a face lies, and why it is that of the box alone, if it is.

    Landmarks are not trusted that are missing, no face's, or mostly outside the box.
    """
    try:
        alignment = align_face(face.landmarks, upright_within=upright_within)
    except ValueError as error:
        return _align_box(face.box), str(error)
    low, high = face.box[:2], face.box[2:]
    middle = face.landmarks.mean(0)
    if not ((middle >= low) & (middle <= high)).all():
        return _align_box(face.box), "expected landmarks in the box, got others"
    return alignment, None


def _align_box(box: Float[Tensor, "4"]) -> Alignment:
    left, top, right, bottom = box.double().tolist()
    side = max(right - left, bottom - top) * (1 + 4 * _AROUND_BOX)
    x, y = (left + right) / 2, (top + bottom) / 2
    return Alignment(Crop(x - side / 2, y - side / 2, side, side))


def region_mask(
    box: Float[Tensor, "4"],
    alignment: Alignment,
    landmarks: Float[Tensor, "68 2"],
    size: tuple[int, int],
    *,
    forehead: float = 0.0,
) -> Float[Tensor, "1 h w"]:
    """1 where a crop shows the face: its mask and the hull of its landmarks, or its grown box.

    A nose seen in profile is outside the line of the jaw, but not of the hull.

    Args:
        box: of the face in the photo.
        alignment: of the crop.
        landmarks: in the crop; NaN where they are not trusted.
        size: of the crop.
        forehead: of its mask, see `face_mask`.
    """
    if landmarks.isfinite().all():
        hull = polygon_mask(convex_hull(landmarks)[None].to(landmarks), size)
        mask = face_mask(landmarks[None], size, forehead=forehead)
        return torch.maximum(mask, hull)[0]
    box = box.double()
    margin = _AROUND_BOX * (box[2:] - box[:2]).max()
    corners = box_corners(torch.cat([box[:2] - margin, box[2:] + margin]))
    return polygon_mask(alignment.to_crop(corners, size)[None].float(), size)[0]


def box_corners(box: Float[Tensor, "4"]) -> Float[Tensor, "4 2"]:
    """Around the box, from the left upper one."""
    return box[[0, 1, 2, 1, 2, 3, 0, 3]].view(4, 2)
