"""Docstrings are there, and their examples run."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest
import torch

import graphgan

ROOT = Path(graphgan.__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "graphgan").rglob("*.py")
)
pytestmark = pytest.mark.unhooked


def definitions(module):
    """Public classes and functions that this module defines, and what it exports by name."""
    exported = {name: vars(module)[name] for name in getattr(module, "__all__", ())}
    own = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    both = (own | exported).items()
    return {n: v for n, v in both if inspect.isclass(v) or inspect.isroutine(v)}


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    module = importlib.import_module(name)
    without = [n for n, value in definitions(module).items() if not inspect.getdoc(value)]
    assert not without
    assert module.__doc__ or not vars(module).get("__all__")


@pytest.mark.parametrize("name", MODULES)
def test_every_name_in_a_contents_page_exists(name):
    module = importlib.import_module(name)
    for exported in getattr(module, "__all__", ()):
        assert hasattr(module, exported)


@pytest.mark.parametrize("name", MODULES)
def test_every_example_runs(name):
    torch.manual_seed(0)
    report = []
    runner = doctest.DocTestRunner()
    module, names = importlib.import_module(name), {"torch": torch}
    for example in doctest.DocTestFinder().find(module, extraglobs=names):
        runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_the_blocks_have_examples():
    modules = [m for m in MODULES if m.startswith(("graphgan.layers.", "graphgan.models."))]
    finder = doctest.DocTestFinder()
    examples = [e for m in modules for e in finder.find(importlib.import_module(m)) if e.examples]
    assert len(examples) > 10
