"""Read CSV files line by line, with errors that give the line; write them atomically."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from graphgan.files import replacing


def read_table(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the nonempty lines of a file with their numbers, the header first.

    A byte order mark is taken off, and names of any bytes come as ``os.fsdecode`` gives them.

    Raises:
        ValueError: what is no CSV, such as a quote that never ends; with file and line.
        OSError: the file does not exist or cannot be read.
    """
    path = Path(path)
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        lines = csv.reader(file, strict=True)
        try:
            for values in lines:
                if values:
                    yield lines.line_num, values
        except csv.Error as error:
            raise ValueError(f"{path}: line {lines.line_num}: {error}") from None


def write_table(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV file that `read_table` reads."""
    with (
        replacing(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
