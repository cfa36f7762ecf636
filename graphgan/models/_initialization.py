"""Initialization of weights."""

from torch import nn

from graphgan.layers import NodeReasoning

_NORMS = (nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def init_normal(network: nn.Module, *, std: float = 0.02) -> None:
    """Draw convolution weights from N(0, std) and norm weights from N(1, std); set biases to 0.

    The adjacency of a graph convolution is treated as a convolution weight, as in the published
    layouts.

    Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative
    Adversarial Networks", ICLR 2016; [B] Tang et al., BMVC 2020, section 3.

    Args:
        network: modified in place; modules other than these and linear layers are unchanged.
        std: standard deviation.
    Raises:
        ValueError: ``std`` of 0 or less.

    Example:
        >>> layer = nn.Conv2d(64, 64, 3)
        >>> init_normal(layer)
        >>> bool((layer.weight.std() - 0.02).abs() < 0.001), bool(layer.bias.any())
        (True, False)
    """
    if not std > 0:
        raise ValueError(f"expected std above 0, got {std}")
    for module in network.modules():
        if isinstance(module, (*_CONVOLUTIONS, *_NORMS)):
            if module.weight is not None:
                nn.init.normal_(module.weight, float(isinstance(module, _NORMS)), std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, NodeReasoning):
            nn.init.normal_(module.adjacency, 0.0, std)
            nn.init.zeros_(module.bias)
