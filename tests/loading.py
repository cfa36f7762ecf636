"""Scripts, which are no part of a package, as modules and as commands."""

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def load(path: str) -> ModuleType:
    """A file of the repository, named from its root."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def run_script(name: str, *options: object) -> str:
    """What a command of scripts/ prints."""
    command = [sys.executable, ROOT / "scripts" / name, *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        return list(csv.DictReader(file))
