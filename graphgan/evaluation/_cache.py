"""Cache results by the content of their inputs."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from graphgan.files import replacing

_VERSION = "2"  # to be raised when what is computed from the same input changes


class ResultCache:
    """A folder of tensors, with files named by a digest of their inputs.

    Args:
        folder: created when needed; None disables the cache.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def fetch(
        self, what: str, inputs: tuple[str | Tensor, ...], compute: Callable[[], dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Return the cached result for these inputs, or compute and store it.

        Args:
            what: kind of result.
            inputs: everything the result depends on.
            compute: computes the result.
        """
        if self.folder is None:
            return compute()
        path = self.folder / f"{what}-{_digest(what, inputs)}.safetensors"
        try:
            return load_file(path)
        except (FileNotFoundError, SafetensorError):
            result = {name: tensor.contiguous() for name, tensor in compute().items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(save(result))
        return result


def _digest(what: str, inputs: tuple[str | Tensor, ...]) -> str:
    digest = hashlib.sha256(f"{_VERSION} {what}".encode())
    for part in inputs:
        if isinstance(part, Tensor):
            header = f"|{part.dtype} {tuple(part.shape)}|"
            digest.update(header.encode())
            digest.update(part.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        else:
            digest.update(f"|{len(part)}|{part}".encode())
    return digest.hexdigest()[:32]
