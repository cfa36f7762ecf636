"""Inception-ResNet-v1, the network of FaceNet's published weights, for face recognition.

Sources: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning", AAAI 2017, figures 10-14 (the ResNet-v1 variant), https://arxiv.org/abs/1602.07261;
Schroff et al., "FaceNet", CVPR 2015 (unit-length embeddings).
Differs from the paper as the published weights do: 1,792 channels at the end, a sixth last block
without ReLU and without scaling, a linear layer to 512 and a BatchNorm behind the mean. Keys and
shapes are those of facenet-pytorch's files.
"""

from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive
from graphgan._states import fill
from graphgan.models._convolutions import ConvNormReLU
from graphgan.models._weight_files import State, read_state

SIZE = 160  # side of the published weights' training images, in pixels
MIN_SIZE = 75  # smaller images leave nothing for the last pooling
NUM_FEATURES = 512

# Trained on (v - 127.5) / 128 of 8-bit values v; images here are v / 127.5 - 1.
_STANDARDIZATION = 127.5 / 128

Network = TypeVar(
    "Network", bound="InceptionResnetV1"
)  # the tests' type checker does not support Self


class InceptionResnetV1(nn.Module):
    """Face embeddings whose distances tell whether two images show one person.

    ``embedding = f / |f|``, ``logits = W f + b`` with ``f = BatchNorm(V mean(features))``. Images
    are scaled by 127.5 / 128 first: of 8-bit values v, given as ``v / 127.5 - 1``, this makes
    FaceNet's "fixed image standardization" ``(v - 127.5) / 128``.

    For evaluation only; load it with `from_weights`. FaceNet's dropout is omitted.

    Args:
        num_classes: number of people for `classify`; None for embeddings only.
    Shapes:
        ``images: b 3 h w`` in [-1, 1] (160 x 160 pixels as trained, at least 75 a side) ->
        ``b 512`` of length 1
    Raises:
        ValueError: wrong shapes, an empty batch, integer images.

    Example:
        >>> network = InceptionResnetV1(num_classes=10).eval()
        >>> images = torch.rand(2, 3, 160, 160) * 2 - 1
        >>> network(images).shape, network.classify(images).shape
        (torch.Size([2, 512]), torch.Size([2, 10]))
    """

    def __init__(self, num_classes: int | None = None) -> None:
        super().__init__()
        if num_classes is not None:
            check_positive(num_classes=num_classes)
        self.num_classes = num_classes
        self.conv2d_1a = ConvNormReLU(3, 32, 3, stride=2)
        self.conv2d_2a = ConvNormReLU(32, 32, 3)
        self.conv2d_2b = ConvNormReLU(32, 64, 3, padding=1)
        self.maxpool_3a = nn.MaxPool2d(3, stride=2)
        self.conv2d_3b = ConvNormReLU(64, 80, 1)
        self.conv2d_4a = ConvNormReLU(80, 192, 3)
        self.conv2d_4b = ConvNormReLU(192, 256, 3, stride=2)
        self.repeat_1 = nn.Sequential(*(_block_35() for _ in range(5)))
        self.mixed_6a = _reduction_a()
        self.repeat_2 = nn.Sequential(*(_block_17() for _ in range(10)))
        self.mixed_7a = _reduction_b()
        self.repeat_3 = nn.Sequential(*(_block_8(scale=0.2) for _ in range(5)))
        self.block8 = _block_8(scale=1.0, relu=False)
        self.last_linear = nn.Linear(1792, NUM_FEATURES, bias=False)
        self.last_bn = nn.BatchNorm1d(NUM_FEATURES, eps=1e-3)
        self.logits = None if num_classes is None else nn.Linear(NUM_FEATURES, num_classes)

    @classmethod
    def from_weights(cls: type[Network], path: str | Path) -> Network:
        """Load facenet-pytorch's weights; returns the network in eval mode, on the CPU.

        Examples are ``20180402-114759-vggface2.pt`` (8,631 people) and
        ``20180408-102900-casia-webface.pt`` (10,575). The number of people is read from the file,
        which may lack logits. The parameters do not require gradients; images may.

        Raises:
            ValueError: the file does not exist or has other content, keys are missing, unexpected
                or have wrong shapes, or weights are not finite. The message names the file.
            OSError: the file cannot be read.
        """
        state = read_state(Path(path))
        try:
            with torch.device("meta"):
                network = cls(_count_classes(state))
            # Files older than these counters, which only training reads, are welcome.
            counters = [k for k in network.state_dict() if k.endswith("num_batches_tracked")]
            fill(network, {key: torch.tensor(0) for key in counters} | state)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return network.eval().requires_grad_(False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 512"]:
        return F.normalize(self._features(images), dim=1)

    def classify(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        """Logits of the people in the training set.

        Raises:
            ValueError: a network without logits, or images that `forward` rejects.
        """
        if self.logits is None:
            raise ValueError("expected a network with logits, got one with embeddings only")
        logits: Tensor = self.logits(self._features(images))
        return logits

    def _features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 512"]:
        check_features(images, 3, "images", smallest=MIN_SIZE)
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(images * _STANDARDIZATION)))
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(self.maxpool_3a(x))))
        x = self.mixed_7a(self.repeat_2(self.mixed_6a(self.repeat_1(x))))
        x = self.block8(self.repeat_3(x)).mean(dim=(2, 3))
        features: Tensor = self.last_bn(self.last_linear(x))
        return features


def _count_classes(state: State) -> int | None:
    weight = state.get("logits.weight")
    return len(weight) if weight is not None and weight.ndim else None


# --- blocks ---------------------------------------------------------------------------------------


class _Layer(NamedTuple):
    """A convolution of a branch: padded to keep the size, or striding without padding."""

    out_channels: int
    kernel_size: tuple[int, int]
    stride: int = 1

    def build(self, in_channels: int) -> ConvNormReLU:
        height, width = self.kernel_size
        padding = (height // 2, width // 2) if self.stride == 1 else 0
        return ConvNormReLU(*(in_channels, *self[:2]), stride=self.stride, padding=padding)


def _branch(in_channels: int, *layers: _Layer) -> nn.Module:
    """The layers one after the other; a single one is no sequence, for the keys' sake."""
    widths = [in_channels, *(layer.out_channels for layer in layers)]
    convs = [layer.build(width) for layer, width in zip(layers, widths, strict=False)]
    return convs[0] if len(convs) == 1 else nn.Sequential(*convs)


class _Branches(nn.Module):
    """What several branches make of the same features, joined."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.names = [f"branch{i}" for i in range(len(branches))]
        for name, branch in zip(self.names, branches, strict=True):
            self.add_module(name, branch)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return torch.cat([self.get_submodule(name)(x) for name in self.names], dim=1)


class _Residual(_Branches):
    """``relu(x + scale * conv1x1(branches(x)))``; without ReLU where told so."""

    def __init__(
        self, channels: int, joined: int, *branches: nn.Module, scale: float, relu: bool = True
    ) -> None:
        super().__init__(*branches)
        self.conv2d = nn.Conv2d(joined, channels, 1)
        self.scale = scale
        self.relu = relu

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        x = x + self.scale * self.conv2d(super().forward(x))
        return F.relu(x) if self.relu else x


def _block_35() -> _Residual:
    one, three = _Layer(32, (1, 1)), _Layer(32, (3, 3))
    layers = [one], [one, three], [one, three, three]
    return _Residual(256, 96, *(_branch(256, *branch) for branch in layers), scale=0.17)


def _block_17() -> _Residual:
    one, row, column = (_Layer(128, size) for size in ((1, 1), (1, 7), (7, 1)))
    branches = _branch(896, one), _branch(896, one, row, column)
    return _Residual(896, 256, *branches, scale=0.1)


def _block_8(*, scale: float, relu: bool = True) -> _Residual:
    one, row, column = (_Layer(192, size) for size in ((1, 1), (1, 3), (3, 1)))
    branches = _branch(1792, one), _branch(1792, one, row, column)
    return _Residual(1792, 384, *branches, scale=scale, relu=relu)


def _reduction_a() -> _Branches:
    layers = _Layer(192, (1, 1)), _Layer(192, (3, 3)), _Layer(256, (3, 3), 2)
    return _Branches(
        _branch(256, _Layer(384, (3, 3), 2)), _branch(256, *layers), nn.MaxPool2d(3, stride=2)
    )


def _reduction_b() -> _Branches:
    one, three = _Layer(256, (1, 1)), _Layer(256, (3, 3))
    wide, narrow = _Layer(384, (3, 3), 2), _Layer(256, (3, 3), 2)
    layers = [one, wide], [one, narrow], [one, three, narrow]
    return _Branches(*(_branch(896, *branch) for branch in layers), nn.MaxPool2d(3, stride=2))
