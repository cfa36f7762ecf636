"""Whether a face is still detected in its place.

A box is (left, top, right, bottom) in pixel-center coordinates. Like landmarks, its edges are
points in the plane: its width is ``right - left``, without adding a pixel.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks._maps import check_landmarks


def box_iou(boxes: Float[Tensor, "n 4"], other: Float[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """Intersection over union of each box with each other box: 0 if disjoint, 1 if equal.

    0 if neither has an area, NaN if either contains NaN.

    Raises:
        ValueError: not ``n 4``.

    Example:
        >>> box_iou(torch.tensor([[0.0, 0.0, 2.0, 1.0]]), torch.tensor([[1.0, 0.0, 3.0, 1.0]]))
        tensor([[0.3333]])
    """
    for name, given in (("boxes", boxes), ("other boxes", other)):
        _check_boxes(given, name)
    low = torch.maximum(boxes[:, None, :2], other[:, :2])
    high = torch.minimum(boxes[:, None, 2:], other[:, 2:])
    common = (high - low).clamp(min=0).prod(-1)
    union = _areas(boxes)[:, None] + _areas(other) - common
    return torch.where(union == 0, 0, common / union)


def landmark_box(landmarks: Float[Tensor, "b k 2"]) -> Float[Tensor, "b 4"]:
    """The smallest box around the present points of each item; NaN if there are none.

    Raises:
        ValueError: not ``b k 2``.

    Example:
        >>> landmark_box(torch.tensor([[[1.0, 5.0], [3.0, 2.0], [torch.nan, torch.nan]]]))
        tensor([[1., 2., 3., 5.]])
    """
    check_landmarks(landmarks)
    missing = landmarks.isnan().any(-1, keepdim=True)
    low = landmarks.masked_fill(missing, torch.inf).amin(1)
    high = landmarks.masked_fill(missing, -torch.inf).amax(1)
    return torch.cat([low, high], dim=1).masked_fill(missing.all(1), torch.nan)


def detected(
    boxes: Sequence[Float[Tensor, "_ 4"]], truth: Float[Tensor, "b 4"], *, min_iou: float
) -> Float[Tensor, "b"]:
    """1 if one of an image's boxes has an IoU of at least ``min_iou`` with its true box, else 0.

    Args:
        boxes: detections of each image, any number or none.
        truth: true position of the face, such as `landmark_box`; NaN if unknown, which gives NaN
            unless ``min_iou`` is 0.
        min_iou: from 0, where any box counts, to 1. There is no standard value, because detectors
            draw boxes larger or smaller than the landmarks: choose one that nearly all faces
            detected in the originals pass, and boxes elsewhere do not.
    Raises:
        ValueError: different numbers of images and true boxes, no images, boxes that are not
            ``n 4``, or ``min_iou`` out of range.

    Example:
        >>> truth = torch.tensor([[0.0, 0.0, 9.0, 9.0]] * 3)
        >>> elsewhere, nothing = truth[:1] + 20, torch.empty(0, 4)
        >>> detected([truth[:1], elsewhere, nothing], truth, min_iou=0.3)
        tensor([1., 0., 0.])
    """
    _check_boxes(truth, "true boxes")
    if not len(boxes) == len(truth) > 0:
        images = f"got {len(boxes)} images and {len(truth)} true boxes"
        raise ValueError(f"expected a true box for each of at least one image, {images}")
    if not 0 <= min_iou <= 1:
        raise ValueError(f"expected min_iou from 0 to 1, got {min_iou}")
    hits = [
        (box_iou(found, true).nan_to_num(nan=0) >= min_iou).any()
        for found, true in zip(boxes, truth[:, None], strict=True)
    ]
    unknown = truth.isnan().any(1) & (min_iou > 0)  # any box at all needs no truth
    return torch.stack(hits).to(truth.dtype).masked_fill(unknown, torch.nan)


def _areas(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n"]:
    return (boxes[:, 2:] - boxes[:, :2]).prod(-1)


def _check_boxes(boxes: Tensor, name: str) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"expected {name} of shape (n, 4), got {tuple(boxes.shape)}")
    if not boxes.is_floating_point():
        raise ValueError(f"expected floating-point {name}, got {boxes.dtype}")
