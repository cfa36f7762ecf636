"""A frozen feature network for projected discriminators and feature losses."""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features
from graphgan.layers._fusion import fuse
from graphgan.models._efficientnet_lite import SCALE, SHIFT, EfficientNetLite


class FeatureNetwork(nn.Module):
    """Feature maps at several depths of a frozen, trained network.

    ``f_1 = stage_1(scale x + shift)``, ``f_l = stage_l(f_(l-1))``. The parameters do not require
    gradients; images may. The network stays in eval mode.

    Args:
        stages: consecutive parts of the network, by name.
        channels: channels of each stage's map.
        scale, shift: map images from [-1, 1] to the network's training range; a number, or three,
            one per color channel.
        name: name of the network. Models trained with it should not be evaluated with it.
    Shapes:
        ``images: b 3 h w`` in [-1, 1] -> one of ``b c_l h_l w_l`` a stage, the finest first
    Raises:
        ValueError: no stages, a different number of channels and stages, or wrong shapes.

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
        """The four stages of `EfficientNetLite` with strides 4, 8, 16 and 32, trained on ImageNet.

        For speed, batch normalization is folded into the convolutions and memory is channels-last.

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
        """Keeps the stages in eval mode, with the statistics of their own training."""
        self.training = mode
        return self

    def extra_repr(self) -> str:
        return repr(self.name)
