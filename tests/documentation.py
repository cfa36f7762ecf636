"""What tests of documentation pages share."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PROGRAM = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)


def commands(page: Path) -> list[tuple[str, list[str]]]:
    """The script of every command in an indented block of a page, and its arguments."""
    lines = page.read_text("utf-8").replace("\\\n", " ").splitlines()
    words = [shlex.split(line) for line in lines if line.startswith("    python ")]
    return [(script, arguments) for _, script, *arguments in words]


def programs(page: Path) -> list[tuple[str, str]]:
    """Every program of a page, and what the page says that it prints."""
    return PROGRAM.findall(page.read_text("utf-8"))


def rows(page: Path) -> list[list[str]]:
    """Cells of every line of every table, titles with them."""
    lines = [line for line in page.read_text("utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
