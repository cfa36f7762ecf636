"""Light and background of a drawn image."""

from dataclasses import dataclass
from typing import Literal, get_args

from graphgan.data._colors import Color

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
            raise ValueError(f"expected a direction toward the light, got {self.light}")
