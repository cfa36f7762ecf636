"""A frozen network whose feature maps others look at: projected discriminators, feature losses."""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features
from graphgan.layers.fusion import fuse
from graphgan.models.efficientnet_lite import SCALE, SHIFT, EfficientNetLite


class FeatureNetwork(nn.Module):
    """Feature maps of images at several depths of a trained network, which stays as it is.

    ``f_1 = stage_1(scale x + shift)``, ``f_l = stage_l(f_(l-1))``. The parameters ask for no
    gradient, images may. The network stays in eval mode.

    Args:
        stages: parts of the network by name, each of which continues where the last one ended.
        channels: of each stage's map.
        scale, shift: bring images from [-1, 1] to what the network was trained on; a number, or
            three, one a color.
        name: of the network. What was trained with it is not to be judged by it.
    Shapes:
        ``images: b 3 h w`` in [-1, 1] -> one of ``b c_l h_l w_l`` a stage, the finest first
    Raises:
        ValueError: no stage, another number of channels than of stages, other shapes.

    Example:
        >>> stages = {"edges": nn.Conv2d(3, 8, 3, stride=2), "parts": nn.Conv2d(8, 16, 3, stride=2)}
        >>> network = FeatureNetwork(stages, channels=(8, 16))
        >>> [tuple(maps.shape[1:]) for maps in network(torch.zeros(1, 3, 32, 32))]
        [(8, 15, 15), (16, 7, 7)]
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        stages: Mapping[str, nn.Module],
        *,
        channels: tuple[int, ...],
        scale: float | tuple[float, float, float] = 1.0,
        shift: float | tuple[float, float, float] = 0.0,
        name: str = "",
    ) -> None:
        super().__init__()
        if not stages or len(stages) != len(channels):
            raise ValueError(
                f"expected stages and as many numbers of channels, got {len(stages)} and "
                f"{len(channels)}"
            )
        self.name = name
        self.channels = channels
        self.stages = nn.ModuleDict(stages)
        for key, value in (("scale", scale), ("shift", shift)):
            self.register_buffer(key, torch.tensor(value).expand(3).reshape(3, 1, 1).clone())
        self.stages.eval()
        self.requires_grad_(False)

    @classmethod
    def efficientnet_lite(
        cls, variant: str = "lite0", path: Path | str | None = None
    ) -> "FeatureNetwork":
        """The four stages of strides 4, 8, 16 and 32 of `EfficientNetLite`, trained on ImageNet.

        Its batch normalization is part of the convolutions, and channels come last in memory, which
        is faster.

        Args:
            variant, path: see `EfficientNetLite.pretrained`.
        """
        network = fuse(EfficientNetLite.pretrained(variant, path))
        first, second, third, last = network.parts()
        features = cls(
            {"stride4": first, "stride8": second, "stride16": third, "stride32": last},
            channels=network.stage_channels,
            scale=SCALE,
            shift=SHIFT,
            name=variant,
        )
        return features.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        check_features(images, 3, "images")
        x = images * self.scale + self.shift
        maps = []
        for stage in self.stages.values():
            x = stage(x)
            maps.append(x)
        return maps

    def train(self, mode: bool = True) -> "FeatureNetwork":
        """The stages stay in eval mode: their statistics are those of their own training."""
        self.training = mode
        return self

    def extra_repr(self) -> str:
        return repr(self.name)
