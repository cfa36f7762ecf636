"""A batch for CIAGAN: landmark drawings, masked faces, and people by number."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from graphgan.data import PairKind, Pairs, PictureDataset, StoredPairs, read_pairs, to_face_batch
from graphgan.models import ciagan_inputs


class IdentityBatch(NamedTuple):
    """Faces, and the identities to show in their place.

    Shapes:
        ``source, wanted: b 3 h w`` in [-1, 1], ``wanted`` an image of the wanted person;
        ``drawing, masked: b 3 s s`` in [0, 1], of the generator's size, and ``landmarks: b 68 2``
        of the sources; ``mask: b 1 h w``; ``identity: b``, numbers of people of the training set;
        ``same_person: b``, whether the source shows that person already
    """

    source: Float[Tensor, "b 3 h w"]
    wanted: Float[Tensor, "b 3 h w"]
    drawing: Float[Tensor, "b 3 s s"]
    masked: Float[Tensor, "b 3 s s"]
    landmarks: Float[Tensor, "b 68 2"]
    mask: Float[Tensor, "b 1 h w"]
    identity: Int[Tensor, "b"]
    same_person: Bool[Tensor, "b"]


def to_identity_batch(
    stored: StoredPairs, device: torch.device | str = "cpu", *, size: int | None = None
) -> IdentityBatch:
    """Pairs whose conditions show people of the training set, moved to the device.

    Args:
        stored: their ``persons`` are the identities.
        device: device for the batch.
        size: size of the generator's images; by default that of the faces.
    """
    faces = to_face_batch(stored, device)
    drawing, masked = ciagan_inputs(
        faces.source, faces.source_landmarks, faces.mask, size=size or faces.source.shape[-1]
    )
    return IdentityBatch(
        faces.source,
        faces.condition,
        drawing,
        masked,
        faces.source_landmarks,
        faces.mask,
        stored.persons[0].to(device),
        faces.same_person,
    )


def read_across(
    train: PictureDataset, wanted: list[int], faces: PictureDataset, sources: list[int]
) -> StoredPairs:
    """Training images by number, paired with images of other people."""
    first, second = (
        read_pairs(pictures, Pairs(*2 * (torch.tensor(numbers),), torch.zeros(len(numbers)).long()))
        for pictures, numbers in ((train, wanted), (faces, sources))
    )
    return StoredPairs(
        torch.stack([first.images[0], second.images[0]]),
        torch.stack([first.landmarks[0], second.landmarks[0]]),
        torch.full((len(sources),), PairKind.DIFFERENT),
        torch.stack([first.persons[0], second.persons[0]]),
    )
