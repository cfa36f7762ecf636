"""Networks that are saved with their configuration and loaded by file, run folder or name."""

import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from graphgan._states import mismatch
from graphgan.layers.fusion import fuse
from graphgan.models._pretrained import load_weights, read_config, save_weights
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
