"""Does a result keep the source's pose and expression? Asked of a landmark detector."""

from collections.abc import Iterator, Mapping

import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from graphgan.data.batches import to_float_image, to_uint8_image
from graphgan.landmarks.detection import LandmarkDetector
from graphgan.metrics.pose import mouth_opening, yaw

DETECTION_SIZE = 256  # of the images that detectors see; a crop is twice its face
MOST_PICTURES = 200  # of each kind: a detector takes about 20 ms for one
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
