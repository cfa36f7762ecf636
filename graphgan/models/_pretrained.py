"""Networks that are saved with their configuration and loaded by file, run folder or name.

Weights and configuration are in one safetensors file, which cannot execute code.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from graphgan._states import check_tensors, fill, mismatch
from graphgan.files import replacing
from graphgan.layers._fusion import fuse
from graphgan.weights import find_weights

Network = TypeVar("Network", bound="Pretrained")  # the tests' type checker does not support Self


class Pretrained(nn.Module):
    """A network that is saved to one safetensors file together with its configuration.

    Subclass it instead of ``nn.Module`` and set ``config`` in the constructor to the keyword
    arguments that build an equal network. `graphgan.training.train_command` requires this of
    generators; they can then be loaded by name, file or run folder.

    Attributes:
        config: arguments from which `from_config` builds an equal network; must be valid JSON.

    Example:
        >>> class Tint(Pretrained):
        ...     def __init__(self, channels: int = 3) -> None:
        ...         super().__init__()
        ...         self.config = {"channels": channels}
        ...         self.conv = nn.Conv2d(channels, channels, 1)
        ...
        ...     def forward(self, image):
        ...         return self.conv(image)
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Tint(4).save_pretrained(f"{folder}/tint.safetensors")
        ...     Tint.from_pretrained(f"{folder}/tint.safetensors").config
        {'channels': 4}
    """

    config: dict[str, Any]

    @classmethod
    def from_config(cls: type[Network], config: dict[str, Any]) -> Network:
        """Build a network with this configuration and initial weights: ``cls(**config)``.

        Override it if the constructor takes arguments that JSON cannot hold, such as another
        network.
        """
        return cls(**config)

    def fuse(self: Network) -> Network:
        """An equivalent, faster network for inference; it cannot be trained or saved."""
        return fuse(self)

    def save_pretrained(self, path: Path | str, *, dtype: torch.dtype | None = None) -> None:
        """Write weights and configuration to one safetensors file, atomically.

        Args:
            path: file to write.
            dtype: dtype of the saved weights, such as ``torch.float16`` for half the size; None
                keeps it.
        """
        save_weights(self, path, kind=type(self).__name__, config=self.config, dtype=dtype)

    @classmethod
    def from_pretrained(
        cls: type[Network], source: Path | str, *, device: torch.device | str = "cpu"
    ) -> Network:
        """Load a network written by `save_pretrained`, in eval mode.

        Args:
            source: a file, a run folder (its newest weights), or the name of shipped weights such
                as "people-128"; see `graphgan.weights.find_weights`.
            device: device to load it on, such as "cuda".
        Raises:
            ValueError: the source does not exist or is not such a file, its weights do not match
                its configuration, or the machine does not have the device.

        Example:
            >>> from graphgan.models import AnonyGAN
            >>> AnonyGAN.from_pretrained("people-128").size
            (128, 128)
        """
        _check_device(device)
        path = find_weights(source, network=cls.__name__)
        config = read_config(path, kind=cls.__name__)
        try:
            with torch.device("meta"):  # so that no sizes in the file can exhaust memory
                model = cls.from_config(config)
        except (TypeError, KeyError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"expected the configuration of {cls.__name__} in {path}: {error}"
            ) from error
        load_weights(model, path)
        return model.to(device).eval()


def check_savable(network: nn.Module) -> None:
    """Check before training that a network can be saved and loaded again.

    Raises:
        ValueError: it has no ``save_pretrained``, or it is a `Pretrained` without a ``config``, or
            with one that JSON cannot hold or that builds a different network.
    """
    name = type(network).__name__
    if not callable(getattr(network, "save_pretrained", None)):
        raise ValueError(
            f"expected a generator with save_pretrained, {name} has none and could not be saved: "
            "let it subclass graphgan.models.Pretrained and set self.config"
        )
    if not isinstance(network, Pretrained):
        return
    if not isinstance(config := getattr(network, "config", None), dict):
        raise ValueError(
            f"expected self.config of {name} to hold the arguments that build it, got {config!r}"
        )
    try:
        copy = json.loads(json.dumps(config))
        with torch.device("meta"):
            twin = type(network).from_config(copy)
    except (TypeError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"expected self.config of {name} to build an equal one: {error}"
        ) from error
    if problems := mismatch(twin.state_dict(), network.state_dict()):
        raise ValueError(f"expected self.config of {name} to build an equal one: {problems}")


def _check_device(device: torch.device | str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts where it was built without CUDA
        reason = str(error).splitlines()[0]
        raise ValueError(f"expected a device of this machine, got {device}: {reason}") from error


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
