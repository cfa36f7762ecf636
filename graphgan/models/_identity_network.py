"""A network that embeds face images so that those of one person are close together.

Source: [C] Maximov et al., "CIAGAN: Conditional Identity Anonymization Generative Adversarial
Networks", CVPR 2020, section 3.3 (there a siamese residual network).
Differs from the authors' code: four plain convolutions, with a norm that does not mix items.
"""

from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive
from graphgan.layers._normalization import Norm, make_norm

MIN_SIZE = 16


class IdentityNetwork(nn.Module):
    """Four 3x3 convolutions that halve the size, the mean over all pixels, and a linear layer.

    Widths w, 2w, 4w, 8w; each convolution is followed by a norm and LeakyReLU 0.2. Train it with
    ``graphgan.losses.contrastive_loss``; the embedding is unbounded.

    Args:
        dim: d, size of the embedding.
        width: w.
        norm: norm after each convolution; not "batch" if samples must not affect each other.
    Shapes:
        ``image: b 3 h w`` (at least 16 pixels a side) -> ``b d``
    Raises:
        ValueError: wrong channels, images that are too small, an empty batch.

    Example:
        >>> IdentityNetwork()(torch.randn(2, 3, 64, 64)).shape
        torch.Size([2, 128])
    """

    def __init__(self, dim: int = 128, *, width: int = 32, norm: Norm = "group") -> None:
        super().__init__()
        check_positive(dim=dim, width=width)
        channels = (3, width, 2 * width, 4 * width, 8 * width)
        self.convolutions = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(channels[i], channels[i + 1], 3, stride=2, padding=1),
                    make_norm(norm, channels[i + 1]),
                    nn.LeakyReLU(0.2),
                )
                for i in range(4)
            )
        )
        self.to_embedding = nn.Linear(channels[-1], dim)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        check_features(image, 3, "image", smallest=MIN_SIZE)
        embedding: Tensor = self.to_embedding(self.convolutions(image).mean((2, 3)))
        return embedding
