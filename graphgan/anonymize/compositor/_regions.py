"""The part of an image that is replaced for a face, from its landmarks or only its box."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize.compositor._constants import AROUND_BOX
from graphgan.anonymize.compositor._occluders import occluders, skinless_rim
from graphgan.landmarks import Alignment, Crop, Detection, crop_aligned, face_regions, polygon_mask
from graphgan.landmarks._alignment import align_face

# Of the longer side of the box: that of the landmarks.
_LEAST_SIZE, _MOST_SIZE = 0.4, 2.5


class AlignedFaces(NamedTuple):
    """Upright crops of the faces in an image.

    Shapes:
        ``images: b 3 h w`` in [-1, 1], ``landmarks: b 68 2`` in pixels (NaN where a face has none
        that can be trusted), ``masks: b 1 h w``, 1 inside the face; ``kept: b 1 h w``, 0 to 1,
        how much of the image stays in a face, where something is in front of it; None: nothing;
        ``eyes: b 6``, see `eye_states`: of several frames at once where it is known, NaN or None
        where it is to be measured in the images
    """

    images: Float[Tensor, "b 3 h w"]
    landmarks: Float[Tensor, "b 68 2"]
    masks: Float[Tensor, "b 1 h w"]
    kept: Float[Tensor, "b 1 h w"] | None = None
    eyes: Float[Tensor, "b 6"] | None = None

    def behind_occluders(self) -> "AlignedFaces":
        """The same, with what is in front of the faces kept, see `occluders` and `skinless_rim`."""
        front = occluders(self.images, self.masks, self.landmarks)
        masks = self.masks * (1 - front)
        rim = skinless_rim(self.images, masks, self.landmarks)
        return self._replace(masks=masks, kept=torch.maximum(front, rim))


def align_region(face: Detection, upright_within: float) -> tuple[Alignment, str | None]:
    """The alignment of a face's crop, and the reason if it uses only the box.

    Landmarks are not trusted if some are missing, if they do not form a face, if most are outside
    the box, or if their size differs from that of the box.

    Args:
        face: in the pixels of its image.
        upright_within: tilt in degrees beyond which the crop is turned, see `align_face`.
    """
    try:
        alignment = align_face(face.landmarks, upright_within=upright_within)
    except ValueError as error:
        return _align_box(face.box), str(error)
    low, high = face.box[:2], face.box[2:]
    middle = face.landmarks.mean(0)
    if not ((middle >= low) & (middle <= high)).all():
        return _align_box(face.box), "expected landmarks inside the box, got others"
    sides = (face.landmarks.amax(0) - face.landmarks.amin(0)).max(), (high - low).max()
    if not _LEAST_SIZE <= float(sides[0] / sides[1].clamp(min=1e-6)) <= _MOST_SIZE:
        return _align_box(face.box), "expected landmarks about as large as the box, got others"
    return alignment, None


def _align_box(box: Float[Tensor, "4"]) -> Alignment:
    left, top, right, bottom = box.double().tolist()
    side = max(right - left, bottom - top) * (1 + 4 * AROUND_BOX)
    x, y = (left + right) / 2, (top + bottom) / 2
    return Alignment(Crop(x - side / 2, y - side / 2, side, side))


def cut_faces(
    image: UInt8[Tensor, "3 h w"],
    faces: Sequence[Detection],
    alignments: Sequence[Alignment],
    size: tuple[int, int],
    *,
    trusted: Sequence[bool] | None = None,
    forehead: float = 0.0,
) -> AlignedFaces:
    """The crops of faces, with their landmarks and regions.

    Args:
        image: the image with the faces.
        faces: in the pixels of the image.
        alignments: of each crop.
        size: height and width of the crops.
        trusted: faces whose landmarks are used; for the others the box is replaced. By default all.
        forehead: how far the region extends above the brows, see `face_mask`.
    """
    known = torch.tensor([True] * len(faces) if trusted is None else list(trusted))
    crops = [crop_aligned(image, alignment, size) / 127.5 - 1 for alignment in alignments]
    landmarks = torch.full((len(faces), 68, 2), torch.nan)
    regions = torch.zeros(len(faces), 1, *size)
    for i, (face, alignment) in enumerate(zip(faces, alignments, strict=True)):
        if known[i]:
            landmarks[i] = alignment.to_crop(face.landmarks, size)
        else:
            regions[i] = _box_region(face.box, alignment, size)
    if known.any():
        regions[known] = face_regions(landmarks[known], size, forehead=forehead)
    return AlignedFaces(torch.stack(crops).clamp(-1, 1), landmarks, regions)


def _box_region(
    box: Float[Tensor, "4"], alignment: Alignment, size: tuple[int, int]
) -> Float[Tensor, "1 h w"]:
    box = box.double()
    margin = AROUND_BOX * (box[2:] - box[:2]).max()
    corners = box_corners(torch.cat([box[:2] - margin, box[2:] + margin]))
    return polygon_mask(alignment.to_crop(corners, size)[None].float(), size)[0]


def box_corners(box: Float[Tensor, "4"]) -> Float[Tensor, "4 2"]:
    """The corners of a box, starting at the upper left."""
    return box[[0, 1, 2, 1, 2, 3, 0, 3]].view(4, 2)
