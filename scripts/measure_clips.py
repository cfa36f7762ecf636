"""How well faces are followed, on clips whose motion is known.

    python scripts/measure_clips.py ../shared/faces --clips 20 --frames 60

Stills of test people are turned, scaled and moved by known amounts of less than a pixel a frame,
noise is added, and they are compressed as H.264. Landmarks of each frame are taken back to the
still by the known motion: what is left of their movement is error. Told are, over all clips, for
the landmarks of each frame alone and for those that the anonymizer uses:

jitter  RMS of the second difference in time, in eye distances;
error   RMS distance to the mean of each frame's landmarks over the clip, in eye distances;
lag     frames by which the landmarks must be moved in time to fit the motion best;
change  mean distance of descriptors of consecutive frames: of the original and of the result.
"""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, NamedTuple

import av
import numpy as np
import torch
import tyro
from tqdm import tqdm

from graphgan.anonymize import Anonymizer, GeneratedFaces, ObscuredFaces, drawn_conditions
from graphgan.anonymize.video._clips import Clip, ClipFrame
from graphgan.anonymize.video._reading import open_video
from graphgan.commands import run_command
from graphgan.data import read_image, read_landmarks
from graphgan.faces import (
    DetectorName,
    DlibResNetRecognizer,
    FaceFinder,
    LandmarkerName,
    make_finder,
)
from graphgan.landmarks import Alignment, Crop, crop_aligned
from graphgan.models import AnonyGAN

_EYES = (36, 45)
_RATE = 25
_NOISE = 3.0  # gray levels
_SHIFTS = np.arange(-2, 2.01, 0.05)


@dataclass(frozen=True)
class ClipOptions:
    """Jitter, error, lag and change of descriptors on moved stills."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Faces: landmarks.csv and images/<person>/<name>.jpg."""
    clips: int = 20
    """Stills, of as many people from the last one on."""
    frames: int = 60
    """Of each clip."""
    detector: DetectorName = "centerface"
    """What finds faces."""
    landmarker: LandmarkerName = "face-mesh"
    """What finds their landmarks."""
    checkpoint: Path | None = None
    """Weights of AnonyGAN, or the folder of a run; a mosaic without."""
    size: tuple[int, int] | None = None
    """Of the faces that the network was trained on."""
    seed: int = 0
    """Of motion and noise."""


class Followed(NamedTuple):
    """Of one clip: RMS in eye distances, frames, distances of descriptors."""

    jitter: float
    error: float
    lag: float
    smooth_jitter: float
    smooth_error: float
    smooth_lag: float
    change: float
    new_change: float


def main(options: ClipOptions) -> None:
    method = ObscuredFaces("pixelate") if options.checkpoint is None else _network(options)
    people = drawn_conditions(size=method.size) if method.uses_conditions else []
    finder = make_finder(options.detector, options.landmarker)
    table = read_landmarks(options.folder / "landmarks.csv")
    rows = {Path(row.image).parts[0]: row for row in table}
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for number, row in enumerate(tqdm(list(rows.values())[: -options.clips - 1 : -1])):
            still = read_image(options.folder / "images" / row.image)
            path = Path(folder) / "clip.mp4"
            chance = np.random.default_rng([options.seed, number])
            motion = list(motions(chance, still.shape[1:], options.frames))
            write_clip(path, still, motion, chance)
            anonymizer = Anonymizer(method, finder, people)
            if (one := follow(path, motion, anonymizer, finder)) is not None:
                measured.append(one)
    print(f"{len(measured)} of {options.clips} clips; in others the face of a frame was missed\n")
    mean = Followed(*np.mean(measured, axis=0).tolist())
    alone = (mean.jitter, mean.error, mean.lag, mean.change)
    ours = (mean.smooth_jitter, mean.smooth_error, mean.smooth_lag, mean.new_change)
    print("| | jitter | error | lag | change |\n|---|---|---|---|---|")
    for name, values in (("each frame alone", alone), ("anonymizer", ours)):
        print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in values) + " |")
    jitter, error, _, change = (b / a if a else 0 for a, b in zip(alone, ours, strict=True))
    print(f"| ratio | {jitter:.2f} | {error:.2f} | | {change:.2f} |")


def _network(options: ClipOptions) -> GeneratedFaces:
    assert options.checkpoint is not None
    model = AnonyGAN.from_pretrained(options.checkpoint).fuse()
    return GeneratedFaces(model, size=options.size)


def motions(chance: np.random.Generator, size: torch.Size, count: int) -> Iterator[Alignment]:
    """The camera sways: parts of a pixel and of a degree a frame."""
    height, width = size
    phase = chance.uniform(0, 2 * math.pi, 4)
    for t in range(count):
        x, y, turn, zoom = np.sin(2 * math.pi * t / np.array([41.0, 57.0, 73.0, 63.0]) + phase)
        scale = 1 + 0.03 * zoom
        crop = Crop(
            0.04 * width * x - 0.5 - (scale - 1) * width / 2,
            0.04 * height * y - 0.5 - (scale - 1) * height / 2,
            scale * width,
            scale * height,
        )
        yield Alignment(crop, 4 * turn)


def write_clip(
    path: Path, still: torch.Tensor, motion: list[Alignment], chance: np.random.Generator
) -> None:
    size = frame_size(still.shape[1:])
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", _RATE, options={"crf": "20"})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for number, alignment in enumerate(motion):
            image = crop_aligned(still, alignment, size).float()
            image += torch.from_numpy(chance.normal(0, _NOISE, image.shape)).float()
            rgb = image.clamp(0, 255).round().byte().permute(1, 2, 0).contiguous().numpy()
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def frame_size(size: torch.Size) -> tuple[int, int]:
    """Twice a still's, and even: faces are then as large as in videos."""
    return 4 * (size[0] // 2), 4 * (size[1] // 2)


def follow(
    path: Path, motion: list[Alignment], anonymizer: Anonymizer, finder: FaceFinder
) -> Followed | None:
    video = open_video(path)
    found: list[torch.Tensor] = []

    def remember(image: torch.Tensor):  # type: ignore[no-untyped-def]
        faces = finder(image)
        found.append(faces[0].landmarks if len(faces) == 1 else torch.full((68, 2), torch.nan))
        return faces

    anonymizer.detector = remember
    clip = Clip(anonymizer, lambda: (ClipFrame(f.image, f.time) for f in video.frames()))
    raw = torch.stack(found)
    if len(clip.faces) != 1 or not raw.isfinite().all():
        return None
    smooth = torch.stack([clip.regions(t)[0][1].landmarks for t in range(len(motion))])
    size = (video.size[0], video.size[1])
    still = [taken_back(marks, motion, size) for marks in (raw, smooth)]
    truth = still[0].mean(0)
    eyes = float((truth[_EYES[1]] - truth[_EYES[0]]).norm())
    numbers = []
    for marks, back in zip((raw, smooth), still, strict=True):
        numbers += [
            _rms(back.diff(n=2, dim=0)) / eyes,
            _rms(back - truth) / eyes,
            lag_of(marks, truth, motion, size),
        ]
    changes = change_of(video, clip, smooth)
    return Followed(*numbers, *changes)


def taken_back(marks: torch.Tensor, motion: list[Alignment], size: tuple[int, int]) -> torch.Tensor:
    """Landmarks of the frames in the still's pixels."""
    pairs = zip(marks.double(), motion, strict=True)
    return torch.stack([alignment.to_image(points, size) for points, alignment in pairs])


def lag_of(
    marks: torch.Tensor, truth: torch.Tensor, motion: list[Alignment], size: tuple[int, int]
) -> float:
    """The shift in time at which the true path of the middle fits best."""
    path = torch.stack([alignment.to_crop(truth, size).mean(0) for alignment in motion]).numpy()
    ours, frames = marks.double().mean(1).numpy(), np.arange(len(path), dtype=float)
    inner = slice(3, len(path) - 3)

    def misfit(shift: float) -> float:
        moved = [np.interp(frames - shift, frames, path[:, axis]) for axis in (0, 1)]
        gap = (np.stack(moved, axis=1) - ours)[inner]
        return float(((gap - gap.mean(0)) ** 2).mean())

    return float(_SHIFTS[int(np.argmin([misfit(shift) for shift in _SHIFTS]))])


def change_of(video, clip: Clip, smooth: torch.Tensor) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Mean distance of descriptors from frame to frame, before and after, every other pair."""
    recognize = DlibResNetRecognizer()
    distances: list[list[float]] = [[], []]
    last: list[torch.Tensor] = []
    frames = (frame.image for frame in video.frames())
    for number, pair in enumerate(zip(frames, clip.images(), strict=True)):
        if number % 4 > 1:
            continue
        now = [recognize(image, smooth[number].float()[None])[0] for image in pair]
        if number % 4 == 1:
            for kind, (a, b) in enumerate(zip(last, now, strict=True)):
                distances[kind].append(float((a - b).norm()))
        last = now
    return float(np.mean(distances[0])), float(np.mean(distances[1]))


def _rms(values: torch.Tensor) -> float:
    return float(values.square().sum(-1).mean().sqrt())


if __name__ == "__main__":
    run_command(main, ClipOptions)
