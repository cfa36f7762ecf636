"""Record the progress of long work, so that it can be killed and continued."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from graphgan.files import replacing


class ProgressRecord:
    """A JSON Lines file: the options of the work, then an entry for each finished item.

    An entry counts once its line is complete; a line cut short by a kill is dropped.

    Args:
        path: the file; created if missing.
        options: settings the work depends on.
    Attributes:
        entries: those of earlier runs, in their order.
    Raises:
        ValueError: the file is no such record, or one of other options.
    """

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        if not path.exists():
            start_record(path, options)
        recorded, self.entries = _read(path)
        if recorded != options:
            raise ValueError(f"{path}: expected the options {options}, got {recorded}")
        self._path = path
        self._file = path.open("a", encoding="ascii")

    def add(self, entry: dict[str, Any]) -> None:
        """Append one entry, which then outlives the process."""
        try:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()  # from here on it outlives the process
        except OSError as error:
            error.filename = str(self._path)
            raise

    def __enter__(self) -> "ProgressRecord":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def start_record(path: Path, options: dict[str, Any]) -> None:
    """Make a record without entries, in place of the one that may be there."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(options) + "\n", "ascii")


def recorded_options(path: Path) -> dict[str, Any]:
    """The options of a record."""
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    whole = path.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    with path.open("r+b") as file:
        file.truncate(len(whole))  # otherwise the next line would be appended to the incomplete one
    try:
        options, *entries = (json.loads(line) for line in whole.splitlines())
    except ValueError:
        raise ValueError(f"{path}: not a record of progress") from None
    return options, entries
