"""Landmark stem: the first convolution over landmark maps.

Source: [A], [B]: a 7x7 convolution with reflection padding over one map per landmark. The interface
is coordinates; the maps are internal.
"""

from typing import get_args

from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_batch, check_choice, check_positive
from graphgan.landmarks._maps import Rendering
from graphgan.layers._landmark_convolution import landmark_convolution


class LandmarkStem(nn.Module):
    """``Conv2d(reflect(w_k * map(landmark_k)))``, from coordinates or from rendered maps.

    Args:
        num_landmarks: k.
        channels: output channels.
        kernel_size: odd; reflection padding preserves the image size.
        rendering: ``one_hot`` as in [A], ``bilinear`` for sub-pixel positions with gradients, or
            ``gaussian`` as in [B].
        sigma: standard deviation of Gaussian maps, in pixels.
        bias: whether the convolution has a bias; the published encoders have none.
    Shapes:
        ``landmarks: b k 2`` in pixels or maps ``b k h w``, ``size: (h, w)``, ``weights: b k``
        (one factor a landmark, as `LandmarkAttention` gives) -> ``b channels h w``
    Raises:
        ValueError: wrong number of landmarks or weights, maps of the wrong size, an empty batch, an
            even kernel, Gaussian maps with sigma 0 or less, an image smaller than the padding.

    Example:
        >>> stem = LandmarkStem(68, 64)
        >>> stem(63 * torch.rand(2, 68, 2), (64, 64)).shape
        torch.Size([2, 64, 64, 64])
    """

    def __init__(
        self,
        num_landmarks: int,
        channels: int,
        *,
        kernel_size: int = 7,
        rendering: Rendering = "one_hot",
        sigma: float = 6.0,
        bias: bool = False,
    ) -> None:
        super().__init__()
        check_positive(num_landmarks=num_landmarks, channels=channels, kernel_size=kernel_size)
        check_choice("rendering", rendering, get_args(Rendering))
        if kernel_size % 2 == 0:
            raise ValueError(f"expected an odd kernel_size, got {kernel_size}")
        if not sigma > 0:
            raise ValueError(f"expected sigma above 0, got {sigma}")
        self.num_landmarks = num_landmarks
        self.rendering = rendering
        self.sigma = sigma
        self.conv = nn.Conv2d(
            num_landmarks,
            channels,
            kernel_size,
            padding=kernel_size // 2,
            padding_mode="reflect",
            bias=bias,
        )

    def forward(
        self,
        landmarks: Float[Tensor, "b k 2"] | Float[Tensor, "b k h w"],
        size: tuple[int, int],
        weights: Float[Tensor, "b k"] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        self._check(landmarks, size, weights)
        if landmarks.ndim == 3:
            return self._convolve_points(landmarks, size, weights)
        maps = landmarks.to(self.conv.weight.dtype)
        if weights is not None:
            maps = maps * weights[:, :, None, None]
        out: Tensor = self.conv(maps)
        return out

    def _convolve_points(
        self, landmarks: Tensor, size: tuple[int, int], weights: Tensor | None
    ) -> Float[Tensor, "b c h w"]:
        out = landmark_convolution(
            landmarks,
            self.conv.weight,
            size,
            rendering=self.rendering,
            sigma=self.sigma,
            padding=self.conv.kernel_size[0] // 2,
            reflect=True,
            weights=weights,
        )
        return out if self.conv.bias is None else out + self.conv.bias[:, None, None]

    def _check(self, landmarks: Tensor, size: tuple[int, int], weights: Tensor | None) -> None:
        k, padding = self.num_landmarks, self.conv.kernel_size[0] // 2
        points = landmarks.ndim == 3 and landmarks.shape[1:] == (k, 2)
        maps = landmarks.ndim == 4 and landmarks.shape[1:] == (k, *size)
        if not (points or maps):
            raise ValueError(
                f"expected landmarks of shape (b, {k}, 2) or maps (b, {k}, {size[0]}, {size[1]}), "
                f"got {tuple(landmarks.shape)}"
            )
        check_batch(landmarks, "landmarks")
        if min(size) <= padding:
            raise ValueError(f"expected a size above the padding of {padding} pixels, got {size}")
        if weights is not None and weights.shape != (expected := landmarks.shape[:2]):
            raise ValueError(
                f"expected weights of shape {tuple(expected)}, got {tuple(weights.shape)}"
            )

    def extra_repr(self) -> str:
        return f"rendering={self.rendering!r}"
