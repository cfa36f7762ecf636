"""Weights and configuration in one safetensors file, which cannot execute code."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from graphgan._states import check_tensors, fill
from graphgan.files import replacing

FORMAT_VERSION = "1"


def save_weights(
    module: nn.Module,
    path: Path | str,
    *,
    kind: str,
    config: dict[str, Any],
    dtype: torch.dtype | None = None,
) -> None:
    """Write to a temporary file, then rename it, so that the file is complete or absent.

    Raises:
        OSError: the disk is full or the folder is not writable; no partial file is left.
        ValueError: a fused network, whose tensors do not match its configuration.
    """
    if getattr(module, "is_fused", False):
        raise ValueError("expected an unfused network, got a fused one: save it before fusing")
    path = Path(path)
    tensors = {
        key: value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
        for key, value in module.state_dict().items()
    }
    metadata = {"format": FORMAT_VERSION, "kind": kind, "config": json.dumps(config)}
    with replacing(path) as temporary:
        # Not save_file, whose files other users cannot read.
        temporary.write_bytes(_in_order(save(tensors, metadata)))


def _in_order(content: bytes) -> bytes:
    """Sort a file's metadata, since safetensors writes it in random order."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def read_config(path: Path | str, *, kind: str) -> dict[str, Any]:
    """Read the configuration that was saved with the weights.

    Raises:
        ValueError: the file does not exist, is not safetensors, or has weights of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"expected a weights file, found none at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"expected safetensors in {path}: {error}") from error
    if metadata.get("kind") != kind or metadata.get("format") != FORMAT_VERSION:
        raise ValueError(
            f"expected {kind} weights of format {FORMAT_VERSION} in {path}, "
            f"got {metadata.get('kind')} of format {metadata.get('format')}"
        )
    try:
        config = json.loads(metadata["config"])
    except (KeyError, ValueError) as error:
        raise ValueError(f"expected a configuration in {path}: {error!r}") from error
    if not isinstance(config, dict):
        raise ValueError(f"expected a configuration in {path}, got {config!r}")
    return config


def load_weights(module: nn.Module, path: Path | str) -> None:
    """Load a file with matching keys and shapes into ``module``, which may be on the meta device.

    Raises:
        ValueError: a corrupt file, missing or unexpected keys, wrong shapes, or weights that are
            not finite.
    """
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"expected safetensors in {path}: {error}") from error
    try:
        check_tensors(tensors)
        fill(module, tensors)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
