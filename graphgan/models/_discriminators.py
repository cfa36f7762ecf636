"""Discriminators of patches (AnonyGAN) and of whole codes (BiGraphGAN).

Sources: [A] Dall'Asen et al., ICIAP 2021, section 3; the patches are those of Isola et al.,
"Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017; [B] Tang et al.,
BMVC 2020, section 2.5.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive
from graphgan.landmarks._maps import Rendering
from graphgan.layers import ImageEncoder, ResidualBlock
from graphgan.layers._landmark_convolution import landmark_convolution
from graphgan.layers._normalization import Norm, make_norm
from graphgan.models._pretrained import Pretrained

MIN_PATCH_SIZE = 48
"""Least side of an image that `PatchDiscriminator` can judge, in pixels."""


class PatchDiscriminator(Pretrained):
    """Six 4x4 convolutions; returns all six results, with the patch logits last.

    Widths ``w, 2w, 4w, 8w`` (stride 2), ``8w`` and 1 (stride 1), zero padding 1, with bias;
    LeakyReLU 0.2, and a norm in all but the first and the last.

    Args:
        in_channels: channels of the input, e.g. 6 for two images.
        width: w.
        norm: "batch" as published.
    Shapes:
        ``x: b in_channels h w`` (at least 48 pixels a side) -> five of ``b c_l h_l w_l`` after
        LeakyReLU, then logits ``b 1 h_6 w_6``
    Raises:
        ValueError: wrong channels, or an input too small for the last patch.

    Example:
        >>> features = PatchDiscriminator(6)(torch.randn(1, 6, 64, 64))
        >>> [tuple(feature.shape[1:]) for feature in features][-2:]
        [(512, 3, 3), (1, 2, 2)]
    """

    def __init__(self, in_channels: int, *, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        check_positive(in_channels=in_channels, width=width)
        self.config = {"in_channels": in_channels, "width": width, "norm": norm}
        self.in_channels = in_channels
        widths = [width, 2 * width, 4 * width, 8 * width, 8 * width]
        strides = [2, 2, 2, 1]
        self.first = nn.Conv2d(in_channels, width, 4, stride=2, padding=1)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(widths[i], widths[i + 1], 4, stride=strides[i], padding=1),
                make_norm(norm, widths[i + 1]),
                nn.LeakyReLU(0.2),
            )
            for i in range(4)
        )
        self.to_logits = nn.Conv2d(8 * width, 1, 4, padding=1)

    def forward(self, x: Float[Tensor, "b i h w"]) -> list[Tensor]:
        check_features(x, self.in_channels, "input")
        _check_size(x.shape)
        return self._after_first(self.first(x))

    def _after_first(self, x: Float[Tensor, "b w h2 w2"]) -> list[Tensor]:
        features = [F.leaky_relu(x, 0.2)]
        for layer in self.layers:
            features.append(layer(features[-1]))
        return [*features, self.to_logits(features[-1])]


def _check_size(shape: torch.Size) -> None:
    if min(shape[2:]) < MIN_PATCH_SIZE:
        raise ValueError(f"expected sides of at least {MIN_PATCH_SIZE}, got {tuple(shape)}")


class AppearanceDiscriminator(PatchDiscriminator):
    """D_app of [A]: does ``[image | condition]`` show a real image of the condition's person?

    Args:
        width: channels of the first layer.
        norm: "batch" as published.
    Shapes:
        ``image, condition: b 3 h w`` -> as `PatchDiscriminator`
    """

    def __init__(self, *, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__(6, width=width, norm=norm)
        self.config = {"width": width, "norm": norm}

    def forward(  # type: ignore[override]
        self, image: Float[Tensor, "b 3 h w"], condition: Float[Tensor, "b 3 h w"]
    ) -> list[Tensor]:
        check_features(image, 3, "image")
        if condition.shape != image.shape:
            raise ValueError(
                f"expected a condition of shape {tuple(image.shape)}, got {tuple(condition.shape)}"
            )
        return super().forward(torch.cat([image, condition], dim=1))


class LandmarkDiscriminator(PatchDiscriminator):
    """D_lm of [A]: does ``[image | landmark maps]`` show a face with these landmarks?

    Args:
        num_landmarks: k.
        width: channels of the first layer.
        norm: "batch" as published.
        rendering: rendering of the maps; "one_hot" as published.
        sigma: standard deviation of Gaussian maps, in pixels.
    Shapes:
        ``image: b 3 h w``, ``landmarks: b k 2`` in pixels -> as `PatchDiscriminator`
    Raises:
        ValueError: wrong number of landmarks, or Gaussian maps with sigma 0 or less.
    """

    def __init__(
        self,
        num_landmarks: int = 68,
        *,
        width: int = 64,
        norm: Norm = "batch",
        rendering: Rendering = "one_hot",
        sigma: float = 6.0,
    ) -> None:
        super().__init__(3 + num_landmarks, width=width, norm=norm)
        if not sigma > 0:
            raise ValueError(f"expected sigma above 0, got {sigma}")
        self.config = {
            "num_landmarks": num_landmarks,
            "width": width,
            "norm": norm,
            "rendering": rendering,
            "sigma": sigma,
        }
        self.rendering = rendering
        self.sigma = sigma

    def forward(  # type: ignore[override]
        self, image: Float[Tensor, "b 3 h w"], landmarks: Float[Tensor, "b k 2"]
    ) -> list[Tensor]:
        check_features(image, 3, "image")
        if landmarks.shape != (expected := (image.shape[0], self.in_channels - 3, 2)):
            raise ValueError(
                f"expected landmarks of shape {expected}, got {tuple(landmarks.shape)}"
            )
        _check_size(image.shape)
        # The first convolution in two parts: over the image, and over maps that are never rendered.
        kernel = self.first.weight
        seen = F.conv2d(image, kernel[:, :3], self.first.bias, stride=2, padding=1)
        landmarks_seen = landmark_convolution(
            landmarks,
            kernel[:, 3:],
            (image.shape[2], image.shape[3]),
            rendering=self.rendering,
            sigma=self.sigma,
            padding=1,
            stride=2,
        )
        return self._after_first(seen + landmarks_seen)


class ResNetDiscriminator(Pretrained):
    """The discriminators of [B]: an encoder and three residual blocks; the code serves as logits.

    Args:
        in_channels: 6 for two images, 3 + 18 for an image and its pose maps.
        width: channels after the first convolution.
        num_blocks: number of residual blocks.
        norm: "batch" for Market-1501, "instance" for DeepFashion.
    Shapes:
        ``x: b in_channels h w -> b 4*width h/4 w/4``
    Raises:
        ValueError: wrong channels, an empty batch.

    Example:
        >>> ResNetDiscriminator(6)(torch.randn(1, 6, 32, 16)).shape
        torch.Size([1, 256, 8, 4])
    """

    def __init__(
        self, in_channels: int, *, width: int = 64, num_blocks: int = 3, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        check_positive(num_blocks=num_blocks)
        self.config = {
            "in_channels": in_channels,
            "width": width,
            "num_blocks": num_blocks,
            "norm": norm,
        }
        self.encoder = ImageEncoder(in_channels, width=width, norm=norm)
        self.blocks = nn.Sequential(
            *(ResidualBlock(4 * width, norm=norm) for _ in range(num_blocks))
        )

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b c h4 w4"]:
        logits: Tensor = self.blocks(self.encoder(x))
        return logits
