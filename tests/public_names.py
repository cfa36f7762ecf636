"""Every public name of the package, read from its files without importing them.

After a deliberate change: ``python tests/public_names.py > tests/public_names.txt``.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "graphgan"


def public_names(package: Path = PACKAGE) -> list[str]:
    """``graphgan.layers.ECA`` and the like, sorted: what contents pages list, and what public
    files define at their top."""
    return sorted(name for path in package.rglob("*.py") for name in _names(path, package.parent))


def _names(path: Path, root: Path) -> Iterator[str]:
    parts = path.relative_to(root).with_suffix("").parts
    contents = parts[-1] == "__init__"
    parts = parts[:-1] if contents else parts
    if any(part.startswith("_") for part in parts):
        return
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        for name in _listed(statement) if contents else _defined(statement):
            yield ".".join((*parts, name))


def _listed(statement: ast.stmt) -> list[str]:
    """The strings of ``__all__``; ``__version__`` is public too."""
    names = [name for name in _targets(statement) if name in ("__all__", "__version__")]
    return ast.literal_eval(statement.value) if names == ["__all__"] else names


def _defined(statement: ast.stmt) -> list[str]:
    definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [statement.name] if isinstance(statement, definition) else _targets(statement)
    return [name for name in names if not name.startswith("_")]


def _targets(statement: ast.stmt) -> list[str]:
    """Names that an assignment gives, ``A, B = ...`` and ``A: Final = ...`` included."""
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
    found = [node for target in targets for node in ast.walk(target)]
    names = [node for node in found if isinstance(node, ast.Name)]
    return [node.id for node in names if isinstance(node.ctx, ast.Store)]


if __name__ == "__main__":
    print("\n".join(public_names()))
