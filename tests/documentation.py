"""What tests of documentation pages share."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PROGRAM = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)


def programs(page: Path) -> list[tuple[str, str]]:
    """Every program of a page, and what the page says that it prints."""
    return PROGRAM.findall(page.read_text("utf-8"))


def rows(page: Path) -> list[list[str]]:
    """Cells of every line of every table, titles with them."""
    lines = [line for line in page.read_text("utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
