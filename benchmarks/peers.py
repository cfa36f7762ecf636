"""graphgan-anonymize beside deface, as whole processes: `python benchmarks/peers.py --help`.

    python benchmarks/peers.py --photos runs/group --deface other-env/bin/deface

deface is installed into an environment of its own (`pip install deface onnx onnxruntime`). It runs
with its defaults (threshold 0.2, mask scale 1.3) but for a mosaic in place of its blur, of 20
pixels, which is its default too; graphgan-anonymize runs with ``--mode pixelate``. The processes
take turns on the same cores; each reads the files and writes results. Faces left in view: see
judges.py.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from judges import Judge, centerface, dlib_frontal, known, left_in_view
from machine import processor

from graphgan.commands import run_command
from graphgan.data import read_image, write_image
from graphgan.data._images import picture_size

MOSAIC = ("--replacewith", "mosaic", "--mosaicsize", "20", "--thresh", "0.2")
_OURS = "from graphgan.__main__ import anonymize; anonymize()"
_IMAGES = (".jpg", ".jpeg", ".png")
# A process begins with the memory of the one that starts it: this one is small.
_WATCH = """
import json, os, subprocess, sys, time
os.sched_setaffinity(0, json.loads(sys.argv[1]))
began = time.perf_counter()
process = subprocess.Popen(sys.argv[2:], stdout=sys.stderr)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - began
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss * 1024]))
"""
NO_FACE = 3  # exit status where a photo was left out


@dataclass(frozen=True, kw_only=True)
class Options:
    """Tables of seconds, memory and faces left in view."""

    photos: Path | None = None
    """A folder of photos, and their faces.csv where there is one."""
    video: Path | None = None
    """A video."""
    deface: Path = Path("deface")
    """Its executable."""
    judges: tuple[str, ...] = ("centerface", "dlib")
    """Who looks for faces: centerface (in deface's environment), dlib."""
    judge_threshold: float = 0.1
    """Of centerface."""
    ours: tuple[str, ...] = ("--mode", "pixelate", "--copy-unmatched")
    """Options of graphgan-anonymize."""
    runs: int = 3
    """Of which the median is shown."""
    threads: int = 2
    """Cores for each process."""
    every: int = 12
    """Frames of a video from one that is judged to the next."""

    def __post_init__(self) -> None:
        if self.photos is None and self.video is None:
            raise ValueError("expected --photos DIR or --video FILE")
        if self.runs < 1:
            raise ValueError(f"expected --runs of at least 1, got {self.runs}")
        if unknown := set(self.judges) - {"centerface", "dlib"}:
            raise ValueError(f"expected judges among centerface and dlib, got {min(unknown)!r}")


class Run(NamedTuple):
    """What a process took.

    Args:
        seconds: from its start to its end.
        memory: the largest resident set of it or of one that it started, in bytes.
    """

    seconds: float
    memory: int


Tool = Callable[[Path, Path], list[str]]
"""The command that anonymizes a file or folder; results go into a folder."""


def main(options: Options) -> None:
    print(f"- machine: {processor()}, {options.threads} cores for each process")
    print(f"- {options.runs} runs each, in turn; medians; {' '.join(options.ours)}")
    executable = shutil.which(options.deface)
    if executable is None:
        raise ValueError(f"expected deface's executable, found none at {options.deface}")
    for given in filter(None, (options.photos, options.video)):
        with tempfile.TemporaryDirectory() as folder:
            print("\n" + "\n".join(_compare(given, Path(folder), executable, options)))


def _compare(given: Path, folder: Path, deface: str, options: Options) -> Iterator[str]:
    """Both tables for a folder or a video."""
    originals = copied(given, folder / "originals")
    tools = {"deface": None, "graphgan": options.ours}
    results: dict[str, list[Run]] = {name: [] for name in tools}
    for _ in range(options.runs):
        for name, words in tools.items():
            shutil.rmtree(folder / name, ignore_errors=True)
            if words is None:
                run = run_deface(deface, originals, folder / name, options.threads)
            else:
                run = run_ours(words, originals, folder / name, options.threads)
            results[name].append(run)
    yield from time_table(given, results, _amount(originals))
    yield ""
    yield from _faces_table(given, originals, folder, Path(deface).with_name("python"), options)


def copied(given: Path, to: Path) -> list[Path]:
    """The files alone: deface takes all that it finds in a folder."""
    files = sorted(given.iterdir()) if given.is_dir() else [given]
    files = [f for f in files if not given.is_dir() or f.suffix.lower() in _IMAGES]
    to.mkdir()
    return [Path(shutil.copy(file, to)) for file in files]


def run_deface(executable: str, originals: Sequence[Path], out: Path, threads: int) -> Run:
    """deface writes beside what it reads, under other names."""
    out.mkdir()
    links = [out / file.name for file in originals]
    for link, file in zip(links, originals, strict=True):
        link.symlink_to(file)
    run = measured([executable, str(out if len(links) > 1 else links[0]), *MOSAIC], threads, {0})
    for link in links:
        link.with_stem(f"{link.stem}_anonymized").replace(link)
    return run


def run_ours(words: Sequence[str], originals: Sequence[Path], out: Path, threads: int) -> Run:
    command = [sys.executable, "-c", _OURS, str(originals[0].parent), "--out", str(out), *words]
    return measured(command, threads, {0, NO_FACE})


def measured(command: Sequence[str], threads: int, allowed: set[int]) -> Run:
    """A process, on so many cores.

    Raises:
        ValueError: its exit status is none that is allowed.
    """
    cores = sorted(os.sched_getaffinity(0))[:threads]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryFile("w+") as said:
        watched = [sys.executable, "-S", "-c", _WATCH, json.dumps(cores), *command]
        done = subprocess.run(
            watched, stdout=subprocess.PIPE, stderr=said, env=environment, text=True, check=True
        )
        status, seconds, memory = json.loads(done.stdout)
        if status not in allowed:
            said.seek(0)
            last = said.read().strip().splitlines()[-3:]
            raise ValueError(f"{command[0]} ended with {status}: {' / '.join(last)}")
    return Run(seconds, memory)


class Amount(NamedTuple):
    """How much there is to do: photos or frames, and megapixels of all together."""

    unit: str
    count: int
    megapixels: float


def _amount(originals: Sequence[Path]) -> Amount:
    if originals[0].suffix.lower() in _IMAGES:
        sizes = [picture_size(path) for path in originals]
        return Amount("photo", len(sizes), sum(h * w for h, w in filter(None, sizes)) / 1e6)
    import av

    with av.open(str(originals[0])) as video:
        frames = [frame.width * frame.height for frame in video.decode(video=0)]
    return Amount("frame", len(frames), sum(frames) / 1e6)


def time_table(given: Path, results: dict[str, list[Run]], amount: Amount) -> Iterator[str]:
    """Seconds and memory, and how many times those of deface ours are."""
    what = f"{amount.count} {amount.unit}s, {amount.megapixels:.1f} megapixels"
    yield f"| {given.name}: {what} | deface | graphgan-anonymize | ratio |"
    yield "|---|---|---|---|"
    seconds = [statistics.median(run.seconds for run in runs) for runs in results.values()]
    for name, values in (
        ("seconds", seconds),
        (f"seconds a {amount.unit}", [value / amount.count for value in seconds]),
        ("seconds a megapixel", [value / amount.megapixels for value in seconds]),
        ("memory, GB", [max(run.memory for run in runs) / 1e9 for runs in results.values()]),
    ):
        yield f"| {name} | {values[0]:.3g} | {values[1]:.3g} | {values[1] / values[0]:.2f} |"


def _faces_table(
    given: Path, originals: list[Path], folder: Path, python: Path, options: Options
) -> Iterator[str]:
    """Of the faces that a judge sees before, how many look the same after."""
    judges: dict[str, Judge] = {}
    if (given / "faces.csv").is_file():
        judges["known"] = known(given)
    if "centerface" in options.judges:
        name = f"found by CenterFace from {options.judge_threshold}"
        judges[name] = centerface(python, options.judge_threshold)
    if "dlib" in options.judges:
        judges["found by dlib"] = dlib_frontal
    sets = {name: [folder / name / file.name for file in originals] for name in _COMPARED}
    if originals[0].suffix.lower() not in _IMAGES:
        sets = {
            name: frames_of(paths[0], folder / f"{name} frames", options.every)
            for name, paths in sets.items()
        }
    yield "| faces | before | in view (and found) after deface | after graphgan-anonymize |"
    yield "|---|---|---|---|"
    for name, judge in judges.items():
        cells = counts(judge, *sets.values(), looks=name != "known")
        yield f"| {name} | {' | '.join(cells)} |"


_COMPARED = ("originals", "deface", "graphgan")


def counts(
    judge: Judge, originals: list[Path], *results: list[Path], looks: bool = True
) -> list[str]:
    """Faces that a judge finds in the originals, then for each result how many are still in view.

    In brackets is what it finds in a result, even a mosaic, if it looks at all. A result that is
    not there was not released: nothing of it is in view.
    """
    before = judge(originals)
    cells = [str(sum(map(len, before)))]
    for paths in results:
        there = [i for i, path in enumerate(paths) if path.is_file()]
        left = sum(
            left_in_view(before[i], read_image(originals[i]), read_image(paths[i])) for i in there
        )
        found = sum(map(len, judge([paths[i] for i in there]))) if looks else 0
        cells.append(f"{left} ({found})" if looks else str(left))
    return cells


def frames_of(video: Path, folder: Path, every: int) -> list[Path]:
    """Some frames, as images."""
    import av
    import torch

    folder.mkdir()
    paths = []
    with av.open(str(video)) as file:
        for number, frame in enumerate(file.decode(video=0)):
            if number % every == 0:
                pixels = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
                paths.append(folder / f"{number:06}.png")
                write_image(paths[-1], pixels)
    return paths


if __name__ == "__main__":
    run_command(main, Options)
