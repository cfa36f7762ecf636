"""Folders by their URLs."""

from pathlib import Path

import fsspec  # type: ignore[import-untyped]  # comes with torch
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from graphgan.anonymize._local_store import LocalStore
from graphgan.anonymize._remote_store import RemoteStore
from graphgan.anonymize._store import Store


def open_store(url: str) -> Store:
    """The folder of a path or of a URL such as ``s3://bucket/photos``; nothing is read yet.

    Raises:
        ValueError: fsspec does not know such URLs, or lacks a package for them; its words say
            which.
    """
    try:
        fs, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise ValueError(f"{url}: {error}") from None
    return LocalStore(Path(root)) if isinstance(fs, LocalFileSystem) else RemoteStore(fs, root)


def open_source(url: str, target: Store) -> Store:
    """The folder of photos and videos, which is there, holds some and lies apart from the results.

    Raises:
        ValueError: it does not.
        OSError: it cannot be read.
    """
    store = open_store(url)
    if store.holds(target) or target.holds(store):
        raise ValueError(f"expected DST beside SRC, got one that is {url}, inside or around it")
    if not store.exists():
        raise ValueError(f"{url}: expected a folder, found none")
    if not any(not file.left_out for file in store.walk()):
        raise ValueError(f"expected photos or videos, found none in {url}")
    return store
