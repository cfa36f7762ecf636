"""Peak memory of a call, of a process of its own on CPUs."""

import ctypes
import gc
import math
import multiprocessing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

Build = Callable[[], Callable[[], object]]
"""Makes networks and inputs, and returns the call; a module's function or a partial of one, since
it is sent to another process."""


def peak_bytes(builds: Sequence[Build], device: torch.device) -> list[float]:
    """Of each: what it holds at most while it is called twice, networks and inputs included.

    On CPUs the resident memory beyond that of an idle process, NaN where the system does not tell;
    on GPUs what torch allocates.
    """
    if device.type == "cuda":
        return [_of_gpu(build) for build in builds]
    context = multiprocessing.get_context("spawn")
    with context.Pool(
        1, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)
    ) as pool:
        return pool.map(_resident, builds, chunksize=1)


def _of_gpu(build: Build) -> float:
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    call = build()
    call()
    call()
    return float(torch.cuda.max_memory_allocated() - before)


def _resident(build: Build) -> float:
    _give_back()
    before = _status("VmRSS")
    call = build()
    _give_back()
    _forget_peak()
    call()
    call()
    return _status("VmHWM") - before


def _give_back() -> None:
    """Memory that nobody uses, so that it is neither counted nor used without being counted."""
    gc.collect()
    trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _forget_peak() -> None:
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def _status(name: str) -> float:
    """Bytes, by the system's own count."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return math.nan
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
