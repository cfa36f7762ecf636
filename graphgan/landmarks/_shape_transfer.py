"""Transfer the pose and expression of one face to the shape of another.

Not in the papers. Landmarks are first aligned to a mean shape, which removes position, size and
tilt (Procrustes). There, a person's images vary around the person's mean with covariance W, and the
means of people with covariance B. Given a difference d with total covariance W + B, the best linear
estimate of its first part is ``W (W + B)^-1 d`` (Wiener).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._similarity import lay_upon

# Added to W + B, as a share of the mean variance in W: landmarks are no surer than that.
_RIDGE = 1e-4
_ROUNDS = 10  # of alignment to the mean; two are nearly enough
_TINY = 1e-12


class ShapeTransfer(NamedTuple):
    """Result of `fit_shape_transfer`.

    Shapes:
        ``mean: k 2``, of unit size; ``matrix: 2k 2k``, acts on (x0, y0, x1, y1, ...)
    """

    mean: Float[Tensor, "k 2"]
    matrix: Float[Tensor, "n n"]


def fit_shape_transfer(
    landmarks: Float[Tensor, "b k 2"], persons: Int[Tensor, "b"], *, weight: float = 1.0
) -> ShapeTransfer:
    """Learn from images of many people what varies within one person.

    ``matrix = W (W + weight B)^-1``

    Args:
        landmarks: (x, y) in pixels, none missing.
        persons: person of each item.
        weight: weight of B: above 1, less of the face shape of the pose's source is transferred,
            and also less of its expression.
    Raises:
        ValueError: missing landmarks, fewer than two people, no person with two images, or a weight
            below 0.

    Example:
        >>> landmarks, persons = torch.rand(12, 5, 2), torch.arange(12) // 3
        >>> fit_shape_transfer(landmarks, persons).matrix.shape
        torch.Size([10, 10])
    """
    check_landmarks(landmarks)
    if weight < 0:
        raise ValueError(f"expected a weight of at least 0, got {weight}")
    if not landmarks.isfinite().all():
        raise ValueError("expected landmarks without missing ones")
    names, person = torch.unique(persons, return_inverse=True)
    if len(names) < 2 or len(names) == len(landmarks):
        raise ValueError(
            "expected images of at least two people, with several of one, got "
            f"{len(landmarks)} of {len(names)}"
        )
    mean, shapes = _aligned(landmarks.double().cpu())
    within, between = _covariances(shapes.flatten(1), person.cpu())
    ridge = _RIDGE * within.trace() / len(within) * torch.eye(len(within), dtype=within.dtype)
    matrix = torch.linalg.solve(within + weight * between + ridge, within).mT
    return ShapeTransfer(mean.float(), matrix.float())


def transfer_shape(
    landmarks: Float[Tensor, "b k 2"], targets: Float[Tensor, "b k 2"], transfer: ShapeTransfer
) -> Float[Tensor, "b k 2"]:
    """The face of ``landmarks`` with the pose, expression and position of ``targets``.

    ``c + matrix (t - c)``, c and t the landmarks and the targets, each laid upon the mean shape;
    taken to where the targets were.

    Args:
        landmarks, targets: (x, y) in pixels; landmarks that are NaN in either stay NaN and are
            ignored.
        transfer: learned from faces with these landmarks.
    Raises:
        ValueError: mismatched shapes, or a wrong number of landmarks.
    """
    check_landmarks(landmarks)
    check_landmarks(targets, "targets")
    expected = (landmarks.shape[0], *transfer.mean.shape)
    if landmarks.shape != expected or targets.shape != expected:
        raise ValueError(
            f"expected landmarks and targets of shape {expected}, got {tuple(landmarks.shape)} and "
            f"{tuple(targets.shape)}"
        )
    dtype = torch.promote_types(landmarks.dtype, torch.float32)  # 8 bits are no coordinates
    mean, matrix = transfer.mean.to(dtype), transfer.matrix.to(dtype)
    there = (landmarks.isfinite() & targets.isfinite()).all(-1, keepdim=True)
    c, t = (torch.where(there, x, 0).to(dtype) for x in (landmarks, targets))
    weights = there.to(dtype)
    on_mean, _ = lay_upon(c, mean, weights)
    wanted, back = lay_upon(t, mean, weights)
    change = (weights * (wanted - on_mean)).flatten(1) @ matrix.mT
    placed = back.undo(on_mean + change.view_as(c))
    return torch.where(there, placed, torch.nan).to(landmarks.dtype)


def _aligned(
    landmarks: Float[Tensor, "b k 2"],
) -> tuple[Float[Tensor, "k 2"], Float[Tensor, "b k 2"]]:
    """Their mean shape, of unit size about 0, and all of them laid upon it."""
    weights = torch.ones_like(landmarks[..., :1])
    mean = _unit(landmarks[0])
    for _ in range(_ROUNDS):
        mean = _unit(lay_upon(landmarks, mean, weights)[0].mean(0))
    return mean, lay_upon(landmarks, mean, weights)[0]


def _unit(shape: Float[Tensor, "k 2"]) -> Float[Tensor, "k 2"]:
    shape = shape - shape.mean(0)
    return shape / shape.square().sum(1).mean().sqrt().clamp(min=_TINY)


def _covariances(
    shapes: Float[Tensor, "b n"], person: Int[Tensor, "b"]
) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n n"]]:
    """Within people, and between their means, less what the first alone scatters these."""
    people = int(person.max()) + 1
    counts = torch.bincount(person, minlength=people).to(shapes.dtype)[:, None]
    means = torch.zeros(people, shapes.shape[1], dtype=shapes.dtype)
    means = means.index_add(0, person, shapes) / counts
    apart = shapes - means[person]
    within = apart.mT @ apart / (len(shapes) - people)
    spread = means - means.mean(0)
    between = spread.mT @ spread / (people - 1) - within * (1 / counts).mean()
    values, vectors = torch.linalg.eigh(between)
    return within, (vectors * values.clamp(min=0)) @ vectors.mT
