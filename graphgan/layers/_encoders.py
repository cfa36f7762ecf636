"""Encoders of an image, or of landmarks, to a code of a quarter of the size.

Source: [A], [B]: 7x7 with reflection padding 3 to ``width``, then two 3x3 of stride 2 with *zero*
padding 1 to ``2 width`` and ``4 width``; each followed by a norm and ReLU.
"""

from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive
from graphgan.landmarks._maps import Rendering
from graphgan.layers._convolution import reflect_conv
from graphgan.layers._landmark_stem import LandmarkStem
from graphgan.layers._normalization import Norm, bias_before, make_norm


def _halving(width: int, norm: Norm) -> list[nn.Module]:
    conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=bias_before(norm))
    return [conv, make_norm(norm, 2 * width), nn.ReLU()]


def _after_stem(width: int, norm: Norm) -> nn.Sequential:
    return nn.Sequential(
        make_norm(norm, width), nn.ReLU(), *_halving(width, norm), *_halving(2 * width, norm)
    )


class ImageEncoder(nn.Module):
    """``b in_channels h w`` -> ``b 4*width h/4 w/4`` (rounded up).

    Args:
        in_channels: 3, or 6 for condition and context.
        width: channels after the first convolution.
        norm: "batch" as in [A], "instance" as for DeepFashion in [B], or "group".
    Raises:
        ValueError: wrong channels, an empty batch, sides below 4 pixels.

    Example:
        >>> ImageEncoder(6)(torch.randn(1, 6, 32, 32)).shape
        torch.Size([1, 256, 8, 8])
    """

    def __init__(self, in_channels: int, *, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        check_positive(in_channels=in_channels, width=width)
        self.in_channels = in_channels
        self.out_channels = 4 * width
        self.stem = reflect_conv(in_channels, width, 7, norm=norm)
        self.down = _after_stem(width, norm)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b c h4 w4"]:
        check_features(x, self.in_channels, "image", smallest=4)
        out: Tensor = self.down(self.stem(x))
        return out


class LandmarkEncoder(nn.Module):
    """Coordinates ``b k 2`` (or maps ``b k h w``) -> ``b 4*width h/4 w/4`` (rounded up).

    Args:
        num_landmarks: k.
        width: channels after the stem.
        norm: as in `ImageEncoder`.
        rendering: rendering of the maps, see `LandmarkStem`.
        sigma: standard deviation of Gaussian maps, in pixels.
    Raises:
        ValueError: wrong number of landmarks, an image smaller than the padding.

    Example:
        >>> LandmarkEncoder(68, width=32)(31 * torch.rand(1, 68, 2), (32, 32)).shape
        torch.Size([1, 128, 8, 8])
    """

    def __init__(
        self,
        num_landmarks: int,
        *,
        width: int = 64,
        norm: Norm = "batch",
        rendering: Rendering = "one_hot",
        sigma: float = 6.0,
    ) -> None:
        super().__init__()
        check_positive(width=width)
        self.out_channels = 4 * width
        self.stem = LandmarkStem(
            num_landmarks, width, rendering=rendering, sigma=sigma, bias=bias_before(norm)
        )
        self.down = _after_stem(width, norm)

    def forward(
        self,
        landmarks: Float[Tensor, "b k 2"] | Float[Tensor, "b k h w"],
        size: tuple[int, int],
        weights: Float[Tensor, "b k"] | None = None,
    ) -> Float[Tensor, "b c h4 w4"]:
        out: Tensor = self.down(self.stem(landmarks, size, weights))
        return out
