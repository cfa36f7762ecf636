"""Files of tensors that others wrote: safetensors, or pickles read without running their code."""

import hashlib
import re
import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor


def read_tensors(path: Path) -> Mapping[str, Any]:
    """What a file holds, read without running any code of it.

    Raises:
        ValueError: damaged, or holding other things than tensors and plain values.
        OSError: there is no such file, or it may not be read.
    """
    with path.open("rb") as file:
        head = file.read(9)
    if path.suffix.lower() == ".safetensors" or head[8:] == b"{":
        return _read_safetensors(path)
    return read_pickle(path)


def read_pickle(file: Path | BytesIO) -> Mapping[str, Any]:
    """As `read_tensors`, of what ``torch.save`` wrote, which may be in memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles that are refused anyway
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged archive or a foreign pickle makes of it
        refused = re.search(r"GLOBAL (\S+) was not an allowed global", str(error))
        reason = f"it holds a {refused[1]}" if refused else "it is damaged or another kind of file"
        raise ValueError(f"expected a checkpoint of tensors and plain values, {reason}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"expected a checkpoint, got {type(content).__name__}")
    return content


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            ours = (file.metadata() or {}).get("kind")
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"expected safetensors: {error}") from error
    if ours is not None:
        raise ValueError(f"expected weights from elsewhere; load these by {ours}.from_pretrained")
    return tensors


def files_checksum(path: Path) -> str:
    """SHA-256 of a file, or of all files directly in a folder: which weights a tool has."""
    files = sorted(f for f in path.iterdir() if f.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
