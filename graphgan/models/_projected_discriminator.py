"""Discriminators that use the features of a trained network instead of pixels.

Sources: [P] Sauer et al., "Projected GANs Converge Faster", NeurIPS 2021, sections 3.2 and 4,
https://arxiv.org/abs/2111.01007 (random mixing across channels and scales, a head for each scale);
[M] Miyato and Koyama, "cGANs with Projection Discriminator", ICLR 2018, eq. (3) (the condition).
Differs from [P]: the heads have spectral normalization alone and give logits of patches; landmarks
and a condition can be shown to them, so that both discriminators of AnonyGAN exist in this form.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from graphgan._checks import check_positive
from graphgan.landmarks import gaussian_maps
from graphgan.landmarks._maps import check_landmarks
from graphgan.layers._convolution import SpectralNorm
from graphgan.models._ciagan import resized_points

_GAIN, _TINY = 8.0, 1e-6  # gain of landmark maps, which are mostly empty
_SIGMA, _LEAST = 0.75, 1e-3  # of the maps of landmarks, in cells; and what counts for nothing


class RandomMixing(nn.Module):
    """Mix feature maps across channels and scales with random weights that are never trained.

    ``m_l = W_l * (V_l f_l + up(m_(l+1)))``, from the coarsest map to the finest, where V_l is a
    random 1x1 convolution to ``width`` channels, W_l a random 3x3 one (He initialization), and up
    is bilinear. Every head thus sees all coarser scales, and no channel is ignored. Each result is
    divided by its root mean square over the batch, so that different networks and scales have equal
    influence.

    Args:
        channels: channels of the maps, finest first.
        width: channels of all mixed maps.
    Shapes:
        one of ``b c_l h_l w_l`` a scale -> one of ``b width h_l w_l`` a scale

    Example:
        >>> maps = [torch.rand(1, 4, 8, 8), torch.rand(1, 6, 4, 4)]
        >>> [tuple(mixed.shape[1:]) for mixed in RandomMixing((4, 6), width=16)(maps)]
        [(16, 8, 8), (16, 4, 4)]
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.across_channels = nn.ModuleList(_frozen_conv(c, width, 1) for c in channels)
        self.across_scales = nn.ModuleList(_frozen_conv(width, width, 3) for _ in channels)

    def forward(self, features: Sequence[Float[Tensor, "b _ _ _"]]) -> list[Tensor]:
        mixed: list[Tensor] = []
        for maps, channels, scales in zip(
            reversed(features),
            reversed(self.across_channels),
            reversed(self.across_scales),
            strict=True,
        ):
            x = channels(maps)
            if mixed:
                x = x + F.interpolate(mixed[0], x.shape[2:], mode="bilinear", align_corners=False)
            mixed.insert(0, scales(x))
        return [x / x.detach().square().mean().sqrt().clamp(min=_TINY) for x in mixed]


class ProjectedDiscriminator(nn.Module):
    """Classify images as real or fake from randomly mixed features, with logits at each scale.

    ``h_l = head_l(m_l + 8 E_l maps(landmarks))`` with m from `RandomMixing`, and
    ``logits_l = w_l^T h_l + <V_l c, h_l> / sqrt(width)`` ([M], eq. 3). Only the heads, E, w and V
    learn; they have spectral normalization. A head halves its map until it is as small as that of
    the last scale but one.

    Args:
        channels: channels of the features, see `FeatureNetwork`.
        width: channels of the mixed features and of the heads.
        num_landmarks: k, landmarks that the heads see; 0 for none (D_lm of AnonyGAN uses them).
        condition_channels: size of the vector that the logits are conditioned on; 0 for none (D_app
            of AnonyGAN uses the condition's last features).
    Shapes:
        ``features``: one of ``b c_l h_l w_l`` a scale; ``landmarks: b k 2`` in pixels of an image
        of ``size``; ``condition: b c`` -> for each scale a list: maps of the head, then the logits
        ``b 1 h w``
    Raises:
        ValueError: wrong features; landmarks or a condition that are missing although required, or
            given although not.

    Example:
        >>> maps = [torch.rand(2, 24, 32, 32), torch.rand(2, 40, 16, 16), torch.rand(2, 112, 8, 8)]
        >>> discriminator = ProjectedDiscriminator((24, 40, 112), width=16, num_landmarks=68)
        >>> scales = discriminator(maps, landmarks=127 * torch.rand(2, 68, 2), size=(128, 128))
        >>> [tuple(scale[-1].shape) for scale in scales]
        [(2, 1, 16, 16), (2, 1, 16, 16), (2, 1, 8, 8)]
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        width: int = 64,
        num_landmarks: int = 0,
        condition_channels: int = 0,
    ) -> None:
        super().__init__()
        check_positive(scales=len(channels), width=width)
        self.channels = tuple(channels)
        self.num_landmarks = num_landmarks
        self.condition_channels = condition_channels
        self.mixing = RandomMixing(channels, width)
        self.heads = nn.ModuleList(
            _Head(width, halvings=_halvings(i, len(channels))) for i in range(len(channels))
        )
        if num_landmarks:
            self.on_landmarks = nn.ModuleList(
                _spectral(nn.Conv2d(num_landmarks, width, 3, padding=1)) for _ in channels
            )
        if condition_channels:
            self.on_condition = nn.ModuleList(
                _spectral(nn.Linear(condition_channels, width)) for _ in channels
            )

    def forward(
        self,
        features: Sequence[Float[Tensor, "b _ _ _"]],
        landmarks: Float[Tensor, "b k 2"] | None = None,
        size: tuple[int, int] | None = None,
        condition: Float[Tensor, "b c"] | None = None,
    ) -> list[list[Tensor]]:
        self._check(features, landmarks, size, condition)
        return self.of_mixed(self.mixing(features), landmarks, size, condition)

    def of_mixed(
        self,
        mixed: Sequence[Float[Tensor, "b _ _ _"]],
        landmarks: Float[Tensor, "b k 2"] | None = None,
        size: tuple[int, int] | None = None,
        condition: Float[Tensor, "b c"] | None = None,
    ) -> list[list[Tensor]]:
        """Like `forward`, for features that are already mixed, such as for a penalty on their
        gradients."""
        scales = []
        for i, (x, head) in enumerate(zip(mixed, self.heads, strict=True)):
            if landmarks is not None and size is not None:
                maps = _maps(landmarks, size, (x.shape[2], x.shape[3]))
                x = x + _GAIN * self.on_landmarks[i](maps.to(x.dtype))
            vector = None if condition is None else self.on_condition[i](condition)
            scales.append(head(x, vector))
        return scales

    def _check(
        self,
        features: Sequence[Tensor],
        landmarks: Tensor | None,
        size: tuple[int, int] | None,
        condition: Tensor | None,
    ) -> None:
        got = tuple(maps.shape[1] for maps in features)
        if got != self.channels:
            raise ValueError(f"expected features of {self.channels} channels, got {got}")
        if (landmarks is None) != (not self.num_landmarks) or (landmarks is None) != (size is None):
            raise ValueError(
                f"expected {self.num_landmarks or 'no'} landmarks and the size of their image, got "
                f"{None if landmarks is None else tuple(landmarks.shape)} and {size}"
            )
        if landmarks is not None:
            check_landmarks(landmarks, count=self.num_landmarks)
        batch, channels = features[0].shape[0], self.condition_channels
        expected = (batch, channels) if channels else None
        if (None if condition is None else tuple(condition.shape)) != expected:
            shape = None if condition is None else tuple(condition.shape)
            raise ValueError(f"expected a condition of shape {expected}, got {shape}")


class _Head(nn.Module):
    """Convolutions with LeakyReLU 0.2, then a logit for each position."""

    def __init__(self, width: int, *, halvings: int) -> None:
        super().__init__()
        kinds = [(4, 2)] * halvings or [(3, 1)]
        self.layers = nn.ModuleList(
            _spectral(nn.Conv2d(width, width, kernel, stride, padding=1))
            for kernel, stride in kinds
        )
        self.to_logits = _spectral(nn.Conv2d(width, 1, 1))

    def forward(
        self, x: Float[Tensor, "b w h1 w1"], vector: Float[Tensor, "b w"] | None
    ) -> list[Tensor]:
        maps = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            maps.append(x)
        logits = self.to_logits(x)
        if vector is not None:
            logits = (
                logits + (x * vector[:, :, None, None]).sum(1, keepdim=True) / x.shape[1] ** 0.5
            )
        return [*maps, logits]


def _halvings(scale: int, scales: int) -> int:
    """How often the head of a scale halves its map; never for the last two scales."""
    return max(0, scales - 2 - scale)


def _maps(
    landmarks: Float[Tensor, "b k 2"], size: tuple[int, int], cells: tuple[int, int]
) -> Float[Tensor, "b k h w"]:
    """Landmarks of an image as maps at a lower resolution."""
    maps = gaussian_maps(resized_points(landmarks, size, cells), cells, sigma=_SIGMA)
    return maps * (maps > _LEAST)  # CPUs are slow with subnormal numbers


def _frozen_conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
    return conv.requires_grad_(False)


def _spectral(layer: nn.Conv2d | nn.Linear) -> nn.Module:
    register_parametrization(layer, "weight", SpectralNorm(layer.weight))
    return layer
