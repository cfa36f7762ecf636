"""A batch of pairs of images of persons, ready for a network."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data._batches import StoredPairs, unpack_pairs


class PersonBatch(NamedTuple):
    """Persons, and the same persons in the target pose.

    Shapes:
        ``image, target: b 3 h w`` in [-1, 1]; ``joints, target_joints: b k 2`` in pixels, NaN
        where missing
    """

    image: Float[Tensor, "b 3 h w"]
    target: Float[Tensor, "b 3 h w"]
    joints: Float[Tensor, "b k 2"]
    target_joints: Float[Tensor, "b k 2"]


def to_person_batch(stored: StoredPairs, device: torch.device | str = "cpu") -> PersonBatch:
    """Move 8-bit pairs to the device and convert them there.

    A pair's condition is the image, its source the target.
    """
    return PersonBatch(*unpack_pairs(stored, device))
