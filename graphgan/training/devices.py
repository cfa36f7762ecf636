"""Where a run happens: device, processes and precision, by Lightning Fabric."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import torch

from graphgan.extras import needs_extra

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]

_ACCELERATORS = {"auto": "auto", "cpu": "cpu", "cuda": "cuda", "gpu": "cuda", "mps": "mps"}


def launch_fabric(
    device: str = "auto", devices: int = 1, precision: Precision = "auto"
) -> "Fabric":
    """A `Fabric` whose processes have started.

    Args:
        device: "cpu", "cuda" (or "gpu"), "mps", or "auto" for the fastest there is.
        devices: processes or GPUs that share each batch; several of them synchronise gradients
            (gloo on CPUs, nccl on GPUs).
        precision: as Fabric names them; "auto" is `best_precision`.
    Raises:
        ValueError: an unknown or absent device, more GPUs than there are.
    """
    with needs_extra("recipes"):
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy
    accelerator = _accelerator(device)
    if accelerator == "cuda" and devices > (found := torch.cuda.device_count()):
        raise ValueError(f"expected at most {found} devices of type cuda, got {devices}")
    # Batch statistics stay each process's own: sent around between the two calls of a
    # discriminator, they would change under the graph of the first.
    strategy = DDPStrategy(broadcast_buffers=False) if devices > 1 else "auto"
    if devices > 1:  # or each process tells of all that happens to its connections
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    chosen = precision if precision != "auto" else best_precision(accelerator)
    fabric = Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=chosen)
    fabric.launch()
    return fabric


def torch_device(device: str = "auto") -> torch.device:
    """The device of that name, for what needs no processes: sampling, measuring.

    Raises:
        ValueError: an unknown or absent device.
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
        raise ValueError(f"expected a device of type {wanted}, this machine has none")
    return wanted


def best_precision(device_type: str) -> Literal["32-true", "bf16-mixed"]:
    """``"bf16-mixed"`` where the hardware multiplies in bf16, ``"32-true"`` elsewhere.

    Args:
        device_type: "cpu", "cuda" or "mps".
    """
    if device_type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16-mixed"
    if device_type == "cpu" and _multiplies_in_bf16():
        return "bf16-mixed"
    return "32-true"


def _multiplies_in_bf16() -> bool:
    """Whether the processor has bf16 products, of matrices (AMX) or of vectors (AVX-512).

    Torch tells only in private, so it may not.
    """
    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in asked)


def peak_memory_bytes(device_type: str) -> int:
    """The most memory the run has held: of the GPU, or of this process on a CPU."""
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
    """Of several processes that fail the first one says why, the others end quietly.

    They fail for the same reason, or because the first one no longer answers.
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
    except RuntimeError:  # the process that keeps the store has ended already
        return False


@contextmanager
def memory_errors_explained(advice: str) -> Iterator[None]:
    """Turn torch's errors about memory into one ``ValueError`` that ends with ``advice``."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise ValueError(f"not enough memory: {advice}") from error
    except RuntimeError as error:
        if "allocate memory" not in str(error):
            raise
        raise ValueError(f"not enough memory: {advice}") from error
