"""How a command ends: its own status, or one line on stderr and a status that says whose fault.

Status 2 is bad input (``ValueError``), 1 the machine's fault (``OSError``: a full disk, a file that
may not be read; or an extra that is not installed), 130 an interrupt from the keyboard. Any other
exception is a bug and keeps its traceback.
"""

import contextlib
import io
import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from graphgan.extras import MissingExtraError, needs_extra

Options = TypeVar("Options")


def run_command(
    command: Callable[[Options], int | None],
    options: type[Options],
    args: list[str] | None = None,
    *,
    positional: bool = False,
) -> NoReturn:
    """Parse the command line into ``options``, run ``command`` on it and exit.

    Args:
        command: gets the options; what it returns is the exit status, None counts as 0.
        options: a dataclass; its fields become flags, its docstring the help text.
        args: the command line, without the program's name; ``sys.argv[1:]`` when None.
        positional: see `parse_options`.
    """
    exit_with(lambda: command(parse_options(options, args, positional=positional)))


def parse_options(
    options: type[Options],
    args: list[str] | None = None,
    *,
    positional: bool = False,
    **tyro_args: Any,
) -> Options:
    """``tyro.cli``, whose boxes of errors become one ``ValueError``.

    Args:
        options: a dataclass.
        args: the command line, without the program's name; ``sys.argv[1:]`` when None.
        positional: fields without a default are given by their place, not by a flag.
        tyro_args: go to ``tyro.cli``.
    Raises:
        ValueError: unknown flags, values of another type or out of range.
        SystemExit: the help text was asked for and printed.
        MissingExtraError: tyro is not installed.
    """
    with needs_extra("recipes"):
        import tyro
    if positional:
        tyro_args["config"] = (*tyro_args.get("config", ()), tyro.conf.PositionalRequiredArgs)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            parsed: Options = tyro.cli(options, args=args, **tyro_args)
            return parsed
    except SystemExit as exit_:
        if not exit_.code:
            raise
        raise ValueError(_without_box(printed.getvalue())) from None


def _without_box(text: str) -> str:
    """What a box says in its first part, and the flags that it suggests or misses."""
    lines = [line.strip("│╭╮╰╯ ") for line in text.splitlines()][1:]  # without the title
    parts = [part for part in re.split(r"\s*[─-]{9,}\s*", " ".join(lines)) if part]
    if not parts:
        return f"{text.strip()} (see --help)"
    message, second = re.sub(r"^Error parsing (?!-)\S+: ", "", parts[0]), "".join(parts[1:2])
    if message.startswith("Missing from"):
        flags = [line.split()[0] for line in lines if re.match(r"--\w|[A-Z]+$", line)]
        message = f"expected {', '.join(flags)}"
    if second.startswith("Perhaps you meant"):
        flags = list(dict.fromkeys(re.findall(r" (--[\w-]+)", second)))
        message += f"; perhaps you meant {' or '.join(flags)}"
    return f"{message.rstrip('.')} (see --help)"


def exit_with(command: Callable[[], int | None]) -> NoReturn:
    """Run ``command`` and exit with what it returns, or with one line and the status of its error.

    For commands that read their command line in their own way; others use `run_command`.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may be any bytes
    try:
        status = command() or 0
    except KeyboardInterrupt:
        status = _fail("interrupted", 130)
    except ValueError as error:
        status = _fail(str(error), 2)
    except MissingExtraError as error:
        status = _fail(str(error), 1)
    except OSError as error:
        status = _fail(_describe(error), 1)
    sys.exit(status)


def _fail(message: str, status: int) -> int:
    print("error:", " ".join(message.split()), file=sys.stderr)
    return status


def _describe(error: OSError) -> str:
    """``/path: No space left on device`` rather than ``[Errno 28] ...``."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"
