"""Commands as a user runs them, and what their runs left."""

import csv
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import pytest
import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from safetensors.torch import load_file

from graphgan.commands import exit_with
from graphgan.training import RunFolder
from graphgan.training._run_folder import load_state
from graphgan.weights._finding import WEIGHTS


class Finished(NamedTuple):
    """Status, stdout, and the lines of stderr that are neither progress nor talk of processes."""

    status: int
    out: str
    errors: list[str]


def told(stderr: str) -> list[str]:
    """Lines of stderr without progress bars and what Fabric says about processes."""
    lines = stderr.replace("\r", "\n").splitlines()
    progress = r"[\d?](step|it|image|photo)/s|[\d?]s/(step|it|image|photo)"
    ours = [x for x in lines if x.strip() and not re.search(progress, x)]
    talk = r"Initializing|-----|distributed_|All distributed|Using \S+ Automatic"
    return [x for x in ours if not re.match(rf"(INFO:[\w.]+:)?({talk})", x)]


def run_here(main: Callable[[], int], *args: Any, monkeypatch: Any, capsys: Any) -> Finished:
    """A command in this process."""
    monkeypatch.setattr(sys, "argv", ["command.py", *map(str, args)])
    with pytest.raises(SystemExit) as exit_:
        exit_with(main)
    printed = capsys.readouterr()
    return Finished(exit_.value.code, printed.out, told(printed.err))


def run_forked(main: Callable[[], int], *args: Any) -> list[int | None]:
    """Exit codes of a command in two processes, told what torchrun tells; nothing is imported."""
    told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(find_free_network_port())}
    told |= {"TORCHELASTIC_RUN_ID": "tests", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}

    def run(rank: str) -> None:
        os.environ.update(told, RANK=rank, LOCAL_RANK=rank, GROUP_RANK="0")
        sys.argv = ["command.py", *map(str, args)]
        exit_with(main)

    context = multiprocessing.get_context("fork")
    started = [context.Process(target=run, args=(rank,), daemon=True) for rank in "01"]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    return [process.exitcode for process in started]


@contextmanager
def processes(script: str, environment: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """Starts the command in processes and groups of their own; they end with the block."""
    started = []

    def start(*args: Any, **more: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, script, *map(str, args)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **more,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def finish(process: Any, timeout: float = 300) -> Finished:
    out, err = process.communicate(timeout=timeout)
    return Finished(process.returncode, out, told(err))


def wait_until(process: Any, condition: Callable[[], bool], timeout: float = 300) -> None:
    deadline = time.monotonic() + timeout
    while process.poll() is None and not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert process.poll() is None, process.communicate()


def failure(result: Finished, status: int = 2) -> str:
    """The one line of a command that failed."""
    assert result.status == status, result
    assert len(result.errors) == 1, result
    assert result.errors[0].startswith("error: ")
    return result.errors[0]


# What a run wrote


def rows_of(folder: Path) -> int:
    file = folder / "metrics.csv"
    return file.read_bytes().count(b"\n") - 1 if file.exists() else 0


def flat(tree: Any, name: str = "") -> dict[str, Any]:
    """Leaves of nested dictionaries and lists by path."""
    if isinstance(tree, dict):
        return {k: v for key in tree for k, v in flat(tree[key], f"{name}/{key}").items()}
    if isinstance(tree, list | tuple):
        return {k: v for i, x in enumerate(tree) for k, v in flat(x, f"{name}/{i}").items()}
    return {name: tree}


def losses(folder: Path) -> list[dict[str, str]]:
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    return [
        {k: v for k, v in row.items() if k not in ("samples_per_second", "peak_memory_mib")}
        for row in rows
    ]


def assert_same_result(ours: Path, other: Path) -> None:
    """Bit for bit: the shipped weights, all that a next step would need, the rows of losses."""
    checkpoints = RunFolder(ours).latest(), RunFolder(other).latest()
    assert checkpoints[0].name == checkpoints[1].name
    shipped = [load_file(checkpoint / WEIGHTS) for checkpoint in checkpoints]
    states = [flat(load_state(checkpoint)) for checkpoint in checkpoints]
    for mine, theirs in (shipped, states):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            same = (
                torch.equal(value, theirs[name])
                if torch.is_tensor(value)
                else value == theirs[name]
            )
            assert same, name
    assert losses(ours) == losses(other)


# Every value of every option


def assert_takes_two_steps(run: Callable[..., Finished], folder: Path, *flags: Any) -> None:
    """A run of these flags ends well, with losses of a sane size."""
    every = "--steps 2 --log-every 1 --save-every 9 --sheet-every 9"
    result = run(*flags, *every.split(), "--out", folder)
    assert result.status == 0, result.errors
    assert len(losses(folder)) == 2
    assert all(abs(float(value)) < 1e3 for row in losses(folder) for value in row.values())


def untried_values(tried: list[str], *kinds: type) -> list[str]:
    """Values of the choices among the options of some kind that no line of flags names."""
    flags = " ".join(tried).replace("-", "_")
    choices = [
        f"__{name} {value}"
        for kind in kinds
        for name, hint in get_type_hints(kind).items()
        if get_origin(hint) is Literal
        for value in get_args(hint)
    ]
    return [choice for choice in choices if choice not in flags]
