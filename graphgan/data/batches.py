"""Batches of pairs: from numbers of faces to tensors on the device."""

import signal
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from graphgan.data.faces import Face, FaceDataset
from graphgan.data.pairs import PairKind, Pairs, PairSampler
from graphgan.extras import needs_extra
from graphgan.landmarks.masks import face_mask


class PairBatch(NamedTuple):
    """Conditions and sources, ready for a network.

    Shapes:
        ``condition, source: b 3 h w`` in [-1, 1]; ``condition_landmarks, source_landmarks: b k 2``
        in pixels; ``mask: b 1 h w`` of the source; ``kind: b`` of `PairKind`
    """

    condition: Float[Tensor, "b 3 h w"]
    source: Float[Tensor, "b 3 h w"]
    condition_landmarks: Float[Tensor, "b k 2"]
    source_landmarks: Float[Tensor, "b k 2"]
    mask: Float[Tensor, "b 1 h w"]
    kind: Int[Tensor, "b"]

    @property
    def different(self) -> Bool[Tensor, "b"]:
        """Pairs whose condition is another picture than the source."""
        return self.kind != PairKind.SAME_IMAGE

    @property
    def same_person(self) -> Bool[Tensor, "b"]:
        """Pairs whose true answer is the source itself."""
        return self.kind != PairKind.DIFFERENT


class StoredPairs(NamedTuple):
    """A batch as it is stored and sent between processes: 8-bit images.

    Shapes:
        ``images: 2 b 3 h w``, ``landmarks: 2 b k 2`` (conditions, sources), ``kind: b``
    """

    images: UInt8[Tensor, "2 b 3 h w"]
    landmarks: Float[Tensor, "2 b k 2"]
    kind: Int[Tensor, "b"]


def to_float_image(image: UInt8[Tensor, "*b 3 h w"]) -> Float[Tensor, "*b 3 h w"]:
    """0 to 255 becomes -1 to 1."""
    return image.float() / 127.5 - 1


def to_uint8_image(image: Float[Tensor, "*b 3 h w"]) -> UInt8[Tensor, "*b 3 h w"]:
    """-1 to 1 becomes 0 to 255, rounded; the inverse of `to_float_image`."""
    return ((image.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def to_batch(stored: StoredPairs, device: torch.device | str = "cpu") -> PairBatch:
    """Move to the device as 8 bits, convert and draw the masks there."""
    images = to_float_image(stored.images.to(device, non_blocking=True))
    condition, source = (
        image.contiguous(memory_format=torch.channels_last) for image in images.unbind(0)
    )
    landmarks = stored.landmarks.to(device, non_blocking=True)
    mask = face_mask(landmarks[1], (source.shape[2], source.shape[3]))
    return PairBatch(condition, source, landmarks[0], landmarks[1], mask, stored.kind.to(device))


class FacesInMemory(FaceDataset):
    """Every face of a data set, read once: what trains fastest where it fits.

    Args:
        faces: any set of faces; n of them take n (3 h w + 8 k) bytes.
        progress: wraps the numbers of the faces as they are read, such as ``tqdm``.
    Raises:
        ValueError: an empty set; one that needs more memory than is free.
    """

    def __init__(
        self, faces: FaceDataset, *, progress: Callable[[range], Iterable[int]] = iter
    ) -> None:
        if len(faces) == 0:
            raise ValueError("expected at least one face, got an empty set")
        _check_memory(len(faces) * (3 * faces.size**2 + 8 * faces.num_landmarks))
        self.size = faces.size
        self.num_landmarks = faces.num_landmarks
        self.persons = faces.persons
        self.names = faces.names
        k, size = faces.num_landmarks, faces.size
        self.images = torch.empty(len(faces), 3, size, size, dtype=torch.uint8)
        self.landmarks = torch.empty(len(faces), k, 2)
        for i in progress(range(len(faces))):
            self.images[i], self.landmarks[i] = faces[i]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Face:
        return Face(self.images[index], self.landmarks[index])


def _check_memory(needed: int) -> None:
    """Memory is promised when it is asked for and missing when it is filled: better ask before."""
    with needs_extra("recipes"):
        import psutil
    if needed > (free := psutil.virtual_memory().available):
        raise ValueError(
            f"not enough memory: the faces take {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB "
            "are free; let workers read them (--workers)"
        )


class PairsOfSteps(Dataset[StoredPairs]):
    """Item t is this process's share of the batch of step t.

    Args:
        faces: where the faces are read.
        sampler: which faces meet; its batch is divided evenly among the processes.
        rank: number of this process.
        world_size: number of processes.
    Raises:
        ValueError: a batch that cannot be divided evenly.
    """

    def __init__(
        self, faces: FaceDataset, sampler: PairSampler, *, rank: int = 0, world_size: int = 1
    ) -> None:
        if sampler.batch_size % world_size:
            raise ValueError(
                f"expected a batch divisible among {world_size} processes, got {sampler.batch_size}"
            )
        self.faces = faces
        self.sampler = sampler
        share = sampler.batch_size // world_size
        self.share = slice(rank * share, (rank + 1) * share)

    def __getitem__(self, step: int) -> StoredPairs:
        pairs = self.sampler.batch(step)
        return read_pairs(self.faces, Pairs(*(column[self.share] for column in pairs)))


def read_pairs(faces: FaceDataset, pairs: Pairs) -> StoredPairs:
    """The faces of the given numbers."""
    conditions = [faces[i] for i in pairs.condition.tolist()]
    sources = [faces[i] for i in pairs.source.tolist()]
    sides = (conditions, sources)
    images = torch.stack([torch.stack([face.image for face in side]) for side in sides])
    landmarks = torch.stack([torch.stack([face.landmarks for face in side]) for side in sides])
    return StoredPairs(images, landmarks, pairs.kind)


def batches_of_steps(
    dataset: PairsOfSteps, steps: range, *, num_workers: int = 0, pin_memory: bool = False
) -> Iterator[StoredPairs]:
    """The batches of the given steps in order; the same whatever the number of workers.

    Raises:
        ValueError, OSError: a picture cannot be read, as the data set says it.
    """
    loader = DataLoader(
        _ErrorsAsItems(dataset),
        batch_size=None,
        sampler=steps,
        num_workers=num_workers,
        pin_memory=pin_memory,
        worker_init_fn=_leave_interrupts_to_the_main_process,
    )
    return map(_raised, iter(loader))


class _ErrorsAsItems(Dataset[StoredPairs | Exception]):
    """Errors travel from a worker as they are: a loader would wrap a traceback into the message."""

    def __init__(self, dataset: PairsOfSteps) -> None:
        self.dataset = dataset

    def __getitem__(self, step: int) -> StoredPairs | Exception:
        try:
            return self.dataset[step]
        except (ValueError, OSError) as error:
            return error


def _raised(item: StoredPairs | Exception) -> StoredPairs:
    if isinstance(item, Exception):
        raise item
    return item


def _leave_interrupts_to_the_main_process(worker: int) -> None:
    """Ctrl-C reaches all processes; the training loop ends its workers after the step."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
