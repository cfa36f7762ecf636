"""Pose and expression: read off 68 landmarks, and how far a result keeps the source's."""

from collections.abc import Iterator, Mapping

import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import interpolate

from graphgan.data import to_float_image, to_uint8_image
from graphgan.landmarks import LandmarkDetector
from graphgan.landmarks._maps import check_landmarks


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


DETECTION_SIZE = 256  # of the images that detectors see; a crop is twice its face
POSE_SAMPLES = 200
"""Images of each kind that are measured: a detector takes about 20 ms for one."""
LEAST_FACES = 3  # two points always correlate fully

_MEASURES = {"yaw": yaw, "mouth opening": mouth_opening}


def measure_pose(
    sources: UInt8[Tensor, "b 3 h w"],
    answers: Mapping[str, UInt8[Tensor, "b 3 h w"]],
    detector: LandmarkDetector,
) -> str:
    """How yaw and mouth opening of each kind of answer correlate with the sources', as a table.

    The detector looks at the untouched sources as well, so that what it cannot see there is not
    held against an answer. Pixels outside the mask are the source's own: what a trivial answer
    reaches says how much that alone is worth.

    Args:
        sources: crops before anonymization.
        answers: by name, image by image beside the sources.
        detector: finds faces and their landmarks.
    """
    wanted = _detected(detector, sources)
    lines = [
        "yaw and mouth opening, correlation with the untouched source's",
        _row("", "faces found", *_MEASURES),
        _row("source", _share(wanted)),
    ]
    for name, images in answers.items():
        found = _detected(detector, images)
        lines.append(_row(name, _share(found), *_correlations(found, wanted)))
    return "\n".join(lines)


def _detected(
    detector: LandmarkDetector, images: UInt8[Tensor, "b 3 h w"]
) -> Float[Tensor, "b 68 2"]:
    """Landmarks of the surest face, in pixels of the enlarged image; NaN where none is found."""
    missing = torch.full((detector.num_landmarks, 2), torch.nan)
    found = [detector(_enlarged(image)) for image in images]
    return torch.stack([faces[0].landmarks if faces else missing for faces in found])


def _enlarged(image: UInt8[Tensor, "3 h w"]) -> UInt8[Tensor, "3 H W"]:
    square = (DETECTION_SIZE, DETECTION_SIZE)
    large = interpolate(to_float_image(image)[None], size=square, mode="bicubic", antialias=True)
    return to_uint8_image(rearrange(large, "1 c h w -> c h w")).cpu()


def _correlations(found: Float[Tensor, "b 68 2"], wanted: Float[Tensor, "b 68 2"]) -> Iterator[str]:
    for measure in _MEASURES.values():
        both = torch.stack([measure(found), measure(wanted)])
        both = both[:, both.isfinite().all(0)]
        if both.shape[1] < LEAST_FACES:
            yield "too few"
        elif (both.amax(1) == both.amin(1)).any():
            yield "constant"  # as on a single pose: nothing to correlate
        else:
            yield f"{float(torch.corrcoef(both)[0, 1]):.3f}"


def _share(found: Float[Tensor, "b 68 2"]) -> str:
    return f"{int(found.isfinite().flatten(1).all(1).sum())} of {len(found)}"


def _row(name: str, *cells: str) -> str:
    return f"  {name:<18}" + "".join(f"{cell:>15}" for cell in cells).rstrip()
