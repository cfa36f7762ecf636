"""A hook of mkdocs: pages that show a Markdown file of the repository, with links that work.

A page of the site shows such a file, or a part of it, by a line of its own::

    --8<-- "recipes/anonygan/README.md"
    --8<-- "README.md:part"

as `pymdownx.snippets` has it, which does the same for other files. Links in a file are relative to
where it lies, so that they work on a code host; here they are turned to the pages of the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the tests call this without mkdocs
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

SHOWN = re.compile(r'^--8<-- "(?P<file>[^":]+\.md)(?::(?P<part>[\w-]+))?"$', re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?P<target>[^()\s:#]+)(?=[#)])")
PART = r"<!-- --8<-- \[start:{0}\] -->\n(.*?)<!-- --8<-- \[end:{0}\] -->\n"
DOCS = "docs"

pages: dict[str, str] = {}
"""Which page shows a whole file, both as paths in the repository."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Note which files have a page."""
    for file in files.documentation_pages():
        for shown in SHOWN.finditer(file.content_string):
            if not shown["part"]:
                pages[shown["file"]] = f"{DOCS}/{file.src_uri}"
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put files in the place of the lines that name them, and turn all links."""
    root, here = Path(config.config_file_path).parent, f"{DOCS}/{page.file.src_uri}"

    def show(found: re.Match[str]) -> str:
        text = (root / found["file"]).read_text("utf-8")
        return turn_links(part_of(text, found["part"], found["file"]), found["file"], here)

    return SHOWN.sub(show, turn_links(markdown, here, here))


def part_of(text: str, name: str | None, file: str) -> str:
    """What stands between the two comments that name a part; all where None is asked for.

    Raises:
        ValueError: there is no such part.
    """
    if name is None:
        return text
    found = re.search(PART.format(name), text, re.DOTALL)
    if found is None:
        raise ValueError(f"expected a part {name} in {file}, found none")
    return found[1]


def turn_links(text: str, file: str, here: str) -> str:
    """Links of a file as they must read on the page ``here``.

    A file that a page shows is that page; what else lies in `docs` is its own. Any other link
    stays, and mkdocs reports it: the site does not hold what it points to.
    """

    def turn(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), found["target"]))
        target = pages.get(target, target)
        if not target.startswith(f"{DOCS}/"):
            return found["target"]
        return posixpath.relpath(target, posixpath.dirname(here))

    return LINK.sub(turn, text)
