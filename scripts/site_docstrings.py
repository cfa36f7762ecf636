"""An extension of griffe, which reads docstrings for the site: this library's own habits.

- Sections follow each other without an empty line, which griffe wants between them.
- `Shapes:` is a section that only we have, `Example:` one that griffe calls `Examples:`.
- Sources stand in the docstring of the file, for all that it defines.
- A named tuple shows its fields as a data class does; a constant that fills a screen no value.
- `forward` has no docstring: that of its class and its annotations say everything.
"""

import re
import textwrap
from typing import Any

import griffe

SECTION = re.compile(r"^(Args|Attributes|Example|Raises|Returns|Shapes):$", re.MULTILINE)
SHAPES = re.compile(r"^Shapes:\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
LONGEST_VALUE = 200
FORWARD = "What a call computes; the annotations hold the shapes."


class Habits(griffe.Extension):
    """Our docstrings as griffe wants them."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Go through everything that a package defines."""
        _adapt(pkg)


def _adapt(obj: griffe.Module | griffe.Class) -> None:
    for member in list(obj.members.values()):
        if isinstance(member, griffe.Alias):
            continue
        if member.name == "forward" and member.is_function and member.docstring is None:
            member.docstring = griffe.Docstring(FORWARD, parent=member)
        if member.docstring is not None and not member.is_module:
            member.docstring.value = _sections(member.docstring.value) + _source(member)
        if isinstance(member, griffe.Attribute) and len(str(member.value)) > LONGEST_VALUE:
            member.value = None
        if isinstance(member, griffe.Class) and "NamedTuple" in map(str, member.bases):
            _show_fields(member)
        if isinstance(member, griffe.Module | griffe.Class):
            _adapt(member)


def _sections(text: str) -> str:
    """Our sections in the words of griffe."""
    text = SECTION.sub(r"\n\1:", text + "\n")
    text = SHAPES.sub(lambda found: "**Shapes:**\n\n" + textwrap.dedent(found[1]) + "\n", text)
    return text.replace("\nExample:\n", "\nExamples:\n")


def _source(obj: griffe.Object) -> str:
    """Where it is defined and what that file says of itself, folded up."""
    file = obj.parent
    if not isinstance(file, griffe.Module) or file.docstring is None or obj.is_attribute:
        return ""
    path = file.path.replace(".", "/") + ".py"
    return f'\n\n??? quote "{path}"\n\n' + textwrap.indent(file.docstring.value, "    ") + "\n"


def _show_fields(tuple_class: griffe.Class) -> None:
    """Give a named tuple the parameters that its fields are."""
    kind = griffe.ParameterKind.positional_or_keyword
    parameters = [griffe.Parameter("self", kind=kind)]
    for field in tuple_class.attributes.values():
        if field.annotation is not None and "property" not in field.labels:
            value = None if field.value is None else str(field.value)
            parameters.append(
                griffe.Parameter(field.name, annotation=field.annotation, kind=kind, default=value)
            )
    initialize = griffe.Function("__init__", parameters=griffe.Parameters(*parameters))
    tuple_class.set_member("__init__", initialize)
