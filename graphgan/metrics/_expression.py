"""Facial expression measured on a mesh: mouth, lids, brows, gaze and head direction.

Source: the vertices are those of MediaPipe's face mesh; the ratio of an eye's height and width is
that of `lid_openings`. The other ratios are ours.
"""

from typing import NamedTuple

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from graphgan.landmarks._eyes import Eyes, iris_offsets, lid_openings
from graphgan.metrics._head_pose import head_angles, head_rotation

# Vertices. Pairs of inner lips, above and below; corners of the mouth.
_LIPS = ((82, 87), (13, 14), (312, 317))
_MOUTH = (61, 291)
_EYES = (33, 133, 362, 263)  # corners, from the person's right to the left
_OUTER = (33, 263)
_BROWS = (63, 105, 66, 293, 334, 296)  # upper edges


class Expression(NamedTuple):
    """One number per face for each measure; NaN if no face was found.

    Args:
        mouth_opening: gap between the inner lips, relative to the outer-eye distance.
        mouth_width: distance between the corners of the mouth, relative to the same.
        smile: height of these corners above the middle of the gap between the lips, relative to the
            same.
        brow_height: height of the brows above the corners of the eyes, relative to the same.
        right_eye, left_eye: height of the gap between the lids relative to its width: about 0.3
            when looking straight ahead, below 0.1 when closed.
        gaze_across, gaze_down: offset of the irises to the right of the midpoint between the eye's
            corners, as seen, and below their line, relative to the eye's width; mean of both eyes.
        yaw, pitch, roll: see `HeadPose`, in degrees.
    Shapes:
        each ``n``
    """

    mouth_opening: Float[Tensor, "n"]
    mouth_width: Float[Tensor, "n"]
    smile: Float[Tensor, "n"]
    brow_height: Float[Tensor, "n"]
    right_eye: Float[Tensor, "n"]
    left_eye: Float[Tensor, "n"]
    gaze_across: Float[Tensor, "n"]
    gaze_down: Float[Tensor, "n"]
    yaw: Float[Tensor, "n"]
    pitch: Float[Tensor, "n"]
    roll: Float[Tensor, "n"]


def measure_expression(
    mesh: Float[Tensor, "n 468 3"],
    irises: Float[Tensor, "n 2 2"],
    contours: Float[Tensor, "n 2 16 2"],
) -> Expression:
    """Measure each face from its mesh, irises and lids.

    Mouth and brows are measured in the head's own axes (`head_rotation`), so that head rotation
    affects them less than distances in the image.

    Args:
        mesh: vertices of `FaceMesh.mesh`, in pixels.
        irises: centers of the irises, the person's right eye first, from `Iris`.
        contours: contours of the lids, from `Iris`.
    Raises:
        ValueError: mismatched counts, or a wrong number of vertices.
    """
    if not len(mesh) == len(irises) == len(contours):
        counts = f"{len(mesh)}, {len(irises)} and {len(contours)}"
        raise ValueError(f"expected as many irises and contours as meshes, got {counts}")
    rotations = head_rotation(mesh)
    head = einsum(mesh, rotations, "n k i, n i j -> n k j")
    head = head / _distance(head, *_OUTER)[:, None, None]
    right, left = lid_openings(contours).unbind(1)
    across, down = iris_offsets(Eyes(irises, contours)).mean(1).unbind(1)
    return Expression(
        torch.stack([_distance(head, *pair) for pair in _LIPS]).mean(0),
        _distance(head, *_MOUTH),
        head[:, _LIPS[1], 1].mean(1) - head[:, _MOUTH, 1].mean(1),
        head[:, _EYES, 1].mean(1) - head[:, _BROWS, 1].mean(1),
        right,
        left,
        across,
        down,
        *head_angles(rotations),
    )


def _distance(points: Float[Tensor, "n k d"], a: int, b: int) -> Float[Tensor, "n"]:
    distance: Tensor = vector_norm(points[:, a] - points[:, b], dim=-1)
    return distance.clamp(min=1e-6)
