"""Scripts of tutorials as modules, and as commands."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import loading

ROOT = Path(__file__).parents[1]


def load(name: str) -> ModuleType:
    """``tutorials/<name>.py``, which is no part of a package."""
    return loading.load(f"tutorials/{name}.py")


def run(*words: str) -> str:
    """What a command prints that is run from the root of the clone and ends well."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "0"}
    environment["PYTHONPATH"] = str(ROOT)
    result = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
