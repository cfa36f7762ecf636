import pytest

from graphgan.data._progress_record import ProgressRecord

OPTIONS = {"size": 64}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "progress.jsonl"


def test_goes_on_with_what_was_added(path):
    with ProgressRecord(path, OPTIONS) as record:
        assert record.entries == []
        record.add({"a": 1})
    with ProgressRecord(path, OPTIONS) as record:
        record.add({"b": float("inf")})
    with ProgressRecord(path, OPTIONS) as record:
        assert record.entries == [{"a": 1}, {"b": float("inf")}]


def test_an_entry_is_on_disk_at_once(path):
    with ProgressRecord(path, OPTIONS) as record:
        record.add({"a": 1})
        assert path.read_text().endswith('{"a": 1}\n')


@pytest.mark.parametrize("torn", ["{", '{"c": 3', '{"c": 3}'])
def test_a_torn_line_is_dropped_and_not_glued_to_the_next(path, torn):
    with ProgressRecord(path, OPTIONS) as record:
        record.add({"a": 1})
    with path.open("a") as file:
        file.write(torn)
    with ProgressRecord(path, OPTIONS) as record:
        record.add({"b": 2})
    with ProgressRecord(path, OPTIONS) as record:
        assert record.entries == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\xff\n"])
def test_refuses_another_file(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"progress\.jsonl: not a record"):
        ProgressRecord(path, OPTIONS)
