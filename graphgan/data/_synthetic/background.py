"""Light and background of a drawn image."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from graphgan.data._synthetic.canvas import Canvas, enlarged, soft_step
from graphgan.data._synthetic.colors import Color

BackgroundStyle = Literal["gradient", "two_tone", "blobs", "noise"]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The part of an image that is neither a person nor a pose.

    Raises:
        ValueError: an unknown ``background``, a ``light`` from nowhere.
    """

    light: tuple[float, float, float] = (-0.4, -0.5, 0.8)  # toward it: right, down, to the viewer
    light_strength: float = 0.6
    ambient: Color = (0.5, 0.5, 0.5)
    background: BackgroundStyle = "gradient"
    background_colors: tuple[Color, Color] = ((0.55, 0.62, 0.70), (0.30, 0.36, 0.42))
    background_seed: int = 0

    def __post_init__(self) -> None:
        if self.background not in get_args(BackgroundStyle):
            raise ValueError(
                f"expected a background of {get_args(BackgroundStyle)}, got {self.background!r}"
            )
        if not any(self.light):
            raise ValueError(f"expected a direction of the light, got {self.light}")


def paint_background(view: Surroundings, canvas: Canvas) -> None:
    """Mix the view's two colors, in the pattern that its seed draws."""
    first, second = (np.asarray(c, np.float32)[:, None, None] for c in view.background_colors)
    canvas.paint(np.ones((canvas.height, canvas.width), np.float32), first)
    canvas.paint(_mix(view, canvas), second)


def _mix(view: Surroundings, canvas: Canvas) -> Float[np.ndarray, "h w"]:
    """How far every pixel is from the first color (0) to the second (1)."""
    rng = np.random.default_rng(view.background_seed)
    sides = np.array((canvas.width, canvas.height))
    if view.background == "blobs":
        centers, radii = rng.uniform(-0.5, 0.5, (5, 2)), rng.uniform(0.1, 0.3, 5)
        glows = [
            canvas.glow((center + 0.5) * sides, (radius * canvas.height,) * 2)
            for center, radius in zip(centers, radii, strict=True)
        ]
        together: Float[np.ndarray, "h w"] = np.minimum(np.sum(glows, axis=0), 1)
        return together
    if view.background == "noise":
        coarse, fine = rng.random((1, 6, 6), np.float32), rng.random((1, 14, 14), np.float32)
        mixed: Float[np.ndarray, "h w"] = 0.65 * enlarged(coarse, canvas.size, smooth=True)[0]
        mixed += 0.35 * enlarged(fine, canvas.size, smooth=True)[0]
        return mixed
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array((np.cos(angle), np.sin(angle)), np.float32) / np.float32(canvas.height)
    along: Float[np.ndarray, "h w"]
    along = direction[0] * canvas.columns + direction[1] * canvas.rows
    along -= direction @ (sides - 1).astype(np.float32) / 2
    if view.background == "two_tone":
        return soft_step(along + np.float32(rng.uniform(-0.3, 0.3)), 0.01)
    along += np.float32(0.5)
    return along.clip(0, 1)
