"""What this machine can do, measured: every figure stands beside it."""

import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Machine:
    """Facts that figures depend on.

    Args:
        name: of the processor or GPU.
        threads: that torch uses.
        torch_version: and Python's.
        commit: of this code, with a plus where files were changed.
        matrix_rate: floating-point operations a second of a large product, by precision.
        copy_rate: bytes a second, read and written.
    """

    name: str
    threads: int
    torch_version: str
    python_version: str
    commit: str
    matrix_rate: dict[str, float]
    copy_rate: float

    @classmethod
    def measure(cls, device: torch.device) -> "Machine":
        gpu = device.type == "cuda"
        dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16}
        return cls(
            torch.cuda.get_device_name() if gpu else processor(),
            torch.get_num_threads(),
            torch.__version__,
            platform.python_version(),
            _commit(),
            {name: _matrix_rate(device, dtype) for name, dtype in dtypes.items()},
            _copy_rate(device),
        )

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def lines(self) -> list[str]:
        rates = ", ".join(f"{rate / 1e9:.0f} GFLOP/s in {name}" for name, rate in self.rates())
        return [
            f"- machine: {self.name}, {self.threads} threads",
            f"- torch {self.torch_version}, Python {self.python_version}, commit {self.commit}",
            f"- measured: matrix product {rates}; copy {self.copy_rate / 1e9:.1f} GB/s",
        ]

    def rates(self) -> list[tuple[str, float]]:
        return list(self.matrix_rate.items())


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def best_seconds(call: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    """Of so many calls after a first one."""
    call()
    seconds = []
    for _ in range(repeats):
        synchronize(device)
        began = time.perf_counter()
        call()
        synchronize(device)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    size = 8192 if device.type == "cuda" else 2048
    if device.type == "cpu" and dtype == torch.bfloat16:
        size = 1024  # slow where there are no bf16 products
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / best_seconds(lambda: a @ b, device)


def _copy_rate(device: torch.device) -> float:
    source = torch.randn(2**26, device=device)
    target = torch.empty_like(source)
    return 2 * 4 * source.numel() / best_seconds(lambda: target.copy_(source), device)


def processor() -> str:
    """Its name, and the widest of the instructions that torch uses."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    widest = [name for name in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if name in flags]
    return f"{names[0] if names else 'unknown'} ({widest[0] if widest else 'no AVX2'})"


def _commit() -> str:
    def git(*words: str) -> str:
        folder = Path(__file__).parent
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + (
        "+" if git("status", "--porcelain", "--untracked-files=no") else ""
    )
