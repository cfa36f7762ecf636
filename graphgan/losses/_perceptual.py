"""Perceptual loss: compare images by the features of a trained network.

Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV
2016; [B] Tang et al., BMVC 2020, uses VGG-19 up to its fourth layer, and L1.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._states import check_tensors, fill
from graphgan._tensor_files import read_tensors

# Channels of VGG-19's convolutions; 0 is a pooling layer.
_VGG_19 = (64, 64, 0, 128, 128, 0, *4 * (256,), 0, *4 * (512,), 0, *4 * (512,), 0)
LAST_LAYER = 3  # of [B]: two convolutions, each with its ReLU


class PerceptualLoss(nn.Module):
    """``mean |f(x) - f(y)|``, with x and y normalized by ImageNet's mean and standard deviation.

    Args:
        features: f, any module from images to a feature map; its parameters are frozen, but
            gradients reach the images. See `vgg19_features`.
    Shapes:
        ``output, target: b 3 h w`` in [-1, 1] -> scalar; no gradient through ``target``
    Raises:
        ValueError: mismatched shapes.

    Example:
        >>> loss = PerceptualLoss(nn.Conv2d(3, 8, 3))
        >>> float(loss(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)))
        0.0
    """

    mean: Tensor
    std: Tensor

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features.eval().requires_grad_(False)
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(
        self, output: Float[Tensor, "b 3 h w"], target: Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, ""]:
        if output.shape != target.shape:
            raise ValueError(
                f"expected one shape, got {tuple(output.shape)} and {tuple(target.shape)}"
            )
        with torch.no_grad():
            wanted = self._see(target)
        return (self._see(output) - wanted).abs().mean()

    def train(self, mode: bool = True) -> "PerceptualLoss":
        """Keeps the features in eval mode."""
        self.training = mode
        return self

    def _see(self, image: Tensor) -> Tensor:
        seen: Tensor = self.features(((image + 1) / 2 - self.mean) / self.std)
        return seen


def vgg19_features(weights: str | Path | None = None, *, last: int = LAST_LAYER) -> nn.Sequential:
    """The first layers of VGG-19, numbered as in torchvision (0 a convolution, 1 its ReLU, ...).

    Args:
        weights: torchvision's VGG-19 weights (its state dict or that of its ``features``, as a
            pickle of tensors or safetensors). None uses an installed torchvision, which may
            download them.
        last: index of the last layer.
    Raises:
        ValueError: no such layer, a file without these weights, or neither a file nor torchvision.
        OSError: the file does not exist or cannot be read.
    """
    layers = list(_layers())
    if not 0 <= last < len(layers):
        raise ValueError(f"expected a last layer from 0 to {len(layers) - 1}, got {last}")
    features = nn.Sequential(*layers[: last + 1])
    asked: Mapping[str, Tensor] = _ask_torchvision() if weights is None else {}
    try:
        state = asked if weights is None else read_tensors(Path(weights))
        check_tensors(state)
        bare = {key.removeprefix("features."): value for key, value in state.items()}
        fill(features, {key: bare[key] for key in features.state_dict() if key in bare})
    except ValueError as error:
        raise ValueError(f"{weights or 'torchvision'}: not VGG-19's weights: {error}") from error
    return features.eval()


def _layers() -> Iterator[nn.Module]:
    channels = 3
    for width in _VGG_19:
        if width == 0:
            yield nn.MaxPool2d(2)
        else:
            yield nn.Conv2d(channels, width, 3, padding=1)
            yield nn.ReLU()
            channels = width


def _ask_torchvision() -> Mapping[str, Tensor]:
    try:
        from torchvision.models import VGG19_Weights  # type: ignore[import-not-found, unused-ignore]
    except (ImportError, RuntimeError) as error:  # a build for another torch fails to register
        raise ValueError(
            "expected weights of VGG-19: give a file, or install torchvision for this torch"
        ) from error
    state: Mapping[str, Tensor] = VGG19_Weights.DEFAULT.get_state_dict(check_hash=True)
    return state
