import errno
import os
import sys

import pytest

from graphgan.files import locked, replacing, require_new_folder


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


def test_what_a_killed_process_left_is_overwritten(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("left over")
        left_over = temporary.read_text()
        name = temporary
    name.write_text(left_over)
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("name", ["n" * 249, "n" * 250, "n" * 251 + ".jpg", "ü" * 127])
def test_names_as_long_as_a_disk_allows_can_be_written(tmp_path, name):
    temporaries = []
    for text in ("one", "two"):
        with replacing(tmp_path / name) as temporary:
            temporary.write_text(text)
            temporaries.append(temporary)
    assert (tmp_path / name).read_text() == "two" and temporaries[0] == temporaries[1]
    with replacing(tmp_path / ("m" * 255)) as other:
        other.write_text("three")
    assert other not in temporaries and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_folder_that_is_missing_or_empty_is_new(tmp_path, make):
    make(tmp_path / "out")
    require_new_folder(tmp_path / "out", "name another")


@pytest.mark.parametrize(
    "make", [lambda path: path.touch(), lambda path: (path / "x").mkdir(parents=True)]
)
def test_a_file_and_a_full_folder_are_not_new(tmp_path, make):
    make(tmp_path / "out")
    with pytest.raises(ValueError, match=r"new or empty folder, got .*out; name another"):
        require_new_folder(tmp_path / "out", "name another")


class Msvcrt:
    """What Windows locks files with; a file that is closed is free again."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.taken: set[tuple[int, int]] = set()

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (self.LK_NBLCK, 1)
        status = os.fstat(descriptor)
        if (place := (status.st_dev, status.st_ino)) in self.taken:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.taken.add(place)


@pytest.mark.parametrize("is_windows", [False, True])
def test_a_file_is_held_by_one(tmp_path, monkeypatch, is_windows):
    if is_windows:
        monkeypatch.setitem(sys.modules, "fcntl", None)
        monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt())
    path = tmp_path / "lock"
    with locked(path), pytest.raises(ValueError, match="another run is at work"), locked(path):
        pass
    with locked(path if not is_windows else tmp_path / "other"):
        pass
