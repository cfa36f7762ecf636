import pytest

from graphgan.files import replacing


def test_the_file_is_there_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_write_names_the_file(tmp_path):
    with pytest.raises(OSError, match=r"No space .*a\.txt"), replacing(tmp_path / "a.txt"):
        raise OSError(28, "No space left on device")


def test_what_a_killed_process_left_is_overwritten(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("left over")
        left_over = temporary.read_text()
        name = temporary
    name.write_text(left_over)
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]
