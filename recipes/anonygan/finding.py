"""Detect faces with landmarks of other schemes than the 68: derived from them, or mesh vertices."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.faces import FaceFinder, FaceMesh, Faces, ToolOptions, make_finder
from graphgan.landmarks import (
    FROM_IBUG_68,
    MESH_468,
    Detection,
    LandmarkScheme,
    five_points,
    from_ibug_68,
)


class SchemeFinder:
    """A `LandmarkDetector`: the faces found by a `FaceFinder`, with the landmarks of a scheme.

    Args:
        detector, landmarker, options: see `make_finder`.
        scheme: one that can be derived from 68 landmarks or, with the landmarker "face-mesh", the
            full mesh.
    Raises:
        ValueError: any other scheme.
    """

    def __init__(
        self, detector: str, landmarker: str, options: ToolOptions, scheme: LandmarkScheme
    ) -> None:
        known = (*FROM_IBUG_68, *([MESH_468] if landmarker == "face-mesh" else []))
        if scheme not in known:
            names = ", ".join(other.name for other in known)
            raise ValueError(
                f"expected --scheme {names} with --landmarks {landmarker}, got {scheme.name}; "
                "other landmarks come from a CSV file"
            )
        self.finder: FaceFinder = make_finder(detector, landmarker, options)
        self.scheme = scheme
        self.num_landmarks = scheme.num_landmarks

    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> list[Detection]:
        """Detect all faces in an image, most confident first."""
        found = self.finder(image)
        if not found:
            return []
        landmarks = torch.stack([face.landmarks for face in found])
        if isinstance(mesh := self.finder.landmarker, FaceMesh) and self.scheme == MESH_468:
            points = _vertices(mesh, image, found)
        else:
            points = from_ibug_68(landmarks, self.scheme)
        return [face._replace(landmarks=own) for face, own in zip(found, points, strict=True)]


def _vertices(
    mesh: FaceMesh, image: UInt8[Tensor, "3 h w"], found: list[Detection]
) -> Float[Tensor, "n 468 2"]:
    """Mesh vertices of faces whose 68 landmarks are known; NaN for others."""
    landmarks = torch.stack([face.landmarks for face in found])
    boxes = torch.stack([face.box for face in found])
    eyes = five_points(landmarks)[:, :2]
    vertices = mesh.mesh(image, Faces(boxes, boxes.new_ones(len(boxes)), eyes)).vertices[..., :2]
    known = landmarks.isfinite().flatten(1).all(1)
    return torch.where(known[:, None, None], vertices, torch.nan).float()
