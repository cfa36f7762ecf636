import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data import read_table
from graphgan.data._tables import write_table

# Lines of one empty value are nothing to a reader of CSV; carriage returns become line ends.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), min_size=1)


@given(rows=st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=4))
def test_what_was_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "a.csv"
    write_table(path, ["from", "to"], rows)
    assert [values for _, values in read_table(path)] == [["from", "to"], *rows]


def test_lines_are_numbered_as_an_editor_does(tmp_path):
    (tmp_path / "a.csv").write_text('\ufefffrom,to\r\n\r\n"a\nb",c\nd,e\n')
    assert list(read_table(tmp_path / "a.csv")) == [
        (1, ["from", "to"]),
        (4, ["a\nb", "c"]),
        (5, ["d", "e"]),
    ]


@pytest.mark.parametrize("rest", ["b,c\n", "x" * 200_000])
def test_a_quote_that_never_ends_is_named(tmp_path, rest):
    (tmp_path / "a.csv").write_text('from,to\n"a,b\n' + rest)
    with pytest.raises(ValueError, match=r"a\.csv: line \d+: "):
        list(read_table(tmp_path / "a.csv"))
