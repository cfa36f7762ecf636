"""Pose and expression read off 68 landmarks."""

from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from graphgan.landmarks.maps import check_landmarks


def yaw(landmarks: Float[Tensor, "b 68 2"]) -> Float[Tensor, "b"]:
    """Where the tip of the nose stands between the two ends of the jaw line: -1 to 1, 0 in front.

    ``2 (n - j_0) . (j_16 - j_0) / |j_16 - j_0|^2 - 1`` with n landmark 30, so roll and scale do
    not matter. Grows with the turn of the head but is no angle.

    Raises:
        ValueError: another number of landmarks; so do the others here.
    """
    check_landmarks(landmarks, count=68)
    across = landmarks[:, 16] - landmarks[:, 0]
    to_nose = landmarks[:, 30] - landmarks[:, 0]
    return 2 * (to_nose * across).sum(-1) / across.square().sum(-1).clamp(min=1e-6) - 1


def mouth_opening(landmarks: Float[Tensor, "b 68 2"]) -> Float[Tensor, "b"]:
    """Gap between the inner lips (mean of 61-67, 62-66, 63-65) over the outer-eye distance."""
    check_landmarks(landmarks, count=68)
    gaps = landmarks[:, [61, 62, 63]] - landmarks[:, [67, 66, 65]]
    opening: Tensor = vector_norm(gaps, dim=-1).mean(-1)
    return opening / eye_distance(landmarks)


def eye_distance(landmarks: Float[Tensor, "b 68 2"]) -> Float[Tensor, "b"]:
    """Distance of the outer corners of the eyes (36 and 45), in pixels."""
    check_landmarks(landmarks, count=68)
    distance: Tensor = vector_norm(landmarks[:, 36] - landmarks[:, 45], dim=-1)
    return distance.clamp(min=1e-6)
