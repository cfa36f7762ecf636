"""Random augmentation of the images that a discriminator sees, for small data sets.

Sources: [Z] Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS
2020, https://arxiv.org/abs/2006.10738: real and generated images are changed alike, and the
generator learns through the change; [K] Karras et al., "Training Generative Adversarial Networks
with Limited Data", NeurIPS 2020, section 3, https://arxiv.org/abs/2006.06676: how strongly.
Differs from [Z]: landmarks go along; images are turned and zoomed too, and moved before their
colors change; what comes in over an edge is a mirror image instead of 0; by default each channel
has a gain and an offset of its own, and nothing is cut out.
"""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_choice, check_positive

# At full strength: a turn in radians, a shift and a zoom as shares of the sides, and of colors.
_TURN, _SHIFT, _ZOOM, _COLOR = math.radians(20), 0.125, 0.2, 0.4
# The same of [Z]: of brightness, of the factors of saturation and contrast, and the hole's sides.
_BRIGHTNESS, _SATURATION, _CONTRAST, _CUTOUT = 0.5, 1.0, 0.5, 0.5

Colors = Literal["channels", "paper"]


class RandomChange(NamedTuple):
    """A random rotation, shift, zoom and color change for each item of a batch; see `draw_change`.

    Shapes:
        ``affine: b 2 3`` takes pixels (x, y, 1) to where they go; ``gain, offset: b 3 1 1``;
        ``saturation, contrast: b 1 1 1``, None where they do not change; ``hole: b 4``, its left,
        upper, right and lower edge in pixels, None for no hole
    """

    affine: Float[Tensor, "b 2 3"]
    gain: Float[Tensor, "b 3 1 1"]
    offset: Float[Tensor, "b 3 1 1"]
    saturation: Float[Tensor, "b 1 1 1"] | None = None
    contrast: Float[Tensor, "b 1 1 1"] | None = None
    hole: Float[Tensor, "b 4"] | None = None

    def of_images(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """The images, transformed and recolored, within [-1, 1], and 0 in the hole.

        ``y = gain * moved + offset``, then ``y = m + saturation (y - m)`` with m the mean of a
        pixel's channels, then ``y = m + contrast (y - m)`` with m the mean of the image. What comes
        in over an edge is its mirror image.
        """
        y = self.gain * self._moved(images) + self.offset
        if self.saturation is not None:
            gray = y.mean(1, keepdim=True)
            y = gray + self.saturation * (y - gray)
        if self.contrast is not None:
            mean = y.mean((1, 2, 3), keepdim=True)
            y = mean + self.contrast * (y - mean)
        y = y.clamp(-1, 1)
        return y if self.hole is None else y * _outside(self.hole, y)

    def of_masks(self, masks: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Masks or pixel weights in any range; only the geometry changes."""
        return self._moved(masks)

    def of_landmarks(self, landmarks: Float[Tensor, "b k 2"]) -> Float[Tensor, "b k 2"]:
        """Landmark positions in the changed images, including landmarks in the hole."""
        return landmarks @ self.affine[:, :, :2].mT + self.affine[:, None, :, 2]

    def _moved(self, images: Tensor) -> Tensor:
        from kornia.geometry.transform import warp_affine  # slow to import

        size = (images.shape[2], images.shape[3])
        moved: Tensor = warp_affine(images, self.affine, size, padding_mode="reflection")
        return moved


def draw_change(
    images: Float[Tensor, "b 3 h w"],
    *,
    strength: float,
    colors: Colors = "channels",
    cutout: bool = False,
) -> RandomChange:
    """Draw changes uniformly: up to 20 degrees, an eighth of the sides, a fifth of the size, and
    colors.

    Args:
        images: images whose number, size and device the change is drawn for.
        strength: from 0 (no change) to 1.
        colors: "channels": a gain and an offset of up to 0.4 for each channel; "paper": brightness
            by up to 0.5, saturation times 0 to 2, contrast times 0.5 to 1.5.
        cutout: set a rectangle with half the image's sides to 0, at a random position.
    Raises:
        ValueError: a strength outside 0 to 1, or unknown colors.

    Example:
        >>> images, landmarks = torch.rand(2, 3, 32, 32), 31 * torch.rand(2, 68, 2)
        >>> change = draw_change(images, strength=0.5)
        >>> change.of_images(images).shape, change.of_landmarks(landmarks).shape
        (torch.Size([2, 3, 32, 32]), torch.Size([2, 68, 2]))
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"expected a strength from 0 to 1, got {strength}")
    check_choice("colors", colors, get_args(Colors))
    from kornia.geometry.transform import get_affine_matrix2d  # slow to import

    count, _, height, width = images.shape
    device = images.device

    def drawn(*shape: int) -> Tensor:
        return strength * (2 * torch.rand(count, *shape, device=device) - 1)

    sides = torch.tensor([float(width), float(height)], device=device)
    matrix = get_affine_matrix2d(
        translations=_SHIFT * sides * drawn(2),
        center=((sides - 1) / 2).expand(count, 2),
        scale=(1 + _ZOOM * drawn(1)).expand(count, 2),
        angle=torch.rad2deg(_TURN * drawn()),
    )
    if colors == "channels":
        change = RandomChange(matrix[:, :2], 1 + _COLOR * drawn(3, 1, 1), _COLOR * drawn(3, 1, 1))
    else:
        brightness = (_BRIGHTNESS * drawn(1, 1, 1)).expand(-1, 3, -1, -1)
        factors = (1 + most * drawn(1, 1, 1) for most in (_SATURATION, _CONTRAST))
        change = RandomChange(matrix[:, :2], torch.ones_like(brightness), brightness, *factors)
    if not cutout:
        return change
    middle = torch.rand(count, 2, device=device) * sides
    reach = strength * _CUTOUT / 2 * sides
    return change._replace(hole=torch.cat([middle - reach, middle + reach], 1))


def _outside(hole: Float[Tensor, "b 4"], images: Float[Tensor, "b c h w"]) -> Tensor:
    """``b 1 h w``, 0 at pixels whose centers lie in the hole, else 1."""
    left, upper, right, lower = hole[:, :, None].unbind(1)
    x = torch.arange(images.shape[3], device=images.device)
    y = torch.arange(images.shape[2], device=images.device)
    columns, rows = (left <= x) & (x < right), (upper <= y) & (y < lower)
    return 1 - (rows[:, None, :, None] & columns[:, None, None, :]).to(images.dtype)


class AdaptiveStrength:
    """A strength that rises while the discriminator overfits to real images, and falls otherwise.

    ``r = mean of sign(D(real))`` over the last few updates ([K], r_t of section 3). Where r is
    above the target, the strength rises, where below, it falls, by a step that takes it from 0 to 1
    within ``ramp`` images; it stays within [0, 1].

    Args:
        strength: initial value.
        target: target for r, from -1 to 1.
        ramp: number of images over which the strength can rise from 0 to 1.
        every: number of updates that r is averaged over; the strength changes at the last of them.
    Raises:
        ValueError: a strength or target out of range, or ``ramp`` or ``every`` below 1.

    Example:
        >>> adaptive = AdaptiveStrength(ramp=64, every=1)
        >>> adaptive.update(torch.ones(8, 1, 4, 4))
        >>> adaptive.strength
        0.125
    """

    def __init__(
        self,
        strength: float = 0.0,
        *,
        target: float = 0.6,
        ramp: int = 500_000,
        every: int = 4,
    ) -> None:
        if not 0 <= strength <= 1:
            raise ValueError(f"expected a strength from 0 to 1, got {strength}")
        if not -1 <= target <= 1:
            raise ValueError(f"expected a target from -1 to 1, got {target}")
        check_positive(ramp=ramp, every=every)
        self.strength = float(strength)
        self.target, self.ramp, self.every = target, ramp, every
        self._forget()

    def _forget(self) -> None:
        self._signs: float | Tensor = 0.0  # on the device of the logits, to avoid waiting
        self._updates = self._images = 0

    @torch.no_grad()
    def update(self, real_logits: Float[Tensor, "b *rest"]) -> None:
        """Record the discriminator's logits for a batch of real images, as shown to it.

        If processes share a batch, pass the logits of all of them.

        Args:
            real_logits: one or several per image.
        Raises:
            ValueError: no logits.
        """
        if real_logits.numel() == 0:
            raise ValueError(f"expected logits of images, got shape {tuple(real_logits.shape)}")
        self._signs = self._signs + real_logits.sign().float().mean()
        self._updates += 1
        self._images += len(real_logits)
        if self._updates < self.every:
            return
        r = float(self._signs) / self._updates
        step = math.copysign(self._images / self.ramp, r - self.target) if r != self.target else 0.0
        self.strength = min(1.0, max(0.0, self.strength + step))
        self._forget()

    def state_dict(self) -> dict[str, float]:
        """State to save: the strength, and what was recorded since it last changed."""
        return {
            "strength": self.strength,
            "signs": float(self._signs),
            "updates": self._updates,
            "images": self._images,
        }

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            ValueError: something else.
        """
        if state.keys() != self.state_dict().keys():
            raise ValueError(f"expected {list(self.state_dict())}, got {list(state)}")
        self.strength, self._signs = state["strength"], state["signs"]
        self._updates, self._images = int(state["updates"]), int(state["images"])
