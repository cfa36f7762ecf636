"""Programs that run as if nothing but the core dependencies were installed.

``python core_only.py FILE ...`` imports the rooms, then every module of the package, and runs the
console scripts and the files with ``--help``. A line each says how it ended.
"""

import contextlib
import importlib
import io
import re
import runpy
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from types import ModuleType


def requirements_of(name: str) -> set[str]:
    """A distribution and all that it requires, extras aside; names with underscores."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = re.sub(r"[-_.]+", "_", waiting.pop()).lower()
        if one in found:
            continue
        with contextlib.suppress(PackageNotFoundError):
            lines = requires(one) or ()
            waiting += [re.match(r"[\w.-]+", x)[0] for x in lines if "extra ==" not in x]
        found.add(one)
    return found


class Hidden:
    """Finds what lies on the path but for packages of distributions that are not allowed."""

    def __init__(self, allowed: set[str]) -> None:
        self.names = {
            package
            for package, owners in packages_distributions().items()
            if not {re.sub(r"[-_.]+", "_", owner).lower() for owner in owners} & allowed
        }

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in self.names:
            return None
        return PathFinder.find_spec(name, path, target)

    find_distributions = staticmethod(PathFinder.find_distributions)  # versions are asked for


def modules() -> None:
    import graphgan

    root = Path(graphgan.__file__).parent
    print(f"package {root}")
    for room in root.glob("*/__init__.py"):
        importlib.import_module(f"graphgan.{room.parent.name}")
    graphgan.models.AnonyGAN.from_pretrained("people-128")
    slow = {"kornia", "torch_geometric", "scipy", "sympy", "torch._dynamo"}
    print(" ".join(["loaded", *slow & set(sys.modules)]))
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        try:
            importlib.import_module(name)
        except ImportError as error:
            extra = re.search(r"'graphgan\[\w+\]'", str(error))
            print(f"extra {name} {extra[0]}" if extra else f"bare {name} {error!r}")


def commands(*scripts: str) -> None:
    ours = {path.stem for script in scripts for path in Path(script).parent.glob("*.py")}
    for module in ("graphgan.anonymize.command", "graphgan.models.published"):
        sys.modules.pop(module, None)  # runpy warns of what was imported before
        ending(module, lambda module=module: runpy.run_module(module, run_name="__main__"))
    for script in scripts:
        for name in ours:
            sys.modules.pop(name, None)  # every recipe has its options.py
        sys.path.insert(0, str(Path(script).parent))
        ending(script, lambda script=script: runpy.run_path(script, run_name="__main__"))
        sys.path.pop(0)


def ending(name: str, run: Callable[[], object]) -> None:
    """Print what a command says at its end."""
    said = io.StringIO()
    sys.argv = [name, "--help"]
    try:
        with contextlib.redirect_stderr(said):
            run()
    except SystemExit:
        print(name, said.getvalue().strip())
    except ImportError as error:
        print(name, repr(error))


if __name__ == "__main__":
    hidden = Hidden(requirements_of("graphgan"))
    sys.meta_path = [hidden if finder is PathFinder else finder for finder in sys.meta_path]
    scripts = sys.argv[1:]
    modules()
    commands(*scripts)
