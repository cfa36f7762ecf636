"""Checks of the feature map lists that losses compare."""

from torch import Tensor


def check_layers(name: str, layers: object) -> None:
    """Raise ``ValueError`` for a single tensor, whose items would be mistaken for layers."""
    if isinstance(layers, Tensor):
        raise ValueError(
            f"expected {name} as a list of feature maps, one per layer, got one tensor of shape "
            f"{tuple(layers.shape)}; for a single layer write [{name}]"
        )
