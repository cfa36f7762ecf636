"""The modules of `benchmarks/`, which are scripts beside each other and no package."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def benchmark_modules() -> dict[str, ModuleType]:
    """By name; they stay imported, since worker processes look their classes up."""
    sys.path.insert(0, str(FOLDER))
    try:
        return {path.stem: importlib.import_module(path.stem) for path in FOLDER.glob("*.py")}
    finally:
        sys.path.remove(str(FOLDER))
