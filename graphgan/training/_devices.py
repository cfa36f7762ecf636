"""Devices, processes and precision of a run, through Lightning Fabric."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import distributed

from graphgan._precision import multiplies_in_bf16
from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]

_ACCELERATORS = {"auto": "auto", "cpu": "cpu", "cuda": "cuda", "gpu": "cuda", "mps": "mps"}


def launch_fabric(
    device: str = "auto", devices: int = 1, precision: Precision = "auto"
) -> "Fabric":
    """Return a `Fabric` whose processes have been started, by Fabric or by torchrun.

    Args:
        device: "cpu", "cuda" (or "gpu"), "mps", or "auto" for the fastest available.
        devices: total number of processes or GPUs that share each batch, over all machines; several
            of them synchronize gradients (gloo on CPUs, nccl on GPUs). Under torchrun, 1 means as
            many as it started.
        precision: Fabric's name for it; "auto" is `best_precision`.
    Raises:
        ValueError: an unknown or unavailable device, more GPUs than available, or a number of
            processes that differs from torchrun's.
    """
    with needs_extra("recipes"):
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy
    with first_process_speaks():
        accelerator = _accelerator(device)
        started = _processes(devices)
        if accelerator == "cuda" and started.per_node > (found := torch.cuda.device_count()):
            raise ValueError(
                f"expected at most {found} devices of type cuda, got {started.per_node}"
            )
        several = started.per_node * started.nodes > 1
        if several:  # otherwise each process logs its connections
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        fabric = Fabric(
            accelerator=accelerator,
            devices=started.per_node,
            num_nodes=started.nodes,
            # Batch statistics are not synchronized: between the two calls of a
            # discriminator, that would modify the graph of the first.
            strategy=DDPStrategy(broadcast_buffers=False) if several else "auto",
            precision=precision if precision != "auto" else best_precision(accelerator),
        )
    if os.environ.get("LT_CLI_USED") != "1":  # `fabric run` requires leaving it out
        fabric.launch()
    return fabric


class _Processes(NamedTuple):
    per_node: int
    nodes: int


def _processes(devices: int) -> _Processes:
    """The processes started by torchrun (or ``fabric run``, which calls it), or ``devices``
    here."""
    if not (distributed.is_available() and distributed.is_torchelastic_launched()):
        return _Processes(devices, 1)
    world, per_node = (int(os.environ[name]) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if devices not in (1, world):
        raise ValueError(
            f"expected --devices {world}, the number of processes that torchrun started, "
            f"got {devices}"
        )
    if world % per_node:
        raise ValueError(
            f"expected the same number of processes on every machine, got {world} in all and "
            f"{per_node} here"
        )
    return _Processes(per_node, world // per_node)


@contextmanager
def first_process_speaks(patience: float = 60) -> Iterator[None]:
    """If all processes of a machine fail in the same way, only the first one reports it.

    Use it around code that all processes run before they can communicate, such as reading the
    command line. The launcher ends all processes when the first one fails; until then the others
    wait.

    Args:
        patience: seconds after which another process reports its error anyway, because it failed
            alone.
    """
    try:
        yield
    except Exception:
        if int(os.environ.get("LOCAL_RANK", 0)) > 0:
            time.sleep(patience)
        raise


def torch_device(device: str = "auto") -> torch.device:
    """The device with this name, for work without several processes: sampling, evaluation.

    Raises:
        ValueError: an unknown or unavailable device.
    """
    return torch.device(_accelerator(device))


def _accelerator(device: str) -> str:
    if device not in _ACCELERATORS:
        raise ValueError(f"expected --device to be one of {', '.join(_ACCELERATORS)}; got {device}")
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    wanted = _ACCELERATORS[device]
    if wanted == "auto":
        return next(name for name, there in present.items() if there)
    if not present[wanted]:
        raise ValueError(f"expected a device of type {wanted}, but this machine has none")
    return wanted


def best_precision(device_type: str) -> Literal["32-true", "bf16-mixed"]:
    """``"bf16-mixed"`` if the hardware multiplies in bf16, otherwise ``"32-true"``.

    Args:
        device_type: "cpu", "cuda" or "mps".
    """
    if device_type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16-mixed"
    if device_type == "cpu" and multiplies_in_bf16():
        return "bf16-mixed"
    return "32-true"


def peak_memory_bytes(device_type: str) -> int:
    """Peak memory of the run: of the GPU, or of this process on a CPU."""
    if device_type == "cuda":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
        import sys
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def first_failure_speaks(fabric: "Fabric") -> Iterator[None]:
    """If several processes fail, only the first one reports why.

    They usually fail for the same reason, or because the first one no longer responds.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if fabric.world_size > 1 and not _is_first_to_fail():
            raise SystemExit(2 if isinstance(error, ValueError) else 1) from error
        raise


def _is_first_to_fail() -> bool:
    from torch.distributed.distributed_c10d import _get_default_store

    try:
        return _get_default_store().add("failures", 1) == 1
    except RuntimeError:  # the process that hosts the store has ended
        return False


@contextmanager
def memory_errors_explained(advice: str) -> Iterator[None]:
    """Turn torch's out-of-memory errors into one ``ValueError`` that ends with ``advice``."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise ValueError(f"not enough memory: {advice}") from error
    except RuntimeError as error:
        if "allocate memory" not in str(error):
            raise
        raise ValueError(f"not enough memory: {advice}") from error
