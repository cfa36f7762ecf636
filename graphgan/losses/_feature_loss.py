"""Feature loss: compare two images by a trained network's feature maps, everywhere or in regions.

Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV
2016, eq. (2). Differs: absolute differences, with each map normalized by its own magnitude.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from graphgan.losses._reduce import mean_of_selected, per_item_mean

_TINY = 1e-6


class FeatureLoss(nn.Module):
    """``sum_l w_l mean |f_l(x) - f_l(y)| / mean |f_l(y)|``, with the features of y detached.

    The magnitude ``mean |f_l(y)|`` is computed over the whole batch, whatever is selected.

    It takes feature maps rather than images, so that one pass of a `FeatureNetwork` serves both
    this loss and the discriminators.

    Args:
        weights: w_l of each map; by default all maps are averaged.
    Shapes:
        two lists of ``b c_l h_l w_l``; ``region: b 1 h w``, weights of the pixels, brought to the
        size of each map; ``selected: b`` -> scalar
    Raises:
        ValueError: empty lists, mismatched lengths or shapes, a wrong number of weights or none, or
            one tensor instead of a list.

    Example:
        >>> import torch
        >>> maps = [torch.ones(1, 4, 8, 8), torch.ones(1, 8, 4, 4)]
        >>> float(FeatureLoss()([2 * f for f in maps], maps))
        1.0
    """

    def __init__(self, weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if weights is not None and len(weights) == 0:
            raise ValueError("expected at least one weight, got none")
        self.weights = None if weights is None else tuple(weights)

    def forward(
        self,
        output: Sequence[Float[Tensor, "b _ _ _"]],
        target: Sequence[Float[Tensor, "b _ _ _"]],
        *,
        region: Float[Tensor, "b 1 h w"] | None = None,
        selected: Bool[Tensor, "b"] | None = None,
        count: Tensor | float | None = None,
    ) -> Float[Tensor, ""]:
        check_layers("output", output)
        check_layers("target", target)
        maps = max(1, len(target)) if self.weights is None else len(self.weights)
        if [x.shape for x in output] != [y.shape for y in target] or len(target) != maps:
            raise ValueError(
                f"expected two lists of {maps} maps of the same shapes, got "
                f"{[tuple(x.shape) for x in output]} and {[tuple(y.shape) for y in target]}"
            )
        weights = [1 / maps] * maps if self.weights is None else self.weights
        terms = [
            weight * _difference(x, y.detach(), region)
            for weight, x, y in zip(weights, output, target, strict=True)
        ]
        return mean_of_selected(sum(terms[1:], terms[0]), selected, count)

    def extra_repr(self) -> str:
        return "" if self.weights is None else f"weights={self.weights}"


def _difference(
    x: Float[Tensor, "b c h w"], y: Float[Tensor, "b c h w"], region: Tensor | None
) -> Float[Tensor, "b"]:
    size = y.abs().mean().clamp(min=_TINY)
    difference = (x - y).abs() / size
    if region is None:
        return per_item_mean(difference)
    weights = F.adaptive_avg_pool2d(region.to(x.dtype), (x.shape[2], x.shape[3]))
    inside = per_item_mean(weights).clamp(min=_TINY)
    return per_item_mean(difference * weights) / inside


def check_layers(name: str, layers: object) -> None:
    """Raise ``ValueError`` for a single tensor, whose items would be mistaken for layers."""
    if isinstance(layers, Tensor):
        raise ValueError(
            f"expected {name} as a list of feature maps, one per layer, got one tensor of shape "
            f"{tuple(layers.shape)}; for a single layer write [{name}]"
        )
