"""CIAGAN: a face of a chosen person, from a drawing of landmarks and a masked image.

Source: [C] Maximov et al., "CIAGAN: Conditional Identity Anonymization Generative Adversarial
Networks", CVPR 2020, https://arxiv.org/abs/2005.09544.
Differs from the authors' code: a person is a number, not a one-hot vector.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive
from graphgan.layers._convolution import spectral_conv
from graphgan.layers.identity_embedding import IdentityEmbedding
from graphgan.layers.normalisation import make_norm
from graphgan.layers.resampling import ResidualDown, ResidualUp
from graphgan.layers.residual import ResidualBlock
from graphgan.models._pretrained import Pretrained

SIZE = 128


class CIAGANGenerator(Pretrained):
    """Five blocks down, an identity joined to the code, four residual blocks, five blocks up.

        code   = down([drawing | masked])                      8w x 4 x 4
        joined = norm(conv([code | embedding(identity)]))      8w x 4 x 4
        image  = conv(up(residual(joined)))

    Down to w, 2w, 4w, 8w, 8w channels, up to 8w, 4w, 2w, w, w / 2; each block down and up is
    followed by an InstanceNorm with scale and shift. Every convolution but the last has spectral
    normalisation.

    Args:
        num_identities: people that there are to choose from.
        width: w, even.
        num_blocks: residual blocks in the middle.
    Shapes:
        ``drawing, masked: b 3 128 128`` in [-1, 1], ``identity: b`` -> ``b 3 128 128``, not bounded
    Raises:
        ValueError: other shapes; identities that are no integers or out of range.

    Example:
        >>> generator = CIAGANGenerator(10, num_blocks=1)
        >>> picture = torch.zeros(1, 3, 128, 128)
        >>> generator(picture, picture, torch.tensor([7])).shape
        torch.Size([1, 3, 128, 128])
    """

    def __init__(self, num_identities: int = 1200, *, width: int = 32, num_blocks: int = 4) -> None:
        super().__init__()
        check_positive(num_blocks=num_blocks)
        if width < 2 or width % 2:
            raise ValueError(f"expected an even width, got {width}")
        self.config = {"num_identities": num_identities, "width": width, "num_blocks": num_blocks}
        down = (6, width, 2 * width, 4 * width, 8 * width, 8 * width)
        up = (*down[:0:-1], width // 2)
        self.down = nn.Sequential(
            *(_normed(ResidualDown(down[i], down[i + 1]), down[i + 1]) for i in range(5))
        )
        self.identity_embedding = IdentityEmbedding(num_identities, width=width)
        joined = down[-1] + self.identity_embedding.out_channels
        self.join = _normed(spectral_conv(joined, up[0]), up[0])
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(up[0], norm="affine_instance", spectral=True)
                for _ in range(num_blocks)
            )
        )
        self.up = nn.Sequential(
            *(_normed(ResidualUp(up[i], up[i + 1]), up[i + 1]) for i in range(5))
        )
        self.to_image = nn.Conv2d(up[-1], 3, 3, padding=1)

    def forward(
        self,
        drawing: Float[Tensor, "b 3 h w"],
        masked: Float[Tensor, "b 3 h w"],
        identity: Int[Tensor, "b"],
    ) -> Float[Tensor, "b 3 h w"]:
        check_features(drawing, 3, "drawing")
        if drawing.shape[2:] != (SIZE, SIZE) or masked.shape != drawing.shape:
            raise ValueError(
                f"expected two pictures of shape (b, 3, {SIZE}, {SIZE}), got "
                f"{tuple(drawing.shape)} and {tuple(masked.shape)}"
            )
        if identity.shape != drawing.shape[:1]:
            raise ValueError(
                f"expected {len(drawing)} identities, got a tensor of shape {tuple(identity.shape)}"
            )
        code = self.down(torch.cat([drawing, masked], dim=1))
        code = self.join(torch.cat([code, self.identity_embedding(identity)], dim=1))
        image: Tensor = self.to_image(self.up(self.blocks(code)))
        return image


def _normed(block: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(block, make_norm("affine_instance", channels))
