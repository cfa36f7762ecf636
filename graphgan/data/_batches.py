"""Batches of pairs as 8-bit tensors, read by worker processes or from memory."""

import atexit
import signal
from collections.abc import Iterator, Sequence
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from graphgan.data._degradation import degrade, light_anew
from graphgan.data._pairs import Pairs, Sampler
from graphgan.data._pictures import Picture, PictureDataset
from graphgan.extras import needs_extra
from graphgan.landmarks import LandmarkScheme, mirror_landmarks


class StoredPairs(NamedTuple):
    """A batch as it is stored and sent between processes: 8-bit images.

    Shapes:
        ``images: 2 b 3 h w``, ``landmarks: 2 b k 2``, ``persons: 2 b`` (of conditions and sources),
        ``kind: b``
    """

    images: UInt8[Tensor, "2 b 3 h w"]
    landmarks: Float[Tensor, "2 b k 2"]
    kind: Int[Tensor, "b"]
    persons: Int[Tensor, "2 b"]


def to_float_image(image: UInt8[Tensor, "*b 3 h w"]) -> Float[Tensor, "*b 3 h w"]:
    """Convert 8-bit values from 0 to 255 to [-1, 1]."""
    return image.float().div_(127.5).sub_(1)


def to_uint8_image(image: Float[Tensor, "*b 3 h w"]) -> UInt8[Tensor, "*b 3 h w"]:
    """Convert [-1, 1] to rounded 8-bit values; the inverse of `to_float_image`."""
    return ((image.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def unpack_pairs(
    stored: StoredPairs, device: torch.device | str
) -> tuple[
    Float[Tensor, "b 3 h w"],
    Float[Tensor, "b 3 h w"],
    Float[Tensor, "b k 2"],
    Float[Tensor, "b k 2"],
]:
    """Images of conditions and sources in [-1, 1], channels last, with both sets of landmarks.

    They are transferred as 8 bits and converted on the device.
    """
    images = stored.images.to(device, non_blocking=True)
    condition, source = (  # converted while they are a quarter of the size
        to_float_image(image.contiguous(memory_format=torch.channels_last))
        for image in images.unbind(0)
    )
    landmarks = stored.landmarks.to(device, non_blocking=True)
    return condition, source, landmarks[0], landmarks[1]


def mean_image(pictures: PictureDataset) -> Float[Tensor, "3 h w"]:
    """Mean of all images, in [-1, 1]."""
    total = torch.zeros(3, *pictures.size)
    for i in range(len(pictures)):
        total += to_float_image(pictures[i].image)
    return total / len(pictures)


class PicturesInMemory:
    """All images of a data set, read once: the fastest choice if they fit in memory.

    Args:
        pictures: any data set of images; n images take n (3 h w + 8 k) bytes.
    Raises:
        ValueError: an empty set, or one that needs more memory than is free.
    """

    def __init__(self, pictures: PictureDataset) -> None:
        with needs_extra("recipes"):
            from tqdm import trange
        if len(pictures) == 0:
            raise ValueError("expected at least one image, got an empty set")
        self.size = pictures.size
        self.num_landmarks = pictures.num_landmarks
        self.persons = pictures.persons
        self.names = pictures.names
        (height, width), k = pictures.size, pictures.num_landmarks
        _check_memory(len(pictures) * (3 * height * width + 8 * k))
        self.images = torch.empty(len(pictures), 3, height, width, dtype=torch.uint8)
        self.landmarks = torch.empty(len(pictures), k, 2)
        reading = trange(len(pictures), desc="reading images", unit="image", leave=False, delay=2)
        for i in reading:
            self.images[i], self.landmarks[i] = pictures[i]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Picture:
        return Picture(self.images[index], self.landmarks[index])


def _check_memory(needed: int) -> None:
    """Check free memory first, since the system grants memory it cannot provide."""
    with needs_extra("recipes"):
        import psutil
    if needed > (free := psutil.virtual_memory().available):
        raise ValueError(
            f"not enough memory: the images take {needed / 2**30:.1f} GiB, "
            f"{free / 2**30:.1f} GiB are free; use worker processes instead (--workers)"
        )


class PairsOfSteps(Dataset[StoredPairs]):
    """A data set whose item t is this process's share of the batch of step t.

    Args:
        pictures: images to read.
        sampler: chooses the pairs; its batch is divided evenly among the processes.
        flip: scheme whose left and right are exchanged when mirroring both images of half of the
            pairs at random; None for no mirroring.
        degraded: randomly change the lighting of condition and source (`light_anew`) and degrade
            the source (`degrade`).
        rank: number of this process.
        world_size: number of processes.
    Raises:
        ValueError: a batch that cannot be divided evenly.
    """

    def __init__(
        self,
        pictures: PictureDataset,
        sampler: Sampler,
        *,
        flip: LandmarkScheme | None = None,
        degraded: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if sampler.batch_size % world_size:
            raise ValueError(
                f"expected a batch divisible among {world_size} processes, got {sampler.batch_size}"
            )
        self.pictures = pictures
        self.sampler = sampler
        self.flip = flip
        self.degraded = degraded
        share = sampler.batch_size // world_size
        self.share = slice(rank * share, (rank + 1) * share)

    def __getitem__(self, step: int) -> StoredPairs:
        pairs = self.sampler.batch(step)
        stored = read_pairs(self.pictures, Pairs(*(column[self.share] for column in pairs)))
        if self.flip is not None:
            chance = np.random.default_rng((self.sampler.seed, 5, step))
            mirrored = chance.random(self.sampler.batch_size)[self.share] < 0.5
            stored = mirror_pairs(stored, torch.from_numpy(mirrored), self.flip)
        if self.degraded:
            numbers = range(self.sampler.batch_size)[self.share]
            stored = degrade_pairs(stored, [(self.sampler.seed, 7, step, i) for i in numbers])
        return stored


def read_pairs(pictures: PictureDataset, pairs: Pairs) -> StoredPairs:
    """Read the images of the given pairs, each image once."""
    read = {i: pictures[i] for i in dict.fromkeys(torch.cat(pairs[:2]).tolist())}
    sides = [[read[i] for i in side.tolist()] for side in pairs[:2]]
    images = torch.stack([torch.stack([picture.image for picture in side]) for side in sides])
    landmarks = torch.stack([torch.stack([p.landmarks for p in side]) for side in sides])
    numbers = [[pictures.persons[i] for i in side.tolist()] for side in pairs[:2]]
    return StoredPairs(images, landmarks, pairs.kind, torch.tensor(numbers))


def mirror_pairs(
    stored: StoredPairs, chosen: Bool[Tensor, "b"], scheme: LandmarkScheme
) -> StoredPairs:
    """The same pairs, with the selected ones mirrored."""
    images = torch.where(chosen[:, None, None, None], stored.images.flip(-1), stored.images)
    mirrored = mirror_landmarks(stored.landmarks, stored.images.shape[-1], scheme)
    landmarks = torch.where(chosen[:, None, None], mirrored, stored.landmarks)
    return stored._replace(images=images, landmarks=landmarks)


def degrade_pairs(stored: StoredPairs, seeds: Sequence[tuple[int, ...]]) -> StoredPairs:
    """The same pairs with changed lighting and degraded sources, each with its own seed."""
    images = stored.images.clone()
    for i, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        images[0, i] = light_anew(images[0, i], rng)
        images[1, i] = degrade(light_anew(images[1, i], rng), rng)
    return stored._replace(images=images)


def batches_of_steps(
    dataset: PairsOfSteps, steps: range, *, num_workers: int = 0, pin_memory: bool = False
) -> Iterator[StoredPairs]:
    """The batches of the given steps in order, whatever the number of workers.

    Raises:
        ValueError, OSError: an image cannot be read; the error is that of the data set.
    """
    loader = DataLoader(
        _ErrorsAsItems(dataset),
        batch_size=None,
        sampler=steps,
        num_workers=num_workers,
        pin_memory=pin_memory,
        worker_init_fn=_leave_interrupts_to_the_main_process,
    )
    others = set(active_children())
    batches = iter(loader)
    for worker in set(active_children()) - others:
        atexit.register(_end, worker)
    return map(_raised, batches)


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


def _end(worker: BaseProcess) -> None:
    """For a process that failed: at its exit Python waits for workers, and these ignore SIGTERM."""
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch would report a failed worker
    worker.kill()
    worker.join()


def _leave_interrupts_to_the_main_process(worker: int) -> None:
    """Ctrl-C, and torchrun's SIGTERM, reach all processes; the loop ends its workers itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
