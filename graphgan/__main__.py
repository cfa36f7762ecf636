"""Entry points of ``graphgan`` and ``graphgan-anonymize``.

``graphgan info`` and ``graphgan people`` tell what is installed, and who is shown.
``info`` is what a bug report needs, so it also works where torch itself does not start: torch is
imported late, and whatever keeps it from starting is printed.
"""

import gc
import hashlib
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import graphgan
from graphgan.commands import exit_with
from graphgan.weights import LOADABLE, SHIPPED, Weights, weights_file

_USAGE = """usage: graphgan info | people --sheet IMAGE | --version | --help

info prints versions, what can compute here, which extras are installed, and every set of weights
with its terms: please add it to a bug report. people draws the people whom graphgan-anonymize
shows. To anonymize photos and videos, use graphgan-anonymize; to train, use the folder recipes of
the repository."""
_TILE, _COLUMNS = 160, 12  # of the sheet


def main() -> None:
    """Entry point of ``graphgan``."""
    exit_with(lambda: _main(sys.argv[1:]))


def anonymize() -> None:
    """Entry point of ``graphgan-anonymize``.

    Importing torch creates so many objects that searching them for garbage takes half a second.
    """
    gc.disable()
    from graphgan.anonymize.command import main as run

    gc.freeze()
    gc.enable()
    run()


def _main(words: list[str]) -> None:
    if not words or set(words) & {"-h", "--help"}:
        print(_USAGE)
    elif words == ["--version"]:
        print(f"graphgan {graphgan.__version__}")
    elif words == ["info"]:
        for line in info():
            print(line)
    elif words[:2] == ["people", "--sheet"] and len(words) == 3:
        draw_people(Path(words[2]))
    elif words[0] == "people":
        got = " ".join(words)
        raise ValueError(f"expected graphgan people --sheet IMAGE, got graphgan {got}")
    else:
        got = " ".join(words)
        raise ValueError(f"expected graphgan info, people, --version or --help, got graphgan {got}")


def draw_people(path: Path) -> None:
    """Write an image of all the people who are shipped, in the order of their names.

    Raises:
        ValueError: a name that ends like no image.
        OSError: it cannot be written.
    """
    from graphgan.anonymize._conditions import people_conditions
    from graphgan.data import image_grid, to_uint8_image, write_image

    people = people_conditions()
    size = (_TILE, _TILE)
    sheet = image_grid([to_uint8_image(one.resized(size).image) for one in people], _COLUMNS)
    write_image(path, sheet)
    print(f"{path}: {len(people)} people, {people[0].name} to {people[-1].name}")


def info() -> Iterator[str]:
    """The lines of ``graphgan info``."""
    yield f"graphgan {graphgan.__version__}"
    yield f"Python {platform.python_version()} ({platform.python_implementation()})"
    yield f"system: {platform.platform()}"
    yield from _packages()
    yield from _devices()
    yield "\nshipped weights (from_pretrained, --checkpoint and --start-from take the names):"
    for weights in SHIPPED:
        yield from _described(weights)
        yield f"    {_found(weights)}"
    yield "\nweights from elsewhere that can be loaded (none is downloaded):"
    for weights in LOADABLE:
        yield from _described(weights)


def _devices() -> Iterator[str]:
    """The CPU and every GPU that torch sees, or why it does not start."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library that it loads is missing
        yield f"torch does not start: {error}"
        return
    capability = torch.backends.cpu.get_cpu_capability()
    yield f"computes on: cpu ({torch.get_num_threads()} threads, {capability})"
    for i in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(i)
        runtime = torch.version.cuda or torch.version.hip
        yield f"computes on: cuda:{i} ({gpu.name}, {gpu.total_memory >> 20} MiB, {runtime})"
    if torch.backends.mps.is_available():
        yield "computes on: mps"


def _packages() -> Iterator[str]:
    """Versions of what the package requires, then of each of pyproject's optional dependencies."""
    packages: dict[str, list[str]] = {"": []}
    if _version("graphgan") is None:
        yield "not installed as a package, so its requirements are unknown"
    for line in (requires("graphgan") or ()) if _version("graphgan") else ():
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        name = re.match(r"[\w.-]+", line)
        if name and (extra is None or extra[1] not in ("all", "dev")):  # these repeat the others
            packages.setdefault(extra[1] if extra else "", []).append(name[0])
    for extra_name, names in packages.items():
        found = {name: _version(name) for name in names}
        there = [f"{name} {number}" for name, number in found.items() if number]
        missing = [name for name, number in found.items() if not number]
        state = ", ".join(there) + "; " * bool(there and missing)
        state += f"missing: {', '.join(missing)}" if missing else ""
        yield (f"extra {extra_name}: " if extra_name else "requires: ") + state


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _found(weights: Weights) -> str:
    """Whether the file is there, and which."""
    file = weights_file(weights.name)
    if not file.is_file():
        return f"file missing: {file.name}"
    content = file.read_bytes()
    return f"{len(content) / 1e6:.1f} MB, sha256 {hashlib.sha256(content).hexdigest()[:12]}"


def _described(weights: Weights) -> Iterator[str]:
    yield f"  {weights.name}"
    yield f"    {weights.network}; trained on {weights.trained_on}"
    yield f"    {weights.terms}"


if __name__ == "__main__":
    main()
