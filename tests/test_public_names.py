"""What users import stays: a public name comes or goes only together with its line in a list."""

from pathlib import Path

from public_names import public_names

LIST = Path(__file__).parent / "public_names.txt"


def test_public_names_are_those_of_the_list():
    listed, there = LIST.read_text().split(), public_names()
    how = "if this is meant: python tests/public_names.py > tests/public_names.txt"
    assert not sorted(set(listed) - set(there)), f"dropped; {how}"
    assert not sorted(set(there) - set(listed)), f"added; {how}"
    assert listed == sorted(listed)


def test_all_that_is_public_is_found(tmp_path):
    room = tmp_path / "graphgan" / "room"
    room.mkdir(parents=True)
    (tmp_path / "graphgan" / "__init__.py").write_text('__version__ = "1"\nfrom x import y')
    (room / "__init__.py").write_text('from graphgan.room.file import f\n__all__ = ["f"]')
    (room / "_private.py").write_text("HIDDEN = 1")
    (room / "file.py").write_text(
        "import math\nA, B = 1, 2\nC: int = 3\n_d = 4\n"
        "def f(): e = 5\nclass G: h = 6\ndef _i(): pass\nb[0] = 1\nx.y = 2"
    )
    found = [name.removeprefix("graphgan.") for name in public_names(tmp_path / "graphgan")]
    expected = ["__version__", "room.f", *(f"room.file.{name}" for name in "ABCGf")]
    assert sorted(found) == sorted(expected)
