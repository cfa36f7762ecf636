"""The data path: from files to a batch on the device, beside map files."""

import importlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from generator import precisions
from machine import Machine, best_seconds, synchronize
from PIL import Image
from step import our_step
from timing import Row, in_turns
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from graphgan.data import (
    FaceBatch,
    PairSampler,
    PairsOfSteps,
    Picture,
    PictureDataset,
    PreparedPictures,
    SyntheticFaces,
    to_face_batch,
    write_image,
)
from graphgan.data._batches import PicturesInMemory, batches_of_steps
from graphgan.data._prepared import PreparedPicture, write_info, write_manifest
from graphgan.landmarks import IBUG_68, crop_image, one_hot_maps
from graphgan.landmarks._crop import whole_crop

BATCH, STEPS, REPEATS, WORKERS = 8, 12, 3, 2
SIZES = ((128, 128), (220, 180))  # the latter's 68 maps take 2.6 MB an image

Size = tuple[int, int]
Stream = Callable[[], Iterator[object]]


def data(machine: Machine, device: torch.device) -> Iterator[Row]:
    """Seconds a batch of 8 pairs, beside map files, a training step, and decoders."""
    step = _seconds_of_step(device)
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            for row in _rows_of_ways(Path(name) / f"{size[0]}", size, device):
                yield row
                if size == (128, 128):
                    yield against_step(row.what, row.ours, step)
    yield from decoders(device)


def _rows_of_ways(folder: Path, size: Size, device: torch.device) -> Iterator[Row]:
    files = FacesOnDisk.write(folder, _faces(size), size)
    png, jpeg = files.prepared("png"), files.prepared("jpg")
    cached: Callable[[], None] = lambda: None  # noqa: E731
    ways: dict[str, tuple[PictureDataset, int, Callable[[], None]]] = {
        "in memory": (PicturesInMemory(png), 0, cached),
        "JPEG": (jpeg, 0, cached),
        "PNG": (png, 0, cached),
        f"PNG, {WORKERS} workers": (png, WORKERS, cached),
        "JPEG, from disk": (jpeg, 0, partial(forget, folder)),
    }
    for name, (pictures, workers, before) in ways.items():
        plain = partial(map_file_batches, files, device, workers=workers)
        fast = partial(our_batches, pictures, device, workers=workers)
        reference, ours, ratio = _streams_in_turns(plain, fast, device, before)
        note = f"{BATCH / reference:.0f} -> {BATCH / ours:.0f} samples/s; "
        note += f"maps {files.map_bytes() / 1e6:.1f} MB an image"
        note += "; files cached by the system" if before is cached else ""
        what = f"{size[0]}x{size[1]}, batch {BATCH}, {name}"
        yield Row(what, reference, ours, ratio, note=note)


def against_step(what: str, seconds: float, step_seconds: float) -> Row:
    """The data path alone against the step that consumes it; the ratio says how often it could.

    Args:
        what: the way that was measured.
        seconds: until a batch is ready.
        step_seconds: that a step learns from one, on the same machine.
    """
    note = f"the step: {BATCH / step_seconds:.1f} samples/s, data: {BATCH / seconds:.0f}"
    return Row(f"{what}, against a step", step_seconds, seconds, step_seconds / seconds, note=note)


def _faces(size: Size) -> list[Picture]:
    """Two of each of 100 drawn people, stretched to the size."""
    drawn = SyntheticFaces(100, 2, size=128)
    crop = whole_crop((128, 128))
    faces = []
    for image, landmarks in map(drawn.__getitem__, range(len(drawn))):
        pixels = crop_image(image, crop, size).round().clamp(0, 255).byte()
        faces.append(Picture(pixels, crop.to_crop(landmarks, size)))
    return faces


class FacesOnDisk(NamedTuple):
    """The same faces as JPEG and map files, and as prepared folders.

    Args:
        folder: ``<number>.jpg``, ``<number>.npy`` of 68 one-hot maps (8 bits), ``png``, ``jpg``.
        size: height and width.
        count: of faces.
    """

    folder: Path
    size: Size
    count: int

    @classmethod
    def write(cls, folder: Path, faces: list[Picture], size: Size) -> "FacesOnDisk":
        folder.mkdir(parents=True)
        for i, (image, landmarks) in enumerate(faces):
            write_image(folder / f"{i}.jpg", image)
            maps = one_hot_maps(landmarks[None], size)[0]
            np.save(folder / f"{i}.npy", maps.to(torch.uint8).numpy())
        files = cls(folder, size, len(faces))
        for suffix in ("png", "jpg"):
            files._prepare(suffix, faces)
        return files

    def _prepare(self, suffix: str, faces: list[Picture]) -> None:
        root, rows = self.folder / suffix, []
        (root / "images").mkdir(parents=True)
        for i, (image, landmarks) in enumerate(faces):
            name, person = f"images/{i}.{suffix}", str(i // 2)
            write_image(root / name, image)
            crop = whole_crop(self.size)
            rows.append(PreparedPicture(name, person, "train", name, crop, 0, landmarks))
        write_manifest(root, rows)
        info = {"size": self.size, "landmark_scheme": IBUG_68.name, "images": len(rows)}
        write_info(root, info)

    def prepared(self, suffix: str) -> PreparedPictures:
        """As pictures of that format and coordinates."""
        return PreparedPictures(self.folder / suffix)

    def map_bytes(self) -> int:
        """Of the maps of one image."""
        return (self.folder / "0.npy").stat().st_size


class MapFileBatch(NamedTuple):
    """Pictures and maps of conditions and sources.

    Shapes:
        ``condition, source: b 3 h w`` in [-1, 1], ``condition_maps, source_maps: b 68 h w``
    """

    condition: Tensor
    source: Tensor
    condition_maps: Tensor
    source_maps: Tensor


class MapFilePairs(Dataset[MapFileBatch]):
    """Item t is the batch of step t, from JPEG and map files, without masks."""

    def __init__(self, files: FacesOnDisk, sampler: PairSampler) -> None:
        self.files = files
        self.sampler = sampler

    def __getitem__(self, step: int) -> MapFileBatch:
        pairs = self.sampler.batch(step)
        sides = (pairs.condition.tolist(), pairs.source.tolist())
        images = [torch.stack([*map(self._image, side)]) for side in sides]
        maps = [torch.stack([*map(self._maps, side)]) for side in sides]
        return MapFileBatch(*images, *maps)

    def _image(self, number: int) -> Tensor:
        with Image.open(self.files.folder / f"{number}.jpg") as image:
            pixels = torch.from_numpy(np.array(image))
        return pixels.permute(2, 0, 1).float() / 127.5 - 1

    def _maps(self, number: int) -> Tensor:
        return torch.from_numpy(np.load(self.files.folder / f"{number}.npy")).float()


def map_file_batches(
    files: FacesOnDisk, device: torch.device, *, workers: int = 0, steps: int = STEPS
) -> Iterator[MapFileBatch]:
    """Batches on the device, of the pairs of `our_batches`."""
    dataset: Any = MapFilePairs(files, _sampler(files.prepared("jpg")))
    loader = DataLoader(dataset, batch_size=None, sampler=range(steps), num_workers=workers)
    for batch in loader:
        yield MapFileBatch(*(values.to(device) for values in batch))


def our_batches(
    pictures: PictureDataset, device: torch.device, *, workers: int = 0, steps: int = STEPS
) -> Iterator[FaceBatch]:
    """Batches on the device as a training step gets them, masks included."""
    pairs = PairsOfSteps(pictures, _sampler(pictures))
    stored = batches_of_steps(
        pairs, range(steps), num_workers=workers, pin_memory=device.type == "cuda"
    )
    return map(to_face_batch, stored, repeat(device))


def _sampler(pictures: PictureDataset) -> PairSampler:
    return PairSampler([*pictures.persons], batch_size=BATCH)


def forget(folder: Path) -> None:
    """The system's cache of the files, as of a data set that is larger than memory."""
    for path in folder.rglob("*"):
        if path.is_file() and hasattr(os, "posix_fadvise"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _streams_in_turns(
    reference: Stream, ours: Stream, device: torch.device, before: Callable[[], None]
) -> tuple[float, float, float]:
    """Medians of the seconds a batch of both, and of the ratios of neighbors in time."""
    for stream in (reference, ours):
        _seconds_a_batch(stream, device)
    pairs = []
    for _ in range(REPEATS):
        pair = []
        for way in (reference, ours):
            before()
            pair.append(_seconds_a_batch(way, device))
        pairs.append(pair)
    first, second = zip(*pairs, strict=True)
    ratios = [a / b for a, b in pairs]
    return statistics.median(first), statistics.median(second), statistics.median(ratios)


def _seconds_a_batch(stream: Stream, device: torch.device) -> float:
    """After the first one, with which workers start."""
    batches = stream()
    next(batches)
    synchronize(device)
    began = time.perf_counter()
    count = sum(1 for _ in batches)
    synchronize(device)
    return (time.perf_counter() - began) / count


def _seconds_of_step(device: torch.device) -> float:
    """Of our training step at 128 x 128 in the fastest precision, the better of two."""
    call = our_step(128, BATCH, device, precisions(device)[-1])
    return best_seconds(call, device, repeats=2)


def decoders(device: torch.device) -> Iterator[Row]:
    """Decoders that are installed, beside Pillow, on the same JPEG bytes in memory."""
    for (height, width), reduced in (((128, 128), 1), ((256, 256), 1), ((3000, 4000), 4)):
        encoded = jpeg_like_a_photo(height, width)
        megapixels = height * width / 1e6
        for name, decode in available_decoders(reduced).items():
            reference, ours, ratio = in_turns(
                partial(decode_pillow, encoded),
                partial(decode, encoded),
                device,
                seconds=0.5,
                least=3,
            )
            note = f"{megapixels / reference:.0f} -> {megapixels / ours:.0f} megapixels/s"
            what = f"JPEG of {width}x{height}: Pillow, {name}"
            yield Row(what, reference, ours, ratio, note=note)


def jpeg_like_a_photo(height: int, width: int) -> bytes:
    """JPEG bytes of noise that is stronger the coarser it is, as in photographs."""
    torch.manual_seed(0)
    pixels = torch.zeros(1, 3, height, width)
    for octave in range(1, 8):
        coarse = torch.rand(1, 3, max(2, height >> octave), max(2, width >> octave))
        pixels += 1.8**octave * F.interpolate(coarse, (height, width), mode="bilinear")
    low, high = pixels.aminmax()
    image = (255 * (pixels[0] - low) / (high - low)).byte().permute(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(image.contiguous().numpy()).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


Decoder = Callable[[bytes], np.ndarray]


def available_decoders(reduced: int = 1) -> dict[str, Decoder]:
    """Those that can be imported, to 8-bit RGB ``h w 3``; Pillow itself only where it reduces.

    Args:
        reduced: 1, 2, 4 or 8: the sides that suffice are as many times shorter.
    """
    found: dict[str, Decoder] = {}
    if reduced > 1:
        found[f"Pillow's draft at 1/{reduced}"] = partial(decode_pillow, reduced=reduced)
    for name, module, make in (
        ("kornia-rs", "kornia_rs.io", _kornia_rs),
        ("simplejpeg", "simplejpeg", _simplejpeg),
        ("PyTurboJPEG", "turbojpeg", _turbojpeg),
        ("OpenCV", "cv2", _opencv),
        ("PyAV", "av", _pyav),
    ):
        try:
            found[name] = make(importlib.import_module(module))
        except (ImportError, RuntimeError):  # RuntimeError: PyTurboJPEG without its library
            continue
    return found


def decode_pillow(encoded: bytes, *, reduced: int = 1) -> np.ndarray:
    """As `read_image` decodes, without its checks."""
    image = Image.open(io.BytesIO(encoded))
    if reduced > 1:
        image.draft("RGB", (image.width // reduced, image.height // reduced))
    return np.array(image.convert("RGB"))


def _kornia_rs(module: Any) -> Decoder:
    return lambda encoded: np.asarray(module.decode_image_jpegturbo(encoded, "rgb"))


def _simplejpeg(module: Any) -> Decoder:
    return partial(module.decode_jpeg, colorspace="RGB")


def _turbojpeg(module: Any) -> Decoder:
    return partial(module.TurboJPEG().decode, pixel_format=module.TJPF_RGB)


def _opencv(module: Any) -> Decoder:
    def decode(encoded: bytes) -> np.ndarray:
        blue_first = module.imdecode(np.frombuffer(encoded, np.uint8), module.IMREAD_COLOR)
        return np.asarray(module.cvtColor(blue_first, module.COLOR_BGR2RGB))

    return decode


def _pyav(module: Any) -> Decoder:
    def decode(encoded: bytes) -> np.ndarray:
        with module.open(io.BytesIO(encoded), format="jpeg_pipe") as container:
            return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"))

    return decode
