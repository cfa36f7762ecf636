"""Recipes are scripts: the folder of each is the first place that its own modules import from.

Modules of two recipes share their names (``train``, ``options``), so every file of tests is read
with the modules of its own recipe alone.
"""

import os
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest
from running import processes, run_here

from graphgan.commands import run_command

RECIPES = Path(__file__).parents[2] / "recipes"
_modules: dict[Path, dict[str, ModuleType]] = defaultdict(dict)  # of recipes not being tested


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    if isinstance(collector, pytest.Module):
        _enter(RECIPES / collector.path.parent.name)
    return (yield)


def pytest_runtest_setup(item):
    _enter(RECIPES / item.path.parent.name)


def _enter(recipe):
    """Let the modules of this recipe, and of no other, be found by their names."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if file.startswith(f"{RECIPES}{os.sep}") and Path(file).parent != recipe:
            _modules[Path(file).parent][name] = sys.modules.pop(name)
    sys.modules.update(_modules.pop(recipe, {}))
    sys.path[:] = [str(recipe), *(path for path in sys.path if Path(path).parent != RECIPES)]


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Of processes that share few cores and compute bit for bit alike."""
    return os.environ | {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "0"}


@pytest.fixture
def run_train(monkeypatch, capsys):
    """Trains in this process; what a report costs most is measured where a test asks for it."""
    import train

    measure = "measure_pose" if hasattr(train, "measure_pose") else "measure_transfer"

    def run(*args, measured=False):
        if not measured:
            monkeypatch.setattr(train, measure, lambda *_, **__: "not measured")
        return run_here(train.main, *args, monkeypatch=monkeypatch, capsys=capsys)

    return run


@pytest.fixture
def start_train(environment):
    """Trains in a process of its own, in a process group of its own."""
    import train

    with processes(train.__file__, environment) as start:
        yield start


@pytest.fixture
def run_of(monkeypatch, capsys):
    """Runs a command in this process; flags come by name with their value, then as arguments."""

    def run(module, *args, positional=False, **flags):
        named = [part for name, value in flags.items() for part in (f"--{name}", value)]

        def main():
            run_command(module.main, module.Options, positional=positional)

        return run_here(main, *named, *args, monkeypatch=monkeypatch, capsys=capsys)

    return run
