"""Compare results with their originals: seam, sharpness and skin tone."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize.compositor._constants import FOREHEAD
from graphgan.landmarks import face_mask
from graphgan.metrics import face_sharpness, seam_visibility, skin_beside, skin_tone
from graphgan.metrics._seam import changed_region

SEAM, SHARPNESS, SKIN = "seam", "sharpness", "skin tone, difference to the skin beside"
AROUND = "sharpness, against the surroundings"
COMPARED = (SEAM, SHARPNESS, AROUND, SKIN)


def compared(
    results: UInt8[Tensor, "b 3 h w"],
    originals: UInt8[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
) -> dict[str, Float[Tensor, "b 2"]]:
    """Each measure of each result, and of the original itself, by the names in `COMPARED`.

    The face is its mask with a forehead, the same for all systems. The seam is looked for along the
    outline of what was changed, wherever that is.
    """
    size = (originals.shape[2], originals.shape[3])
    mask = face_mask(landmarks, size, forehead=FOREHEAD)
    sharpness = face_sharpness(results, originals, mask)
    # If the surrounding skin was painted over as well, there is nothing to compare.
    beside = skin_beside(originals, mask, landmarks) & ~changed_region(results, originals)
    tones = [skin_tone(images, landmarks, beside).delta_e for images in (results, originals)]
    one = torch.ones(len(results))
    pairs = (
        (_seam(results, originals), one),
        (sharpness.to_original, one),
        (sharpness.to_surroundings, sharpness.original_to_surroundings),
        (tones[0], tones[1]),
    )
    return {name: torch.stack(pair, 1) for name, pair in zip(COMPARED, pairs, strict=True)}


def _seam(results: Tensor, originals: Tensor) -> Float[Tensor, "b"]:
    """1 where nothing was changed: there is no outline."""
    changed = changed_region(results, originals).float()
    found = seam_visibility(results, originals, changed)
    return torch.where(found.isnan(), torch.ones_like(found), found)
