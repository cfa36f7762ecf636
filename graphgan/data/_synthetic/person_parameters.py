"""What a drawn person is made of: the person (`Figure`) and the rest of the image (`Scene`)."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from graphgan.data._synthetic.background import BackgroundStyle, Surroundings
from graphgan.data._synthetic.colors import HAIRS, SKINS, Color, any_color, between, near

Pattern = Literal["plain", "stripes", "checks", "print"]
Legwear = Literal["trousers", "shorts", "skirt"]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A person who does not exist: every number that stays from one image to the next.

    Lengths are shares of the body's height; thicknesses are relative to the average.
    """

    shoulders: float = 0.115  # half of their width
    hips: float = 0.072  # half of the distance of the joints
    torso: float = 0.30  # from neck to hips
    arm: float = 0.165  # upper arm; the forearm is 0.88 of it
    leg: float = 0.235  # thigh; the shin is 0.93 of it
    head: float = 0.065  # half of its height
    thickness: float = 1.0
    belly: float = 1.0
    skin: Color = SKINS[1]
    hair: Color = HAIRS[1]
    hair_length: float = 0.0  # below the chin, in heads; negative is short
    top: Color = (0.7, 0.2, 0.2)
    top_accent: Color = (0.9, 0.9, 0.85)
    top_pattern: Pattern = "plain"
    sleeves: float = 1.0  # share of the arm that they cover
    legwear: Legwear = "trousers"
    bottom: Color = (0.2, 0.25, 0.4)
    shoes: Color = (0.12, 0.12, 0.12)


@dataclass(frozen=True, kw_only=True)
class Scene(Surroundings):
    """All that is not the person: posture, camera, light and background.

    Angles are in degrees. ``yaw`` 0 faces the viewer, 90 looks to the right of the image, 180 shows
    the back. Right and left are the person's own. Limbs hang at 0; positive swings go forward,
    positive spreads sideways, bends are those of elbows and knees.

    Raises:
        ValueError: an unknown ``background``, a ``light`` from nowhere.
    """

    yaw: float = 0.0
    lean: float = 0.0  # of the body in the image
    head_yaw: float = 0.0  # beside the body's
    arm_swing: tuple[float, float] = (0.0, 0.0)  # right, left; so are the others
    arm_spread: tuple[float, float] = (8.0, 8.0)
    arm_bend: tuple[float, float] = (10.0, 10.0)
    leg_swing: tuple[float, float] = (0.0, 0.0)
    leg_spread: tuple[float, float] = (3.0, 3.0)
    leg_bend: tuple[float, float] = (3.0, 3.0)
    scale: float = 0.9  # height of the body as a share of the image's
    offset: tuple[float, float] = (0.0, 0.0)  # of the body, in image sides


def sample_figure(rng: np.random.Generator) -> Figure:
    """Draw a person: build, colors and clothes."""

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    patterns, legwear = get_args(Pattern), get_args(Legwear)
    return Figure(
        shoulders=draw(0.098, 0.128),
        hips=draw(0.060, 0.082),
        torso=draw(0.285, 0.315),
        arm=draw(0.150, 0.175),
        leg=draw(0.225, 0.245),
        head=draw(0.060, 0.070),
        thickness=draw(0.8, 1.3),
        belly=draw(0.85, 1.3),
        skin=between(rng, SKINS, 0.03),
        hair=near(rng, HAIRS[int(rng.integers(len(HAIRS)))], 0.04),
        hair_length=draw(0.3, 1.8) if rng.random() < 0.4 else draw(-0.9, -0.3),
        top=any_color(rng),
        top_accent=any_color(rng),
        top_pattern=patterns[int(rng.integers(len(patterns)))],
        sleeves=1.0 if rng.random() < 0.5 else draw(0.2, 0.6),
        legwear=legwear[int(rng.choice(3, p=(0.6, 0.2, 0.2)))],
        bottom=any_color(rng),
        shoes=any_color(rng),
    )


def sample_scene(rng: np.random.Generator) -> Scene:
    """Draw an image to be taken: who stands or walks how, in which light."""

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    def spread() -> float:
        return draw(60.0, 160.0) if rng.random() < 0.15 else draw(4.0, 30.0)

    facing = rng.choice(["front", "back", "side"], p=(0.5, 0.2, 0.3))
    side = 1 if rng.random() < 0.5 else -1
    yaw = {
        "front": draw(-40.0, 40.0),
        "back": 180 + draw(-40.0, 40.0),
        "side": side * draw(60.0, 120.0),
    }
    stride = draw(-35.0, 35.0) if rng.random() < 0.6 else draw(-5.0, 5.0)
    ambient, warmth = draw(0.42, 0.6), draw(-0.05, 0.05)
    styles = get_args(BackgroundStyle)
    return Scene(
        yaw=yaw[str(facing)],
        lean=draw(-5.0, 5.0),
        head_yaw=draw(-35.0, 35.0),
        arm_swing=(
            -stride * draw(0.4, 1.0) + draw(-8.0, 8.0),
            stride * draw(0.4, 1.0) + draw(-8.0, 8.0),
        ),
        arm_spread=(spread(), spread()),
        arm_bend=(draw(0.0, 90.0), draw(0.0, 90.0)),
        leg_swing=(stride, -stride),
        leg_spread=(draw(0.0, 8.0), draw(0.0, 8.0)),
        leg_bend=(max(-stride, 0) * draw(0.5, 1.5), max(stride, 0) * draw(0.5, 1.5)),
        scale=draw(0.84, 0.96),
        offset=(draw(-0.06, 0.06), draw(-0.02, 0.02)),
        light=(draw(-0.9, 0.9), draw(-0.9, 0.2), draw(0.5, 1.0)),
        light_strength=draw(0.3, 0.55),
        ambient=(ambient + warmth, ambient, ambient - warmth),
        background=styles[int(rng.integers(len(styles)))],
        background_colors=(any_color(rng), any_color(rng)),
        background_seed=int(rng.integers(2**31)),
    )
