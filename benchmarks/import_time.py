"""Seconds of importing rooms beyond torch's own: `python benchmarks/import_time.py --help`.

Each import is a process of its own, `python -X importtime`, in which torch comes first; the rooms
take turns.
"""

import re
import statistics
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from graphgan.commands import run_command

ROOMS = ("graphgan", "graphgan.layers", "graphgan.models", "graphgan.losses", "graphgan.anonymize")
TARGET = 1.5


@dataclass(frozen=True, kw_only=True)
class Options:
    """A table of seconds that importing a room takes beyond `import torch`."""

    rooms: tuple[str, ...] = ROOMS
    """Modules to import."""
    repeats: int = 5
    """Processes of each."""

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"expected --repeats of at least 1, got {self.repeats}")


def main(options: Options) -> int:
    logs: dict[str, list[Log]] = {room: [] for room in options.rooms}
    for _ in range(options.repeats):
        for room, read in logs.items():
            read.append(import_log(room))
    torch = [log.torch for read in logs.values() for log in read]
    print(f"import torch: {statistics.median(torch):.2f} s, median of {len(torch)} processes\n")
    print("| | beyond torch, median | most | most of it |\n|---|---|---|---|")
    for room, read in logs.items():
        beyond, shares = [log.beyond.total() for log in read], read[0].beyond.most_common(3)
        parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in shares)
        print(f"| {room} | {statistics.median(beyond):.2f} s | {max(beyond):.2f} s | {parts} |")
    medians = [statistics.median(log.beyond.total() for log in read) for read in logs.values()]
    met = max(medians) <= TARGET
    print(f"\ntarget: {TARGET} s; {'met' if met else 'missed'}")
    return 0 if met else 1


class Log(NamedTuple):
    """Seconds of ``import torch``, and by package those of what is imported after it."""

    torch: float
    beyond: Counter[str]


def import_log(room: str) -> Log:
    """What a new process says of importing torch and then the room."""
    command = [sys.executable, "-X", "importtime", "-c", f"import torch, {room}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return read_log(done.stderr)


def read_log(text: str) -> Log:
    """The log of ``python -X importtime``, in which a module comes after those that it imports."""
    lines = [line.removeprefix("import time:") for line in text.splitlines()]
    rows = [line.split("|") for line in lines if re.match(r" *\d+ \|", line)]
    names = [name.strip() for *_, name in rows]
    torch = names.index("torch")
    beyond: Counter[str] = Counter()
    for (own, _, _), name in zip(rows[torch + 1 :], names[torch + 1 :], strict=True):
        beyond[name.partition(".")[0]] += int(own) / 1e6
    return Log(int(rows[torch][1]) / 1e6, beyond)


if __name__ == "__main__":
    run_command(main, Options)
