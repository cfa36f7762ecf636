"""A picture brought into the light of what surrounds the hole that it is to fill.

Not in the papers. Colours are sampled along the outline of the hole, of the picture just inside of
it and of the surroundings just outside; a small network makes of them a gain, an offset and a
slope of light for each colour. Nothing of what was in the hole is looked at.
"""

from typing import Final

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features, check_positive

_INSIDE, _OUTSIDE = 0.85, 1.15  # of the way from the middle of the outline to it
_SAMPLE = 1 / 16  # side of the square that a colour is the mean of, of the picture's
_LEAST = 0.05  # of that square that has to be surroundings for its colour to count in full
_TERMS = 4  # gain, offset, slopes along x and y


class ToneMatching(nn.Module):
    """``out = (1 + g) x + o + s_x u + s_y v`` for each colour; u, v from -1 to 1 over the picture.

    ``(g, o, s_x, s_y) = MLP(colours of x inside the outline, colours outside of it)``. The last
    layer starts at zero: untrained, the picture stays as it is.

    Args:
        num_points: k of the outline.
        hidden: units of each of the two hidden layers.
    Shapes:
        ``x, surroundings: b 3 h w`` in [-1, 1], ``mask: b 1 h w``, 1 in the hole,
        ``outline: b k 2``, corners (x, y) of the hole in pixels -> ``b 3 h w`` in [-1, 1]
    Raises:
        ValueError: another number of points, unlike shapes.

    Example:
        >>> x, outline = torch.zeros(1, 3, 32, 32), 8 + 16 * torch.rand(1, 5, 2)
        >>> ToneMatching(5)(x, x, torch.zeros(1, 1, 32, 32), outline).shape
        torch.Size([1, 3, 32, 32])
    """

    num_points: Final[int]

    def __init__(self, num_points: int, *, hidden: int = 64) -> None:
        super().__init__()
        check_positive(num_points=num_points, hidden=hidden)
        self.num_points = num_points
        last = nn.Linear(hidden, 3 * _TERMS)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.mlp = nn.Sequential(
            nn.Linear(2 * 3 * num_points, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            last,
        )

    def forward(
        self,
        x: Float[Tensor, "b 3 h w"],
        surroundings: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b 1 h w"],
        outline: Float[Tensor, "b k 2"],
    ) -> Float[Tensor, "b 3 h w"]:
        return self.apply_terms(x, self.terms(x, surroundings, mask, outline))

    def terms(
        self,
        x: Float[Tensor, "b 3 h w"],
        surroundings: Float[Tensor, "b 3 h w"],
        mask: Float[Tensor, "b 1 h w"],
        outline: Float[Tensor, "b k 2"],
    ) -> Float[Tensor, "b 12"]:
        """g, o, s_x and s_y of the three colors; they fit the same image at any resolution."""
        check_features(x, 3, "x")
        for name, given, expected in (
            ("surroundings", surroundings, tuple(x.shape)),
            ("mask", mask, (x.shape[0], 1, *x.shape[2:])),
            ("outline", outline, (x.shape[0], self.num_points, 2)),
        ):
            if tuple(given.shape) != expected:
                raise ValueError(f"expected {name} of {expected}, got {tuple(given.shape)}")
        middle = outline.mean(1, keepdim=True)
        around = outline - middle
        inside = _colours(x, torch.ones_like(mask), middle + _INSIDE * around)
        outside = _colours(surroundings, 1 - mask, middle + _OUTSIDE * around)
        terms: Tensor = self.mlp(torch.cat([inside, outside], dim=1))
        return terms

    @staticmethod
    def apply_terms(
        x: Float[Tensor, "b 3 h w"], terms: Float[Tensor, "b 12"]
    ) -> Float[Tensor, "b 3 h w"]:
        """The image in the light that `terms` say."""
        gain, offset, slope_x, slope_y = rearrange(terms, "b (t c) -> t b c 1 1", c=3)
        height, width = x.shape[2:]
        u = torch.linspace(-1, 1, width, device=x.device, dtype=x.dtype)
        v = torch.linspace(-1, 1, height, device=x.device, dtype=x.dtype)[:, None]
        toned: Tensor = (1 + gain) * x + offset + slope_x * u + slope_y * v
        return toned.clamp(-1, 1)

    def extra_repr(self) -> str:
        return f"num_points={self.num_points}"


def _colours(
    picture: Float[Tensor, "b 3 h w"],
    valid: Float[Tensor, "b 1 h w"],
    points: Float[Tensor, "b k 2"],
) -> Float[Tensor, "b n"]:
    """The mean colour of the valid pixels around each point; 0, mid-grey, where there are none."""
    height, width = picture.shape[2:]
    side = 2 * max(1, round(_SAMPLE * min(height, width) / 2)) + 1

    def mean(values: Tensor) -> Tensor:  # of rows, then of columns
        rows = F.avg_pool2d(values, (1, side), stride=1, padding=(0, side // 2))
        return F.avg_pool2d(rows, (side, 1), stride=1, padding=(side // 2, 0))

    colours = mean(picture * valid) / mean(valid).clamp(min=_LEAST)
    size = torch.tensor([width, height], device=points.device, dtype=points.dtype)
    grid = ((2 * points + 1) / size - 1).nan_to_num(0).clamp(-1, 1)
    dtype = torch.promote_types(picture.dtype, torch.float32)  # 8 bits are no coordinates
    with torch.autocast(picture.device.type, enabled=False):
        colours, grid = colours.to(dtype), grid[:, None].to(dtype)
        sampled = F.grid_sample(colours, grid, padding_mode="border", align_corners=False)
    return sampled.to(picture.dtype).flatten(1)
