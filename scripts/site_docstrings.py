"""An extension of griffe, which reads docstrings for the site: this library's own habits.

- Sections follow each other without an empty line, which griffe wants between them.
- `Shapes:` is a section that only we have, `Example:` one that griffe calls `Examples:`.
- Sources stand in the docstring of the file, for all that it defines.
- A room may export a function that is called like its file: `graphgan.metrics.ssim` is the function.
- `forward` has no docstring: that of its class and its annotations say everything.
"""

import re
import textwrap
from typing import Any

import griffe

SECTION = re.compile(r"^(Args|Attributes|Example|Raises|Returns|Shapes):$", re.MULTILINE)
SHAPES = re.compile(r"^Shapes:\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
FORWARD = "What a call computes; the annotations hold the shapes."


class Sections(griffe.Extension):
    """Our sections in the words of griffe, and sources with every class and function."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """In every room, put what it exports in the place of a file of that name."""
        _prefer_exports(pkg)

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change one docstring."""
        if obj.name == "forward" and obj.is_function and obj.docstring is None:
            obj.docstring = griffe.Docstring(FORWARD, parent=obj)
        if obj.docstring is None or obj.is_module:
            return
        text = SECTION.sub(r"\n\1:", obj.docstring.value + "\n")
        text = SHAPES.sub(
            lambda shapes: "**Shapes:**\n\n" + textwrap.dedent(shapes[1]) + "\n", text
        )
        text = text.replace("\nExample:\n", "\nExamples:\n")
        obj.docstring.value = text + _source(obj)


def _source(obj: griffe.Object) -> str:
    """Where it is defined and what that file says of itself, folded up."""
    file = obj.parent
    if not isinstance(file, griffe.Module) or file.docstring is None or obj.is_attribute:
        return ""
    path = file.path.replace(".", "/") + ".py"
    return f'\n\n??? quote "{path}"\n\n' + textwrap.indent(file.docstring.value, "    ") + "\n"


def _prefer_exports(room: griffe.Module) -> None:
    files = [member for member in room.members.values() if isinstance(member, griffe.Module)]
    for file in files:
        _prefer_exports(file)
        if file.name in map(str, room.exports or ()) and file.name in file.members:
            room.members[file.name] = griffe.Alias(file.name, file.members[file.name], parent=room)
