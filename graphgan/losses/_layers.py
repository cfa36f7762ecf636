"""The lists of feature maps that losses compare."""

from torch import Tensor


def check_layers(name: str, layers: object) -> None:
    """Raise ``ValueError`` for one tensor: iterated over, its items would pass for layers."""
    if isinstance(layers, Tensor):
        raise ValueError(
            f"expected {name} as a list of feature maps, one a layer, got one tensor of shape "
            f"{tuple(layers.shape)}; for a single layer write [{name}]"
        )
