"""A hook of mkdocs: the reference holds every public name of the rooms that it shows.

A name without a docstring would be left out silently, and a section that griffe does not read shown
as running text; here the build warns, and so fails.
"""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the tests call this without mkdocs
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

SHOWN = re.compile(r"^::: (graphgan\S*)$", re.MULTILINE)
UNREAD = re.compile(r"\b(?:Args|Attributes|Example|Raises|Returns|Shapes):\s")
log = logging.getLogger("mkdocs.hooks.reference")


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> None:
    """Look for the anchor of every public name of the rooms on this page."""
    root = Path(config.config_file_path).parent
    for room in SHOWN.findall(page.markdown or ""):
        contents = root / room.replace(".", "/") / "__init__.py"
        if not contents.is_file():
            continue  # one class of a room
        missing = [n for n in public_names(contents) if f'id="{room}.{n}"' not in html]
        if missing:
            log.warning("%s: no docstring, so not shown: %s", room, ", ".join(missing))
        for section in UNREAD.finditer(html):
            around = html[max(section.start() - 200, 0) : section.end() + 50]
            log.warning("%s: a section was not read as one: %s", room, around)


def public_names(contents: Path) -> list[str]:
    """`__all__` of a file, without importing it."""
    for node in ast.parse(contents.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []
