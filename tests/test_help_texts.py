from dataclasses import dataclass

from help_texts import without_help


@dataclass
class Some:
    told: int = 1
    """A number."""
    untold: int = 2
    unfinished: int = 3
    """no full stop"""


def test_what_is_not_told_is_found():
    assert without_help(Some) == ["untold", "unfinished"]
