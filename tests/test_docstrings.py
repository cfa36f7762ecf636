"""Docstrings are there, and their examples run."""

import ast
import doctest
import importlib
import inspect
import itertools
from pathlib import Path

import pytest
import torch

import graphgan

ROOT = Path(graphgan.__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "graphgan").rglob("*.py")
)
ROOMS = sorted({".".join(name.split(".")[:2]) for name in MODULES if name.count(".")})
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


def test_everything_public_has_a_docstring():
    without = []
    for name in MODULES:
        module = importlib.import_module(name)
        members = definitions(module).items()
        without += [f"{name}.{n}" for n, value in members if not inspect.getdoc(value)]
        without += [name] if vars(module).get("__all__") and not module.__doc__ else []
    assert not without


def methods(value):
    """Public methods and properties that a class defines itself."""
    kinds = (property, classmethod, staticmethod)
    for name, member in vars(value).items():
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, kinds)):
            yield name, member


def test_every_public_method_has_a_docstring_its_own_or_that_of_what_it_overrides():
    """A property may also stand under `Attributes:` in the docstring of its class."""
    public = [importlib.import_module(name) for name in MODULES if "._" not in name]
    without = []
    for value in (
        v for module in public for v in definitions(module).values() if inspect.isclass(v)
    ):
        attributes = inspect.getdoc(value) or ""
        for method, member in methods(value):
            listed = isinstance(member, property) and f"\n    {method}:" in attributes
            if not inspect.getdoc(getattr(value, method)) and not listed:
                without.append(f"{value.__module__}.{value.__name__}.{method}")
    assert not without


def described(module):
    """Names to which a module gives a value and, in the next statement, a docstring."""
    body = ast.parse(inspect.getsource(module)).body
    branches = [part for part in body if isinstance(part, ast.If)]
    blocks = [body, *(branch.orelse for branch in branches)]
    for statement, following in itertools.chain.from_iterable(map(itertools.pairwise, blocks)):
        text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if text and isinstance(statement, ast.Assign | ast.AnnAssign):
            yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name))


def exported_constants(name):
    """Names that a module exports and that are no class or function, and where each comes from."""
    module = importlib.import_module(name)
    imported = {
        alias.asname or alias.name: node.module
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    constants = set(getattr(module, "__all__", ())) - definitions(module).keys()
    return {c: importlib.import_module(imported.get(c, name)) for c in constants}


def test_every_exported_constant_has_a_docstring():
    without = []
    for name in MODULES:
        constants = exported_constants(name).items()
        without += [f"{name}.{c}" for c, source in constants if c not in set(described(source))]
    assert not without


def test_every_name_in_a_contents_page_exists():
    modules = {name: importlib.import_module(name) for name in MODULES}
    exported = [(name, n) for name, m in modules.items() for n in getattr(m, "__all__", ())]
    assert not [(name, n) for name, n in exported if not hasattr(modules[name], n)]


@pytest.mark.parametrize("room", ["graphgan", *ROOMS])
def test_every_example_runs(room):
    """Each file's begin with the same random numbers."""
    report, runner = [], doctest.DocTestRunner()
    of_room = [name for name in MODULES if name == room or name.startswith(f"{room}.")]
    for name in of_room if room != "graphgan" else [room]:
        torch.manual_seed(0)
        module, names = importlib.import_module(name), {"torch": torch}
        for example in doctest.DocTestFinder().find(module, extraglobs=names):
            runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)
