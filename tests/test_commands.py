import io
import sys
from dataclasses import dataclass

import pytest

from graphgan.commands import parse_options, run_command
from graphgan.extras import MissingExtraError


@dataclass(frozen=True)
class Options:
    """What the command does."""

    number: int = 3

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError(f"expected a number of at least 0, got {self.number}")


def run(command, *args, capsys):
    with pytest.raises(SystemExit) as exit_:
        run_command(command, Options, list(args))
    return exit_.value.code, capsys.readouterr().err


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (1, 1)])
def test_a_command_s_answer_is_the_status(capsys, returned, status):
    assert run(lambda options: returned, capsys=capsys) == (status, "")


def test_options_come_from_the_command_line(capsys):
    got = []
    assert run(got.append, "--number", "7", capsys=capsys) == (0, "")
    assert got == [Options(7)]


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("expected a,\n  got b"), 2, "error: expected a, got b\n"),
        (OSError(28, "No space left", "/x/y"), 1, "error: /x/y: No space left\n"),
        (OSError("no more"), 1, "error: no more\n"),
        (MissingExtraError("pip install it"), 1, "error: pip install it\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
)
def test_failures_are_one_line_and_a_status(capsys, error, status, line):
    def fail(options):
        raise error

    assert run(fail, capsys=capsys) == (status, line)


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_command(lambda options: 1 // 0, Options, [])


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ("--numbr 7", "Unrecognized options: --numbr, 7; perhaps you meant --number (see --help)"),
        ("--zzzzz 7", "Unrecognized options: --zzzzz, 7 (see --help)"),
        ("--number x", "Error parsing --number: invalid literal for int() with base 10: 'x' ("),
        ("--number", "Missing value for argument"),
        ("--number -1", "expected a number of at least 0, got -1"),
    ],
)
def test_a_bad_command_line_is_one_line(capsys, args, line):
    status, message = run(lambda options: None, *args.split(), capsys=capsys)
    assert status == 2
    assert message.startswith(f"error: {line}")
    assert message.count("\n") == 1


def test_help_is_no_error(capsys):
    with pytest.raises(SystemExit) as exit_:
        run_command(lambda options: None, Options, ["--help"])
    assert exit_.value.code == 0
    assert "What the command does." in capsys.readouterr().out


def test_names_of_any_bytes_can_be_printed(monkeypatch, capsys):
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "utf-8"))
    run(lambda options: print("\udce9", flush=True), capsys=capsys)
    assert printed.getvalue() == b"\\udce9\n"


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What is given by its place, and by a flag."""

    folder: str
    """The first word."""
    number: int = 3
    """By a flag."""


def test_required_options_may_be_given_by_their_place():
    options = parse_options(Placed, ["here", "--number", "4"], positional=True)
    assert options == Placed(folder="here", number=4)
    with pytest.raises(ValueError, match="expected --folder"):
        parse_options(Placed, ["here"])
