"""An extension of griffe, which reads docstrings for the site: this library's own sections.

`Example:` becomes a section of code. `Shapes:` needs nothing: a section that griffe does not know
is shown under its title, as it stands.
"""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)


class Sections(griffe.Extension):
    """Our sections in the words of griffe."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rename the sections of one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
