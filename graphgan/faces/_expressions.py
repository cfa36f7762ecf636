"""Read facial expressions from images with a face detector, the face mesh and the iris model.

The measurements are in `graphgan.metrics.measure_expression`.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.faces._centerface import CenterFace
from graphgan.faces._contracts import FaceDetector, Faces
from graphgan.faces._face_mesh import NUM_VERTICES, FaceMesh
from graphgan.faces._iris import Iris
from graphgan.landmarks._eyes import Eyes
from graphgan.metrics import Expression, box_iou, landmark_box, measure_expression

_LEAST_CONFIDENCE = 0.5  # minimum confidence of a mesh to count as a face
_LEAST_OVERLAP = 0.2  # minimum overlap of a face's box with its landmarks' box


class ExpressionReader:
    """Reads one expression from each image.

    Args:
        detector: face detector; `CenterFace` by default.
        mesh, iris: networks applied to the detected face.

    Example:
        >>> ExpressionReader()(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).yaw
        tensor([nan, nan])
    """

    def __init__(
        self,
        detector: FaceDetector | None = None,
        mesh: FaceMesh | None = None,
        iris: Iris | None = None,
    ) -> None:
        self.detector = CenterFace() if detector is None else detector
        self.mesh = FaceMesh() if mesh is None else mesh
        self.iris = Iris() if iris is None else iris

    def __call__(
        self, images: UInt8[Tensor, "n 3 h w"], landmarks: Float[Tensor, "n 68 2"] | None = None
    ) -> Expression:
        """The expression of each image's face; NaN if no face is found.

        Args:
            images: 8-bit.
            landmarks: position of each image's face: among several faces, the one whose box
                overlaps most with these landmarks is read, and none if the overlap (intersection
                over union) is below 0.2. Without landmarks, the most confident face is read.
        Raises:
            ValueError: mismatched counts.
        """
        if landmarks is not None and len(landmarks) != len(images):
            counts = f"{len(landmarks)} for {len(images)} images"
            raise ValueError(f"expected landmarks for every image, got {counts}")
        points = [None] * len(images) if landmarks is None else list(landmarks)
        found = [
            self.look(image, self._face(image, own))
            for image, own in zip(images, points, strict=True)
        ]
        none = torch.zeros(0, NUM_VERTICES, 3), *Eyes.missing(0)
        meshes, irises, contours = (torch.cat(own) for own in zip(none, *found, strict=True))
        return measure_expression(meshes, irises, contours)

    def look(
        self, image: UInt8[Tensor, "3 h w"], face: Faces
    ) -> tuple[Float[Tensor, "1 468 3"], Float[Tensor, "1 2 2"], Float[Tensor, "1 2 16 2"]]:
        """Mesh, irises and lid contours of the first face; NaN if there is none.

        Args:
            image: 8-bit.
            face: where it is; a mesh that is no face's counts as none.
        """
        nothing = torch.full((1, NUM_VERTICES, 3), torch.nan), *Eyes.missing(1)
        if not len(face.boxes):
            return nothing
        mesh = self.mesh.mesh(image, face.at(torch.arange(1)))
        if mesh.confidences[0] < _LEAST_CONFIDENCE:
            return nothing
        return mesh.vertices, *self.iris(image, mesh.vertices)

    @property
    def fingerprint(self) -> str:
        """Cached results are valid as long as this does not change."""
        return f"{self.mesh.fingerprint}; {self.iris.fingerprint}"

    def _face(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"] | None
    ) -> Faces:
        """One face, or none."""
        faces = self.detector(image)
        if landmarks is None or not len(faces.boxes):
            return faces.at(torch.arange(len(faces.boxes))[:1])
        overlaps = box_iou(faces.boxes, landmark_box(landmarks[None]))[:, 0]
        best = overlaps.argmax()[None]
        return faces.at(best[overlaps[best] >= _LEAST_OVERLAP])
