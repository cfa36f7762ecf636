"""Damaged files of every kind thrown at the anonymizer: each must end in a report, in time.

    python scripts/fuzz_anonymizer.py PORTRAIT --count 10000 --seed 0

The portrait, a photo of one face, is written as every kind of photo and video that is read; copies
are damaged at random and anonymized by a process of its own. Counted are crashes of that process,
files that take longer than ten seconds, files without a report, temporary files left behind, and
results in which the face of the portrait is still recognized.
"""

import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import torch
import torch.nn.functional as F
import tyro
from numpy.random import Generator
from PIL import Image
from tqdm import tqdm

from graphgan.anonymize import Anonymizer
from graphgan.anonymize._file_anonymizer import FileAnonymizer
from graphgan.anonymize._inputs import Job
from graphgan.anonymize._kinds import file_kind
from graphgan.anonymize.photos import read_photo
from graphgan.anonymize.video._reading import open_video
from graphgan.commands import run_command
from graphgan.data import read_image
from graphgan.faces import DlibResNetRecognizer, FaceFinder

PATIENCE = 10.0  # seconds
_SIDE = 160  # of the portrait: small files, so that damage hits what matters
_FRAMES = 6
_RECOGNIZED = 0.5  # the anonymizer stops at 0.6, before the result is compressed


@dataclass(frozen=True)
class FuzzOptions:
    """Damage files, anonymize them, count what goes wrong."""

    portrait: Annotated[Path, tyro.conf.Positional]
    """A photo of one face."""
    count: int = 10000
    """Files in all."""
    seed: int = 0
    """Of the damage."""
    keep: Path | None = None
    """Folder for copies of the files that something was wrong with."""


def main(options: FuzzOptions) -> None:
    image = _small(read_image(options.portrait))
    who = _descriptors(image)
    if len(who) != 1 or not who.isfinite().all():
        raise ValueError(f"expected a photo with one face, found {len(who)}")
    counts: Counter[str] = Counter()
    slowest = (0.0, "")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = write_samples(image, folder / "samples")
        worker = Worker()
        for number in tqdm(range(options.count), unit="file"):
            chance = np.random.default_rng([options.seed, number])
            sample = samples[number % len(samples)]
            source = folder / "in" / f"{number}{sample.suffix}"
            source.parent.mkdir(exist_ok=True)
            source.write_bytes(damaged(sample.read_bytes(), samples, chance))
            kind = found.kind if (found := file_kind(source)) else "photo"
            job = Job(source.name, source, folder / "out" / source.name, kind)
            begun = time.perf_counter()
            outcome = worker.ask(job)
            slowest = max(slowest, (time.perf_counter() - begun, source.name))
            problem = outcome if outcome in ("crash", "hang") else _wrong(job, outcome, who)
            counts[f"{sample.suffix[1:]}: {outcome}"] += 1
            if problem:
                counts[f"PROBLEM {problem}"] += 1
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"{problem}-{source.name}").write_bytes(source.read_bytes())
            source.unlink()
            for left in (folder / "out").glob("*"):
                left.unlink()
        worker.stop()
    for name, many in sorted(counts.items()):
        print(f"{many:6} {name}")
    print(f"slowest: {slowest[1]}, {slowest[0]:.1f} s")
    if any(name.startswith("PROBLEM") for name in counts):
        raise ValueError("expected a report for every file and no face, got the problems above")


def _small(image: torch.Tensor) -> torch.Tensor:
    scale = _SIDE / max(image.shape[1:])
    size = [2 * round(side * scale / 2) for side in image.shape[1:]]
    return F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


def _wrong(job: Job, status: str, who: torch.Tensor) -> str | None:
    """What speaks against an outcome."""
    left = [path for path in job.target.parent.glob("*") if path != job.target]
    if left:
        return "left behind"
    if status == "anonymized" and not job.target.is_file():
        return "no result"
    if status in ("failed", "no face") and job.target.exists():
        return "result of a failure"
    if not job.target.is_file():
        return None
    for image in _images(job.target):
        if (torch.linalg.vector_norm(_descriptors(image) - who, dim=1) <= _RECOGNIZED).any():
            return "face"
    return None


def _descriptors(image: torch.Tensor) -> torch.Tensor:
    """Of all faces that are found, one a row."""
    find, recognize = _judges()
    points = [face.landmarks for face in find(image)]
    return recognize(image, torch.stack(points) if points else torch.zeros(0, 68, 2))


@cache
def _judges() -> tuple[FaceFinder, DlibResNetRecognizer]:
    return FaceFinder(), DlibResNetRecognizer()


def _images(path: Path) -> list[torch.Tensor]:
    kind = file_kind(path)
    if kind is not None and kind.kind == "photo":
        return [frame.rgb() for frame in read_photo(path).frames]
    return [frame.image for frame in open_video(path).frames()]


class Worker:
    """A process that anonymizes, replaced when it dies or is too slow."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True)
        self.process.start()
        self.pipe.recv()  # loaded

    def ask(self, job: Job) -> str:
        self.pipe.send(job)
        try:
            if self.pipe.poll(PATIENCE):
                return str(self.pipe.recv())
            outcome = "hang"
        except EOFError:
            outcome = "crash"
        self.stop()
        self._start()
        return outcome

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def work(pipe: Connection) -> None:
    torch.set_num_threads(1)
    anonymize = FileAnonymizer(Anonymizer("pixelate", FaceFinder()), allow_damaged=True)
    pipe.send("ready")
    while True:
        pipe.send(anonymize(pipe.recv()).status)


def write_samples(image: torch.Tensor, folder: Path) -> list[Path]:
    """The portrait as every kind of file."""
    folder.mkdir(parents=True)
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    for suffix in ("jpg", "png", "webp", "bmp", "gif", "tif", "avif", "jp2", "ppm"):
        picture.save(folder / f"one.{suffix}")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 3, "maker"
    picture.rotate(180).save(folder / "turned.jpg", exif=exif, progressive=True)
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    picture.convert("L").save(folder / "gray.png")
    picture.convert("RGBA").save(folder / "alpha.webp", lossless=True)
    moved = [picture.transform(picture.size, 0, (1, 0, i, 0, 1, i)) for i in range(_FRAMES)]
    whole = (folder / "one.jpg").read_bytes()
    (folder / "endless.jpg").write_bytes(whole[:-2])
    for suffix in ("gif", "webp", "png", "tif", "avif"):
        extra = {} if suffix == "tif" else {"duration": 40}
        name = folder / f"moving.{suffix}"
        moved[0].save(name, save_all=True, append_images=moved[1:], **extra)
    moved[0].save(folder / "still.gif", save_all=True, append_images=moved[1:])
    for suffix, codec in (
        ("mp4", "libx264"),
        ("mkv", "libx264"),
        ("webm", "libvpx"),
        ("avi", "mpeg4"),
    ):
        _write_video(folder / f"clip.{suffix}", codec, moved)
    return sorted(folder.iterdir())


def _write_video(path: Path, codec: str, frames: list[Image.Image]) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, 25)
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_image(frame).reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))


def damaged(data: bytes, samples: list[Path], chance: Generator) -> bytes:
    """One to three kinds of damage."""
    content = bytearray(data)
    for _ in range(int(chance.integers(1, 4))):
        if content:
            kind = DAMAGE[int(chance.integers(len(DAMAGE)))]
            content = kind(content, samples, chance)
    return bytes(content)


def _flip(content: bytearray, samples: list[Path], chance: Generator) -> bytearray:
    # Every other time in the first bytes, where sizes and kinds are told.
    end = len(content) if chance.random() < 0.5 else min(len(content), 200)
    for place in chance.integers(0, end, size=int(2 ** chance.uniform(0, 6))):
        content[place] ^= 1 << int(chance.integers(8))
    return content


def _set(content: bytearray, samples: list[Path], chance: Generator) -> bytearray:
    place, value = int(chance.integers(len(content))), int(chance.choice([0, 1, 127, 128, 255]))
    length = int(2 ** chance.uniform(0, 5))
    content[place : place + length] = bytes([value]) * len(content[place : place + length])
    return content


def _cut(content: bytearray, samples: list[Path], chance: Generator) -> bytearray:
    return content[: int(chance.integers(len(content) + 1))]


def _remove(content: bytearray, samples: list[Path], chance: Generator) -> bytearray:
    place = int(chance.integers(len(content)))
    del content[place : place + int(2 ** chance.uniform(0, 9))]
    return content


def _repeat(content: bytearray, samples: list[Path], chance: Generator) -> bytearray:
    first, second = sorted(chance.integers(0, len(content) + 1, size=2).tolist())
    return content[:second] + content[first:]


def _splice(content: bytearray, samples: list[Path], chance: Generator) -> bytearray:
    other = samples[int(chance.integers(len(samples)))].read_bytes()
    cut = int(chance.integers(len(content) + 1))
    return content[:cut] + other[int(chance.integers(len(other))) :]


DAMAGE: list[Callable[[bytearray, list[Path], Generator], bytearray]] = [
    _flip, _flip, _set, _cut, _remove, _repeat, _splice,
]  # fmt: skip


if __name__ == "__main__":
    run_command(main, FuzzOptions)
