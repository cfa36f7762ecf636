"""Results of AnonyGAN for pairs of faces, and baselines that need no network."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from kornia.filters import gaussian_blur2d
from torch import Tensor

from graphgan.anonymize import anonymize_crops, blend_crops, generate_crops
from graphgan.anonymize.compositor import AlignedFaces, carry_outward, show_face_alone
from graphgan.data import FaceBatch, StoredPairs, to_face_batch
from graphgan.landmarks import IBUG_68, LandmarkScheme, paste
from graphgan.models import AnonyGAN
from graphgan.training import device_of


def batch_for(
    model: AnonyGAN, stored: StoredPairs, scheme: LandmarkScheme | None = None
) -> FaceBatch:
    """The batch on the model's device, with all landmarks."""
    return shown_batch(
        stored,
        device_of(model),
        face_alone=model.face_alone,
        forehead=model.forehead,
        scheme=scheme,
    )


def shown_batch(
    stored: StoredPairs, device: torch.device | str, *, face_alone: bool, **options: Any
) -> FaceBatch:
    """`to_face_batch`, optionally with conditions shown without hair and background.

    With ``occluders`` what is in front of a source stays, as it does in anonymization.
    """
    num_landmarks, occluders = options.pop("num_landmarks", None), options.pop("occluders", False)
    batch = to_face_batch(stored, device, **options)
    if occluders:
        faces = AlignedFaces(batch.source, batch.source_landmarks, batch.mask).behind_occluders()
        batch = batch._replace(mask=faces.masks, kept=faces.kept)
    if face_alone:
        scheme = options.get("scheme")
        alone = show_face_alone(batch.condition, batch.condition_landmarks, scheme)
        batch = batch._replace(condition=alone)
    return batch if num_landmarks is None else batch.for_network(num_landmarks)


def anonymized(
    model: AnonyGAN, batch: FaceBatch, *, chunk_size: int = 32
) -> Float[Tensor, "b 3 h w"]:
    """The sources with their conditions' identities, processed in chunks.

    With 68 landmarks as by `graphgan-anonymize`, with others in the batch's masks.
    """
    if batch.source_landmarks.shape[1] != IBUG_68.num_landmarks:
        return _in_masks(model, batch, chunk_size)
    return _in_chunks(partial(anonymize_crops, model), batch, chunk_size)


def unpasted(
    model: AnonyGAN, batch: FaceBatch, *, chunk_size: int = 32
) -> Float[Tensor, "b 3 h w"]:
    """The raw network output for a batch with all landmarks, as the paper measures it."""
    if batch.source_landmarks.shape[1] != IBUG_68.num_landmarks:
        return generated(model, batch, chunk_size=chunk_size)
    return _in_chunks(partial(generate_crops, model), batch, chunk_size)


def _in_chunks(make: Callable[..., Tensor], batch: FaceBatch, size: int) -> Tensor:
    return torch.cat(
        [
            make(source, source_landmarks, condition, condition_landmarks)
            for condition, source, condition_landmarks, source_landmarks in zip(
                *(column.split(size) for column in batch[:4]), strict=True
            )
        ]
    )


def _in_masks(model: AnonyGAN, batch: FaceBatch, chunk_size: int) -> Float[Tensor, "b 3 h w"]:
    """Paste with anonymization's soft edges; a face without a mask would stay unchanged."""
    if empty := torch.nonzero(~batch.mask.flatten(1).any(1)).flatten().tolist():
        raise ValueError(f"expected a mask for every face, got empty ones for items {empty}")
    made = generated(model, batch, chunk_size=chunk_size)
    return blend_crops(batch.source, carry_outward(made, batch.mask), batch.mask)


@torch.no_grad()
def generated(
    model: AnonyGAN, batch: FaceBatch, *, chunk_size: int = 32
) -> Float[Tensor, "b 3 h w"]:
    """The raw network output, not pasted."""
    columns = batch.for_network(model.generator.num_landmarks)[:5]
    chunks = zip(*(column.split(chunk_size) for column in columns), strict=True)
    return torch.cat([model.eval()(*chunk).image.float() for chunk in chunks])


def condition_pasted(batch: FaceBatch) -> Float[Tensor, "b 3 h w"]:
    """Paste the condition's pixels unchanged: right identity, wrong pose."""
    return paste(batch.condition, batch.source, batch.mask)


def source_blurred(batch: FaceBatch) -> Float[Tensor, "b 3 h w"]:
    """Blur the source inside the mask, with sigma a sixteenth of the side."""
    size = batch.source.shape[-1]
    kernel, sigma = size // 8 * 2 + 1, size / 16
    blurred = gaussian_blur2d(batch.source, (kernel, kernel), (sigma, sigma))
    return paste(blurred, batch.source, batch.mask)
