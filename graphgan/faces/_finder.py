"""Find faces with their landmarks, by a detector followed by a landmark detector."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from graphgan.faces._centerface import CenterFace
from graphgan.faces._contracts import FaceDetector, Faces, Landmarker
from graphgan.faces._face_mesh import FaceMesh
from graphgan.landmarks import Detection, convex_hull
from graphgan.metrics import box_iou

MOST_FACES = 4096
"""Maximum number of faces in an image; more detections are not credible."""

# Landmarks with a lower confidence do not belong to a face.
_LEAST_CONFIDENCE = 0.5
_HELD = 0.7  # of a face's box from which it lies in another one
_LARGER = 4.0  # a face's area, in areas of what is a part of it
_TWICE_FOUND = 1.1  # the same, where the landmarks tell that it is a part
_ASKED = 4  # of the largest faces that it may be a part of
_INSIDE = 0.95  # of its landmarks in the hull of the other's
_ALIKE, _GROWN = 2.0, 1.25  # a face's area up to which it may be the same face, and its hull then
# Longer sides, in pixels, at which a large box without landmarks is looked for again, and whether
# the image is flipped; for so many boxes at most.
_LOOKS = (96, False), (64, True), (48, False)
_MOST_LOOKS = 16
# Intersection over union from which a face is found again, and from which it may be.
_FOUND_AGAIN, _ALSO = 0.5, 0.45
# Longer side of the landmarks, of that of the box: others belong to something else.
_EXTENT = (0.4, 1.8)


class FaceFinder:
    """A `LandmarkDetector`: each face in an image with its box and 68 landmarks.

    If the landmarks do not form a face, they are NaN, and only the box is known. Such a box is
    dropped if it contains another face that has landmarks, because it is that head with its
    surroundings, or if it is large and not found again at smaller sizes, where a face beside it is.
    Boxes that are not finite, have no area or lie outside the image are dropped;
    others are clipped to the image.

    Args:
        detector: face detector; `CenterFace` by default.
        landmarker: landmark detector; `FaceMesh` by default.
    Raises:
        ValueError: more than 4,096 boxes in an image, since dropping some could expose faces.

    Example:
        >>> FaceFinder()(torch.zeros(3, 64, 64, dtype=torch.uint8))
        []
    """

    num_landmarks = 68

    def __init__(
        self,
        detector: FaceDetector | None = None,
        landmarker: Landmarker | None = None,
    ) -> None:
        self.detector = CenterFace() if detector is None else detector
        self.landmarker = FaceMesh() if landmarker is None else landmarker

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> list[Detection]:
        """Find all faces in an image, most confident first."""
        if not image.numel():
            return []
        faces = _plausible(self.detector(image), (image.shape[1], image.shape[2]))
        if not len(faces.boxes):
            return []
        points, confident = self._landmarks(image, faces)
        points = torch.where(confident[:, None, None], points, torch.nan)
        kept = ~_surrounds(faces.boxes, confident) & ~_is_part(faces, points)
        unsure = (kept & ~confident).nonzero().flatten()
        kept[unsure] = ~self.vanishing(image, faces.boxes[unsure], faces.boxes[kept & confident])
        return [
            Detection(box, landmarks)
            for box, landmarks in zip(faces.boxes[kept], points[kept].float(), strict=True)
        ]

    def _landmarks(
        self, image: UInt8[Tensor, "3 h w"], faces: Faces
    ) -> tuple[Float[Tensor, "n 68 2"], Bool[Tensor, "n"]]:
        """Landmarks, and whether they are a face's.

        Boxes of close-ups are tall, and the eyes found in them may be no eyes: where no face is
        seen in a box, the square in its middle is looked at, turned by its eyes and upright.
        """
        points, confidences = self.landmarker(image, faces)
        confident = (confidences >= _LEAST_CONFIDENCE) & _fits(points, faces.boxes)
        again = (~confident).nonzero().flatten()
        if len(again):
            squares = faces.at(again)._replace(boxes=_squares(faces.boxes[again]))
            looks = [self.landmarker(image, squares)]
            if squares.points.shape[1]:
                looks.append(self.landmarker(image, squares._replace(points=squares.points[:, :0])))
            fitting = [sure * _fits(found, squares.boxes) for found, sure in looks]
            sure, best = torch.stack(fitting).max(0)
            others = torch.stack([found for found, _ in looks])[best, torch.arange(len(best))]
            better = sure >= _LEAST_CONFIDENCE
            points, confident = points.clone(), confident.clone()
            points[again[better]], confident[again] = others[better].to(points), better
        return points, confident

    def vanishing(
        self,
        image: UInt8[Tensor, "3 h w"],
        boxes: Float[Tensor, "n 4"],
        sure: Float[Tensor, "m 4"],
    ) -> Bool[Tensor, "n"]:
        """Which boxes are no faces, but parts of a close-up: a chest, half a face.

        They are large, and the detector does not find them in smaller images of their surroundings,
        in all of which it does find a sure face.
        """
        large = (boxes[:, 2:] - boxes[:, :2]).amax(1) >= _LOOKS[0][0]
        vanishes = torch.zeros_like(large)
        if not len(sure):
            return vanishes
        for i in large.nonzero().flatten()[:_MOST_LOOKS].tolist():
            looks = (self._look(image, boxes[i], side, flipped) for side, flipped in _LOOKS)
            vanishes[i] = all(_is_missing(boxes[i], sure, found) for found in looks)
        return vanishes

    def _look(
        self, image: UInt8[Tensor, "3 h w"], box: Float[Tensor, "4"], side: int, flipped: bool
    ) -> Float[Tensor, "m 4"]:
        """What is found around a box, where its longer side is so many pixels."""
        longest = float((box[2:] - box[:2]).max())
        low = ((box[:2] + box[2:]) / 2 - 1.5 * longest).clamp(min=0).floor().long().tolist()
        high = ((box[:2] + box[2:]) / 2 + 1.5 * longest).ceil().long().tolist()
        part = image[:, low[1] : high[1], low[0] : high[0]]
        size = [max(1, round(x * side / longest)) for x in part.shape[1:]]
        small = F.interpolate(part[None].float(), size, mode="bilinear", antialias=True)[0]
        small = small.round().clamp(0, 255).to(torch.uint8)
        found = self.detector(small.flip(2) if flipped else small).boxes.to(box)
        if flipped:
            found = torch.stack(
                [size[1] - found[:, 2], found[:, 1], size[1] - found[:, 0], found[:, 3]], 1
            )
        return found * (longest / side) + box.new_tensor(low * 2)


def _is_missing(
    box: Float[Tensor, "4"], sure: Float[Tensor, "n 4"], found: Float[Tensor, "m 4"]
) -> bool:
    """Whether a sure box is found again, and this one is not, unless it is a part of a sure one."""
    again = (box_iou(found, sure) >= _FOUND_AGAIN).any(1)
    return bool(again.any()) and not bool((box_iou(found, box[None])[~again] > _ALSO).any())


def _squares(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """In the middle of each box, as wide as its shorter side."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amin(1, keepdim=True) / 2
    return torch.cat([middles - half, middles + half], 1)


def _is_part(faces: Faces, points: Float[Tensor, "n 68 2"]) -> Bool[Tensor, "n"]:
    """Which boxes are the eyes, the mouth or the chin of a larger face, and covered with it."""
    boxes, known = faces.boxes, points.isfinite().flatten(1).all(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    outer = boxes[:, None]
    common = torch.minimum(outer[..., 2:], boxes[:, 2:]) - torch.maximum(
        outer[..., :2], boxes[:, :2]
    )
    held = common.clamp(min=0).prod(2) > _HELD * areas
    sure = held & (areas[:, None] > _LARGER * areas) & (faces.scores[:, None] > faces.scores)
    around = (common > 0).all(2) & (areas[:, None] > _TWICE_FOUND * areas) & known[:, None]
    part = torch.zeros_like(known)
    for face in around.any(0).nonzero().flatten().tolist():
        others = around[:, face].nonzero().flatten()
        for other in others[areas[others].argsort(descending=True)][:_ASKED].tolist():
            alike = areas[other] < _ALIKE * areas[face]
            part[face] |= _lies_on(points[face], points[other], _GROWN if alike else 1.0)
            if sure[other, face]:
                middle = (boxes[face, :2] + boxes[face, 2:]) / 2
                part[face] |= _lies_on(middle[None].to(points), points[other], 1.0)
    return part


def _lies_on(
    points: Float[Tensor, "k 2"], face: Float[Tensor, "68 2"], grown: float
) -> Bool[Tensor, ""]:
    """Whether points lie in the hull of a face's landmarks, which a new face covers; NaN do not.

    Beside the hull, though within its box, there may be somebody in the background.
    """
    middle = face.mean(0)
    hull = convex_hull(middle + grown * (face - middle))
    along = hull.roll(-1, 0) - hull
    away = points.to(hull)[:, None] - hull
    turns = along[:, 0] * away[..., 1] - along[:, 1] * away[..., 0]
    inside = (turns >= 0).all(1) | (turns <= 0).all(1)
    return inside.double().mean() >= _INSIDE


def _plausible(faces: Faces, size: tuple[int, int]) -> Faces:
    """Boxes with an area in the image, cut at its edges."""
    height, width = size
    low = faces.boxes[:, :2].clamp(min=-0.5)
    high = faces.boxes[:, 2:].minimum(faces.boxes.new_tensor([width - 0.5, height - 0.5]))
    inside = faces.boxes.isfinite().all(1) & (low < high).all(1)
    if (count := int(inside.sum())) > MOST_FACES:
        raise ValueError(f"expected at most {MOST_FACES} faces in an image, got {count}")
    return Faces(torch.cat([low, high], 1), faces.scores, faces.points).at(inside)


def _fits(points: Float[Tensor, "n 68 2"], boxes: Float[Tensor, "n 4"]) -> Bool[Tensor, "n"]:
    """Whether landmarks may be those of the face that fills the box."""
    sides = (boxes[:, 2:] - boxes[:, :2]).amax(1)
    extents = (points.amax(1) - points.amin(1)).amax(1) / sides
    middle = points.mean(1)
    within = (boxes[:, :2] <= middle) & (middle <= boxes[:, 2:])
    return (
        points.isfinite().flatten(1).all(1)
        & within.all(1)
        & (extents > _EXTENT[0])
        & (extents < _EXTENT[1])
    )


def _surrounds(boxes: Float[Tensor, "n 4"], has_landmarks: Bool[Tensor, "n"]) -> Bool[Tensor, "n"]:
    """Which boxes hold most of a smaller one, that has landmarks where they have none."""
    outer, inner = boxes[~has_landmarks][:, None], boxes[has_landmarks]
    common = torch.minimum(outer[..., 2:], inner[:, 2:]) - torch.maximum(
        outer[..., :2], inner[:, :2]
    )
    areas, own = ((b[..., 2:] - b[..., :2]).prod(-1) for b in (inner, outer))
    held = (common.clamp(min=0).prod(2) > _HELD * areas) & (areas < own)
    surrounds = torch.zeros_like(has_landmarks)
    surrounds[~has_landmarks] = held.any(1)
    return surrounds
