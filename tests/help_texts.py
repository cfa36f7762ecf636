"""Options whose help text is missing: a string below each field is what ``--help`` shows."""

import ast
import inspect
import textwrap


def without_help(kind: type) -> list[str]:
    """Fields that the class itself declares without a sentence below; groups need none."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    missing = []
    for statement, after in zip(declared.body, [*declared.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign):
            continue
        value = after.value if isinstance(after, ast.Expr) else None
        text = value.value if isinstance(value, ast.Constant) else None
        grouped = ast.unparse(statement.annotation).endswith("Options")
        if not grouped and not (isinstance(text, str) and text.strip().endswith(".")):
            missing.append(statement.target.id)
    return missing
