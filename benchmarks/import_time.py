"""Seconds of importing rooms beyond torch's own: `python benchmarks/import_time.py --help`.

Each import is a process of its own, in which torch comes first; the rooms take turns.
"""

import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from graphgan.commands import run_command

ROOMS = ("graphgan", "graphgan.layers", "graphgan.models", "graphgan.losses", "graphgan.anonymize")
TARGET = 1.5

PROGRAM = """
import time
start = time.perf_counter()
import torch
between = time.perf_counter()
import {room}
print(between - start, time.perf_counter() - between)
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table of seconds that importing a room takes beyond `import torch`."""

    rooms: tuple[str, ...] = ROOMS
    """Modules to import."""
    repeats: int = 5
    """Processes of each."""

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"expected --repeats of 1 and more, got {self.repeats}")


def main(options: Options) -> int:
    times: dict[str, list[tuple[float, float]]] = {room: [] for room in options.rooms}
    for _ in range(options.repeats):
        for room, seconds in times.items():
            seconds.append(timed(room))
    torch = statistics.median(first for seconds in times.values() for first, _ in seconds)
    print(f"import torch: {torch:.2f} s, median of {options.repeats * len(times)} processes\n")
    print("| | beyond torch, median | most | most of it |\n|---|---|---|---|")
    for room, seconds in times.items():
        beyond = [second for _, second in seconds]
        shares = ", ".join(f"{name} {share:.2f} s" for name, share in packages(room))
        print(f"| {room} | {statistics.median(beyond):.2f} s | {max(beyond):.2f} s | {shares} |")
    slowest = max(statistics.median(second for _, second in times[room]) for room in times)
    print(f"\ntarget: {TARGET} s; {'met' if slowest <= TARGET else 'missed'}")
    return int(slowest > TARGET)


def timed(room: str) -> tuple[float, float]:
    """Seconds of ``import torch`` and, after it, of the room."""
    torch, beyond = _python("-c", PROGRAM.format(room=room)).stdout.split()
    return float(torch), float(beyond)


def packages(room: str, most: int = 3) -> list[tuple[str, float]]:
    """Seconds by package, of modules that the room adds to torch's; as `-X importtime` counts."""
    log = _python("-X", "importtime", "-c", f"import torch, {room}").stderr
    return self_times(log.splitlines()).most_common(most)


def self_times(log: Sequence[str]) -> Counter[str]:
    """Seconds by package of the modules that a log lists after torch itself."""
    rows = [line.removeprefix("import time:").split("|") for line in log if line.count("|") == 2]
    names = [name.strip() for *_, name in rows]
    seconds: Counter[str] = Counter()
    for (microseconds, *_), name in list(zip(rows, names, strict=True))[names.index("torch") + 1 :]:
        seconds[name.partition(".")[0]] += int(microseconds) / 1e6
    return seconds


def _python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)


if __name__ == "__main__":
    run_command(main, Options)
