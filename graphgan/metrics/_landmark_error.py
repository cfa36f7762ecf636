"""Distance of a result's landmarks from their reference positions.

Source: Dall'Asen et al., "Graph-based Generative Face Anonymisation with Pose Preservation", ICIAP
2021. The distance between the outer corners of the eyes is the usual unit of face alignment; the
published evaluation uses another one, ``"eye_coordinates"`` here. Only errors with the same
normalization are comparable.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from graphgan._checks import check_choice
from graphgan.landmarks._maps import check_landmarks

Normalization = Literal["eye_distance", "eye_coordinates"]

OUTER_EYE_CORNERS = (36, 45)  # of iBUG-68


def landmark_error(
    found: Float[Tensor, "b k 2"],
    reference: Float[Tensor, "b k 2"],
    *,
    corners: tuple[int, int] = OUTER_EYE_CORNERS,
    normalization: Normalization = "eye_distance",
) -> Float[Tensor, "b"]:
    """``mean over coordinates of |found - reference|``, divided by the size of the reference.

    The mean is over all 2K coordinates, or over those of the points present in the reference. With
    (dx, dy) from one of its ``corners`` to the other, its size is ``sqrt(dx^2 + dy^2)``
    ("eye_distance") or ``(|dx| + |dy|) / 2`` ("eye_coordinates"); for level eyes, the second gives
    twice the error.

    0 if equal. NaN for an item that was not detected, that is, if ``found`` lacks a point of the
    reference, and if the reference lacks a corner or has both in one place.

    Args:
        found: landmarks of the result in pixels, NaN where missing.
        reference: target positions, likewise.
        corners: indices of two landmarks, in iBUG-68 the outer corners of the eyes.
    Raises:
        ValueError: mismatched shapes, invalid corners, or an unknown normalization.

    Example:
        >>> face = 50 * torch.rand(1, 68, 2)
        >>> landmark_error(face, face)
        tensor([0.])
    """
    for name, points in (("found", found), ("reference", reference)):
        check_landmarks(points, name)
    if found.shape != reference.shape:
        shapes = f"{tuple(found.shape)} and {tuple(reference.shape)}"
        raise ValueError(f"expected one shape, got {shapes}")
    check_choice("normalization", normalization, get_args(Normalization))
    present = reference.isfinite().all(-1)
    away = (found - reference).abs().mean(-1).masked_fill(~present, 0)
    error = away.sum(1) / present.sum(1) / _size(reference, corners, normalization)
    return torch.where(error.isfinite(), error, torch.nan)


def _size(
    landmarks: Float[Tensor, "b k 2"], corners: tuple[int, int], normalization: Normalization
) -> Float[Tensor, "b"]:
    count = landmarks.shape[1]
    if len({*corners} & {*range(count)}) != 2:
        raise ValueError(f"expected two corners from 0 to {count - 1}, got {corners}")
    across = landmarks[:, corners[0]] - landmarks[:, corners[1]]
    if normalization == "eye_coordinates":
        return across.abs().mean(-1)
    distance: Tensor = vector_norm(across, dim=-1)
    return distance
