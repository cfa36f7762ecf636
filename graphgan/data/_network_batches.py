"""Batches of pairs of images, ready for a network."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from graphgan.data._batches import StoredPairs, unpack_pairs
from graphgan.data._pairs import PairKind
from graphgan.landmarks import CIAGAN_29, IBUG_68, LandmarkScheme, face_mask, face_regions
from graphgan.landmarks._schemes import CIAGAN_29_INDICES

LANDMARKS_OF_68 = {
    IBUG_68.num_landmarks: tuple(range(IBUG_68.num_landmarks)),
    CIAGAN_29.num_landmarks: CIAGAN_29_INDICES,
}
"""How many landmarks a network of faces may be given, and which of iBUG-68 they are."""


class FaceBatch(NamedTuple):
    """Conditions and sources, ready for a network.

    Shapes:
        ``condition, source: b 3 h w`` in [-1, 1]; ``condition_landmarks, source_landmarks: b k 2``
        in pixels; ``mask: b 1 h w`` of the source; ``kind: b`` of `PairKind`; ``kept: b 1 h w``,
        0 to 1, how much of the source stays inside the mask; None: nothing
    """

    condition: Float[Tensor, "b 3 h w"]
    source: Float[Tensor, "b 3 h w"]
    condition_landmarks: Float[Tensor, "b k 2"]
    source_landmarks: Float[Tensor, "b k 2"]
    mask: Float[Tensor, "b 1 h w"]
    kind: Int[Tensor, "b"]
    kept: Float[Tensor, "b 1 h w"] | None = None

    def for_network(self, num_landmarks: int) -> "FaceBatch":
        """The same batch with the number of landmarks that a network was trained with.

        Raises:
            ValueError: the faces do not supply that number of landmarks.
        """
        if (count := self.source_landmarks.shape[1]) == num_landmarks:
            return self
        if count != IBUG_68.num_landmarks:
            raise ValueError(f"expected {num_landmarks} landmarks, got faces with {count}")
        chosen = _chosen(num_landmarks)
        return self._replace(
            condition_landmarks=self.condition_landmarks[:, chosen],
            source_landmarks=self.source_landmarks[:, chosen],
        )

    @property
    def replaced(self) -> Float[Tensor, "b 1 h w"]:
        """How much of the source is replaced: ``mask (1 - kept)``."""
        return self.mask if self.kept is None else self.mask * (1 - self.kept)

    @property
    def different(self) -> Bool[Tensor, "b"]:
        """Pairs whose condition and source are different images."""
        return self.kind != PairKind.SAME_IMAGE

    @property
    def same_person(self) -> Bool[Tensor, "b"]:
        """Pairs whose true answer is the source itself."""
        return self.kind != PairKind.DIFFERENT


def to_face_batch(
    stored: StoredPairs,
    device: torch.device | str = "cpu",
    *,
    num_landmarks: int | None = None,
    forehead: float = 0.0,
    hull: bool = False,
    scheme: LandmarkScheme | None = None,
) -> FaceBatch:
    """Move 8-bit pairs to the device, then convert them and draw the masks there.

    Args:
        stored: faces with all landmarks of a scheme, from which the masks are derived.
        device: device for the batch.
        num_landmarks: number of landmarks for the network: all by default or, of 68, the 29 that
            CIAGAN uses.
        forehead: forehead of the masks, see `face_mask`.
        hull: use `face_regions` as masks, as anonymization does.
        scheme: scheme of the landmarks; by default the one with that number.
    Raises:
        ValueError: an unsupported number of landmarks.
    """
    condition, source, condition_landmarks, source_landmarks = unpack_pairs(stored, device)
    size = (source.shape[2], source.shape[3])
    draw = face_regions if hull else face_mask
    mask = draw(source_landmarks, size, forehead=forehead, scheme=scheme)
    batch = FaceBatch(
        condition,
        source,
        condition_landmarks,
        source_landmarks,
        mask,
        stored.kind.to(device),
    )
    return batch if num_landmarks is None else batch.for_network(num_landmarks)


def _chosen(num_landmarks: int) -> tuple[int, ...]:
    if num_landmarks not in LANDMARKS_OF_68:
        known = " or ".join(map(str, LANDMARKS_OF_68))
        raise ValueError(f"expected {known} landmarks, got {num_landmarks}")
    return LANDMARKS_OF_68[num_landmarks]


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
