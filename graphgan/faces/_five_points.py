"""Align faces upright by five points, as the networks of face recognition expect.

Source: Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019;
the five positions are those of InsightFace's code, https://github.com/deepinsight/insightface.
Differs: photos are resampled with antialiasing instead of bilinearly.
"""

import torch
from jaxtyping import Bool, Float, Float64, UInt8
from torch import Tensor

from graphgan.faces._crops import check_image_and_landmarks
from graphgan.landmarks import five_points
from graphgan.landmarks._similarity import lay_upon
from graphgan.landmarks._warp import lattice, warp

SIZE = 112
"""Pixels a side for which the five places are given."""

# The person's right eye, left eye, tip of the nose, right and left corner of the mouth.
_PLACES = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
_LARGEST = 32.0  # maximum size of a face's square, in image sides
_FARTHEST = 2.0**24  # maximum distance of landmarks, in pixels


def aligned_faces(
    image: UInt8[Tensor, "3 h w"],
    landmarks: Float[Tensor, "n 68 2"],
    size: int,
    *,
    scale: float = 1.0,
) -> tuple[Float[Tensor, "m 3 {size} {size}"], Bool[Tensor, "n"]]:
    """Cut out faces upright: a similarity moves five points of each to standard positions.

    It minimizes ``sum |T(p_i) - q_i|^2``, with the positions ``q_i`` for 112 x 112 pixels times
    ``size / 112``. Pixels outside the image are black.

    Args:
        image: RGB.
        landmarks: iBUG-68, in pixels.
        size: pixels a side of the results.
        scale: below 1 the faces are smaller, and more of their surroundings is visible.
    Returns:
        The faces, from 0 to 255, and which of them exist. Faces are left out if their landmarks are
        not all finite or lie within a pixel, or if they are far larger than the image or millions
        of pixels away.
    Raises:
        ValueError: an image or landmarks of another shape, or an image of no pixels.
    """
    check_image_and_landmarks(image, landmarks)
    landmarks = landmarks.detach().to("cpu", torch.float64)
    origins, matrices = _maps(landmarks, size, scale)
    sides = size * matrices[..., 0].norm(dim=1)
    present = landmarks.isfinite().flatten(1).all(1) & (sides > 1)
    present &= (sides < _LARGEST * max(image.shape[1:])) & (origins.abs() < _FARTHEST).all(1)
    image = image.cpu()
    faces = [
        _cut(image, origin, matrix, size)
        for origin, matrix in zip(origins[present], matrices[present], strict=True)
    ]
    return torch.stack(faces) if faces else torch.zeros(0, 3, size, size), present


def _maps(
    landmarks: Float64[Tensor, "n 68 2"], size: int, scale: float
) -> tuple[Float64[Tensor, "n 2"], Float64[Tensor, "n 2 2"]]:
    """``origin + matrix (u, v)`` is the point of the image at pixel (u, v) of the result."""
    points = five_points(landmarks)
    middle = size / 2
    places = (points.new_tensor(_PLACES) * (size / SIZE) - middle) * scale + middle
    _, similarity = lay_upon(points, places, torch.ones_like(points[..., :1]))
    corners = points.new_tensor([[0, 0], [1, 0], [0, 1]]).expand(len(points), 3, 2)
    origin, right, below = similarity.undo(corners).unbind(1)
    return origin, torch.stack([right - origin, below - origin], dim=-1)


def _cut(
    image: UInt8[Tensor, "3 h w"],
    origin: Float64[Tensor, "2"],
    matrix: Float64[Tensor, "2 2"],
    size: int,
) -> Float[Tensor, "3 {size} {size}"]:
    face = warp(image, origin, matrix, (size, size)).clamp(0, 255)
    x, y = (lattice(origin[i], matrix[i], (size, size)) for i in (0, 1))
    height, width = image.shape[1:]
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return face * inside
