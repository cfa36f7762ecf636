"""Yaw, pitch and roll of a head from its face mesh.

Source: the face is MediaPipe's canonical face model, with the weights of its vertices
(``geometry_pipeline_metadata_landmarks`` of npm's @mediapipe/face_mesh, Apache-2.0). MediaPipe fits
it to the mesh's own depth, with an assumed camera; here depth is left out and the camera is weak
perspective (scaled orthography, as in DeMenthon and Davis, "Model-Based Object Pose in 25 Lines of
Code", IJCV 1995): of a crop nobody knows the camera, and the depth of a mesh is a guess.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from graphgan.weights import weights_file

FACE_MODEL = "face-model"
"""Name of the shipped canonical face."""

_STEPS = 10  # Gauss-Newton steps; the start is close
_LEAST_POINTS = 4  # minimum for a shape with depth


class FaceModel(NamedTuple):
    """A rigid face that meshes are compared with.

    Args:
        vertices: in the axes of an image: x to the right, y down, z away from the camera.
        weights: weight of each vertex, 0 for those that move with the expression.
    """

    vertices: Float[Tensor, "k 3"]
    weights: Float[Tensor, "k"]


class HeadPose(NamedTuple):
    """Head angles in degrees; all 0 for a face that looks straight into the camera.

    Args:
        yaw: positive if the nose points to the right of the image.
        pitch: positive if it points up.
        roll: positive if the head leans clockwise, as seen.
    Shapes:
        each ``n``
    """

    yaw: Float[Tensor, "n"]
    pitch: Float[Tensor, "n"]
    roll: Float[Tensor, "n"]


def head_pose(vertices: Float[Tensor, "n 468 d"]) -> HeadPose:
    """Fit the canonical face to each mesh, see `fit_rotation` and `head_angles`.

    Args:
        vertices: x and y in pixels; a third coordinate is ignored. A mesh containing NaN gets NaN.
    Raises:
        ValueError: wrong number of vertices.

    Example:
        >>> face = canonical_face().vertices
        >>> head_pose(face[None]).yaw.abs() < 0.01
        tensor([True])
    """
    return head_angles(head_rotation(vertices))


def head_rotation(vertices: Float[Tensor, "n 468 d"]) -> Float[Tensor, "n 3 3"]:
    """The matrices of `head_pose`, from the axes of the canonical face to those of the image."""
    model = canonical_face()
    if vertices.ndim != 3 or vertices.shape[1] != len(model.vertices):
        raise ValueError(f"expected meshes of shape (n, 468, 3), got {tuple(vertices.shape)}")
    counted = model.weights > 0
    return fit_rotation(
        vertices[:, counted.to(vertices.device), :2],
        model.vertices[counted].to(vertices),
        model.weights[counted].to(vertices),
    )


def head_angles(rotations: Float[Tensor, "n 3 3"]) -> HeadPose:
    """The angles of ``R = R_z(roll) R_x(-pitch) R_y(-yaw)``.

    Rotating an image in its plane only changes the roll, and profiles are not a special case; yaw
    and roll are ambiguous only for a face that looks straight up or down.
    """
    matrices = rotations.double()
    down = matrices[:, 2, 1].clamp(-1, 1)
    yaw = torch.atan2(matrices[:, 2, 0], matrices[:, 2, 2])
    roll = torch.atan2(-matrices[:, 0, 1], matrices[:, 1, 1])
    angles = (yaw, -down.asin(), roll)
    return HeadPose(*(angle.rad2deg().to(rotations) + 0.0 for angle in angles))  # no -0


def fit_rotation(
    points: Float[Tensor, "n k 2"], shape: Float[Tensor, "k 3"], weights: Float[Tensor, "k"]
) -> Float[Tensor, "n 3 3"]:
    """Rotations R that best align a rigid shape with points, under weak perspective.

    ``minimize over s, R, t: sum_i w_i |s (R X_i)_xy + t - x_i|^2``

    Starts from the least-squares affine map with orthonormalized rows, then refines it by
    Gauss-Newton. Points that contain NaN get a matrix of NaN.

    Args:
        points: x_i, in pixels.
        shape: X_i, not flat, in axes whose z points away from the camera.
        weights: w_i, at least 0.
    Raises:
        ValueError: a flat shape, fewer than 4 points, or mismatched counts.
    """
    found = points.new_full((len(points), 3, 3), torch.nan)
    present = points.isfinite().flatten(1).all(1)
    x, model, w = _centered(points[present].double(), shape.double(), weights.double())
    if present.any():
        found[present] = _refined(_affine_rotation(x, model, w), x, model, w).to(points)
    return found


@cache
def canonical_face() -> FaceModel:
    """MediaPipe's face in centimeters; its 33 weighted points do not move with the expression."""
    from safetensors.torch import load_file

    tensors = load_file(weights_file(FACE_MODEL))
    return FaceModel(tensors["vertices"] * torch.tensor([1.0, -1.0, -1.0]), tensors["weights"])


def _centered(
    points: Float64[Tensor, "n k 2"], shape: Float64[Tensor, "k 3"], weights: Float64[Tensor, "k"]
) -> tuple[Float64[Tensor, "n k 2"], Float64[Tensor, "k 3"], Float64[Tensor, "k"]]:
    """Without translation, and with weights of sum 1."""
    if not points.shape[1] == len(shape) == len(weights):
        counts = f"{points.shape[1]}, {len(shape)} and {len(weights)}"
        raise ValueError(f"expected as many points as there are in the shape, got {counts}")
    w = (weights / weights.sum())[:, None]
    model = shape - (w * shape).sum(0)
    if len(shape) < _LEAST_POINTS or torch.linalg.matrix_rank(w.sqrt() * model) < 3:
        raise ValueError("expected a shape of at least 4 points that has depth, got a flat one")
    return points - (w * points).sum(1, keepdim=True), model, w[:, 0]


def _affine_rotation(x: Tensor, model: Tensor, w: Tensor) -> Float64[Tensor, "n 3 3"]:
    weighted = w[:, None] * model
    affine = torch.linalg.solve(model.T @ weighted, (x.mT @ weighted).mT).mT
    left, _, right = torch.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    third = torch.linalg.cross(rows[:, 0], rows[:, 1])
    return torch.cat([rows, third[:, None]], 1)


def _refined(rotations: Tensor, x: Tensor, model: Tensor, w: Tensor) -> Float64[Tensor, "n 3 3"]:
    for _ in range(_STEPS):
        turned = model @ rotations.mT
        flat = turned[..., :2]
        scale = _dot(flat, x, w) / _dot(flat, flat, w)
        # Columns: how a turn about each axis, and a larger scale, move the points in the image.
        x0, y0, z0 = turned.unbind(-1)
        none = torch.zeros_like(x0)
        across = torch.stack([none, z0, -y0, x0], -1)
        down = torch.stack([-z0, none, x0, y0], -1)
        moves = scale[:, None, None] * torch.cat([across, down], 1)
        rest = (x - scale[:, None, None] * flat).mT.flatten(1)
        weighted = torch.cat([w, w])[:, None] * moves
        step = torch.linalg.solve(moves.mT @ weighted, (weighted.mT @ rest[..., None]))[..., 0]
        rotations = torch.linalg.matrix_exp(_skew(step[:, :3])) @ rotations
    return rotations


def _dot(a: Tensor, b: Tensor, w: Tensor) -> Float64[Tensor, "n"]:
    return (w[:, None] * a * b).sum((1, 2))


def _skew(v: Float64[Tensor, "n 3"]) -> Float64[Tensor, "n 3 3"]:
    """The matrix of the cross product with v."""
    x, y, z = v.unbind(-1)
    none = torch.zeros_like(x)
    rows = [none, -z, y, z, none, -x, -y, x, none]
    return torch.stack(rows, -1).view(-1, 3, 3)
