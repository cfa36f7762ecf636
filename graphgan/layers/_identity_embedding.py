"""Embedding of a person's number as a small feature map.

Source: [C] Maximov et al., "CIAGAN: Conditional Identity Anonymization Generative Adversarial
Networks", CVPR 2020.
"""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from graphgan._checks import check_indices, check_positive
from graphgan.layers._convolution import spectral_conv
from graphgan.layers._normalization import make_norm

SIDE = 4


class IdentityEmbedding(nn.Module):
    """Seven linear layers on the one-hot identity, reshaped to 4 x 4, then three convolutions.

    Linear layers of widths 8w, 8w, 8w, 8w, 16w, 16w, 16w; then, on w channels, convolution,
    LeakyReLU, norm to 2w, 4w and 8w, with spectral normalization. LeakyReLU 0.2 everywhere.

    Args:
        num_identities: number of people to choose from.
        width: w.
    Shapes:
        ``identity: b``, from 0 to ``num_identities - 1``, -> ``b 8w 4 4``
    Raises:
        ValueError: an empty batch, or numbers that are not integers or out of range.

    Example:
        >>> IdentityEmbedding(1200)(torch.tensor([3, 777])).shape
        torch.Size([2, 256, 4, 4])
    """

    def __init__(self, num_identities: int, *, width: int = 32) -> None:
        super().__init__()
        check_positive(num_identities=num_identities, width=width)
        self.num_identities = num_identities
        self.out_channels = 8 * width
        widths = 4 * [8 * width] + 3 * [SIDE**2 * width]
        self.first = nn.Linear(num_identities, widths[0])
        self.lin = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(widths[i], widths[i + 1]), nn.LeakyReLU(0.2))
                for i in range(len(widths) - 1)
            )
        )
        channels = (width, 2 * width, 4 * width, self.out_channels)
        self.conv = nn.Sequential(
            *(
                nn.Sequential(
                    spectral_conv(channels[i], channels[i + 1]),
                    nn.LeakyReLU(0.2),
                    make_norm("affine_instance", channels[i + 1]),
                )
                for i in range(len(channels) - 1)
            )
        )

    def forward(self, identity: Int[Tensor, "b"]) -> Float[Tensor, "b c 4 4"]:
        if identity.ndim != 1 or identity.shape[0] == 0:
            raise ValueError(f"expected identities of shape (b,), got {tuple(identity.shape)}")
        check_indices("identity", identity, self.num_identities)
        # A column of the matrix is its product with a one-hot vector.
        x = F.embedding(identity, self.first.weight.T) + self.first.bias
        code = self.lin(F.leaky_relu(x, 0.2))
        out: Tensor = self.conv(rearrange(code, "b (c h w) -> b c h w", h=SIDE, w=SIDE))
        return out

    def extra_repr(self) -> str:
        return f"{self.num_identities}"
