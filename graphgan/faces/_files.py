"""Which weights a tool has."""

import hashlib
from pathlib import Path


def files_checksum(path: Path) -> str:
    """Of a file, or of all files directly in a folder."""
    files = sorted(f for f in path.iterdir() if f.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
