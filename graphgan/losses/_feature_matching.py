"""Weak feature matching: match a discriminator's deep features of result and source.

Sources: [S] Chen et al., "SimSwap", ACM MM 2020; [A] Dall'Asen et al., ICIAP 2021, eq. (2) to (5).
Differs from the published code of [A], which uses all five layers with weight 4/5 on all pairs
(``first_layer=1``, ``weight=0.8``, no ``selected``).
"""

from collections.abc import Sequence

from jaxtyping import Bool, Float
from torch import Tensor, nn

from graphgan.losses._feature_loss import check_layers
from graphgan.losses._reduce import mean_of_selected, per_item_mean


class WeakFeatureMatchingLoss(nn.Module):
    """``sum over layers l = m..M of mean |D_l(fake) - D_l(real)|``, with real features detached.

    Args:
        first_layer: m, counted from 1; 3 skips the layers that see fine texture.
        last_layer: M; by default the last layer.
        weight: factor applied to the sum.
    Shapes:
        two lists of feature maps ``b c_l h_l w_l`` *without the logits*, ``selected: b`` -> scalar
    Raises:
        ValueError: lists of different lengths or shapes, fewer layers than ``first_layer``, or one
            tensor instead of a list, whose items would be mistaken for layers.

    Example:
        >>> features = [torch.ones(2, 4, 8, 8), torch.ones(2, 8, 4, 4)]
        >>> zeros = [0 * feature for feature in features]
        >>> float(WeakFeatureMatchingLoss(first_layer=1)(features, zeros))
        2.0
    """

    def __init__(
        self, *, first_layer: int = 3, last_layer: int | None = None, weight: float = 1.0
    ) -> None:
        super().__init__()
        if first_layer < 1 or (last_layer is not None and last_layer < first_layer):
            raise ValueError(f"expected 1 <= first <= last, got {first_layer} and {last_layer}")
        self.first_layer = first_layer
        self.last_layer = last_layer
        self.weight = weight

    def forward(
        self,
        fake: Sequence[Float[Tensor, "b ..."]],
        real: Sequence[Float[Tensor, "b ..."]],
        *,
        selected: Bool[Tensor, "b"] | None = None,
        count: Tensor | float | None = None,
    ) -> Float[Tensor, ""]:
        check_layers("fake", fake)
        check_layers("real", real)
        last = self.last_layer or len(fake)
        if len(fake) != len(real) or len(fake) < max(last, self.first_layer):
            raise ValueError(
                f"expected two lists of at least {max(last, self.first_layer)} feature maps, "
                f"got {len(fake)} and {len(real)}"
            )
        layers = slice(self.first_layer - 1, last)
        for f, r in zip(fake[layers], real[layers], strict=True):
            if f.shape != r.shape:
                shapes = f"{tuple(f.shape)} and {tuple(r.shape)}"
                raise ValueError(f"expected features of one shape, got {shapes}")
        differences = [
            per_item_mean((f - r.detach()).abs())
            for f, r in zip(fake[layers], real[layers], strict=True)
        ]
        total = mean_of_selected(sum(differences[1:], differences[0]), selected, count)
        return self.weight * total

    def extra_repr(self) -> str:
        return f"layers {self.first_layer} to {self.last_layer or 'last'}, weight={self.weight}"
