"""``graphgan info``: versions, what can compute here, weights and their terms."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import torch

import graphgan
from graphgan.commands import exit_with
from graphgan.weights.catalogue import LOADABLE, SHIPPED, Weights

_USAGE = """usage: graphgan info

Versions, what can compute here, and every set of weights with its terms. Photos and videos are
anonymised by graphgan-anonymize; training is in the folder recipes of the repository."""


def main() -> None:
    """Entry point of ``graphgan``."""
    exit_with(lambda: _main(sys.argv[1:]))


def _main(words: list[str]) -> None:
    if not words or set(words) & {"-h", "--help"}:
        print(_USAGE)
    elif words == ["info"]:
        print("\n".join(info()))
    else:
        raise ValueError(f"expected graphgan info, got graphgan {' '.join(words)}")


def info() -> Iterator[str]:
    """The lines of ``graphgan info``."""
    yield f"graphgan {graphgan.__version__}, torch {torch.__version__}"
    yield f"computes on: {', '.join(_devices())}"
    yield from _extras()
    yield "\nshipped weights (from_pretrained and --checkpoint take the names):"
    for weights in SHIPPED:
        yield from _described(weights)
    yield "\nweights of others that can be loaded (none is downloaded):"
    for weights in LOADABLE:
        yield from _described(weights)


def _devices() -> list[str]:
    devices = [f"cpu ({torch.get_num_threads()} threads)"]
    if torch.cuda.is_available():
        devices += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return devices + ["mps"] * torch.backends.mps.is_available()


def _extras() -> Iterator[str]:
    """Which of pyproject's optional dependencies are there."""
    packages: dict[str, list[str]] = {}
    for line in requires("graphgan") or () if _installed("graphgan") else ():
        if found := re.match(r"([\w.-]+)[^;]*;.*extra == ['\"](\w+)['\"]", line):
            packages.setdefault(found[2], []).append(found[1])
    for extra, names in packages.items():
        missing = [name for name in names if not _installed(name)]
        state = f"missing: {', '.join(missing)}" if missing else "installed"
        yield f"extra {extra}: {state}"


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _described(weights: Weights) -> Iterator[str]:
    yield f"  {weights.name}"
    yield f"    {weights.network}; trained on {weights.trained_on}"
    yield f"    {weights.terms}"


if __name__ == "__main__":
    main()
