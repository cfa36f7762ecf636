"""Read third-party weights saved as plain state dicts."""

import io
import zipfile
from fnmatch import fnmatch
from pathlib import Path

from graphgan._tensor_files import read_pickle, read_tensors
from graphgan.models._published_wrappings import State, unwrapped


def read_state(path: Path) -> State:
    """Read the named tensors of a file, without an enclosing ``state_dict`` or ``module.`` prefix.

    Raises:
        ValueError: the file does not exist or has other content; the message names it.
        OSError: the file cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected weights")
    try:
        return unwrapped(read_tensors(path), "", ())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_packed_state(archive: Path, name: str) -> State:
    """Like `read_state`, for a file in a zip archive such as a wheel, without unpacking to disk.

    Args:
        archive: path of the zip file.
        name: file name in any folder of the archive; may be a pattern such as ``*.pth``.
    """
    if not archive.is_file():
        raise ValueError(f"{archive}: no such file; expected weights")
    try:
        with zipfile.ZipFile(archive) as members:
            found = [path for path in members.namelist() if fnmatch(Path(path).name, name)]
            if len(found) != 1:
                raise ValueError(f"expected one such file in it, got {len(found)}")
            content = io.BytesIO(members.read(found[0]))
        return unwrapped(read_pickle(content), "", ())
    except zipfile.BadZipFile as error:
        raise ValueError(f"{archive}: expected a zip archive with {name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{archive}: {name}: {error}") from error
