"""What a drawn face is made of: the person (`Identity`) and the rest of the image (`View`)."""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from graphgan.data._synthetic.background import BackgroundStyle, Surroundings
from graphgan.data._synthetic.colors import HAIRS, SKINS, Color, any_color, between, clipped, near

_EYES: tuple[Color, ...] = (
    (0.20, 0.12, 0.07),
    (0.36, 0.22, 0.11),
    (0.42, 0.38, 0.18),
    (0.25, 0.44, 0.30),
    (0.30, 0.46, 0.64),
    (0.45, 0.52, 0.56),
)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person who does not exist: every number that stays from one image to the next.

    Lengths are in half face widths of the average head, whose eyes lie at y = 0 and whose chin
    lies at y = 1.57; ratios are relative to the average.
    """

    face_width: float = 1.0
    face_length: float = 1.0
    jaw_squareness: float = 2.15  # exponent of the superellipse that is the jaw line
    jaw_taper: float = 0.0  # how much narrower the jaw is at the chin
    cheekbones: float = 0.06  # height of the relief
    eye_distance: float = 0.43  # from the middle of the face to the middle of the eye
    eye_width: float = 0.215  # half of it
    eye_height: float = 1.0
    eye_tilt: float = 0.0  # rise of the outer corner, in radians
    eye_depth: float = 0.12  # depth of the sockets
    brow_height: float = 0.23  # above the eyes
    brow_arch: float = 0.09
    brow_tilt: float = 0.0
    brow_thickness: float = 0.055
    nose_length: float = 0.70  # from the eyes down to its base
    nose_width: float = 0.21  # half of it, at the nostrils
    nose_height: float = 0.34  # out of the face
    mouth_height: float = 0.99  # below the eyes
    mouth_width: float = 0.35  # half of it
    upper_lip: float = 0.09
    lower_lip: float = 0.11
    chin: float = 0.28
    ear_size: float = 1.0
    skin: Color = SKINS[1]
    blush: float = 0.15
    freckles: float = 0.0
    lips: Color = (0.75, 0.42, 0.40)
    iris: Color = _EYES[0]
    hair: Color = HAIRS[1]
    brows: Color = HAIRS[1]
    hair_volume: float = 0.14  # thickness over the skull; 0 is a bald head
    hair_length: float = 0.1  # where it ends at the sides, as a y of the head
    hairline: float = -0.95  # where the forehead ends, as a y of the head
    hair_part: float = 0.0  # slope of the hairline: hair combed to one side
    hair_curl: float = 0.0
    beard: float = 0.0  # opacity
    moustache: float = 0.0  # opacity
    glasses: float = 0.0  # thickness of the frame; 0 is none
    glasses_color: Color = (0.08, 0.08, 0.10)
    texture_seed: int = 0  # strands of hair, freckles


@dataclass(frozen=True, kw_only=True)
class View(Surroundings):
    """All that is not the person: camera, pose, expression, clothes, light and background.

    Angles are in degrees. Positive yaw turns the face to the right of the image, positive pitch
    turns it down, positive roll turns the image clockwise.

    Raises:
        ValueError: an unknown ``background``, a ``light`` from nowhere.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0  # 1: the longer side of the landmarks' box is half of the image
    offset: tuple[float, float] = (0.0, 0.0)  # of the face, in image sides
    mouth_opening: float = 0.0  # 0 shut, 1 wide open
    smile: float = 0.0  # -1 to 1
    brow_raise: float = 0.0  # -1 to 1
    eye_opening: float = 1.0  # 0 shut, 1 open
    gaze: tuple[float, float] = (0.0, 0.0)  # right and down, -1 to 1
    clothes: Color = (0.25, 0.30, 0.45)


def _sample_hair(rng: np.random.Generator) -> dict[str, float]:
    """One of seven hair styles, each with its own ranges."""
    style = rng.choice(["bald", "buzz", "short", "fringe", "bob", "long", "curly"], p=_STYLE_ODDS)
    ranges = _STYLES[str(style)]
    return {name: float(rng.uniform(low, high)) for name, (low, high) in ranges.items()}


_STYLE_ODDS = (0.07, 0.10, 0.25, 0.15, 0.13, 0.18, 0.12)
_STYLES: dict[str, dict[str, tuple[float, float]]] = {
    "bald": {"hair_volume": (0.0, 0.0)},
    "buzz": {"hair_volume": (0.03, 0.05), "hairline": (-1.15, -0.95), "hair_length": (0.0, 0.2)},
    "short": {
        "hair_volume": (0.08, 0.24),
        "hairline": (-1.05, -0.75),
        "hair_length": (0.0, 0.3),
        "hair_part": (-0.25, 0.25),
    },
    "fringe": {
        "hair_volume": (0.10, 0.20),
        "hairline": (-0.62, -0.50),
        "hair_length": (0.1, 0.5),
        "hair_part": (-0.06, 0.06),
    },
    "bob": {
        "hair_volume": (0.14, 0.26),
        "hairline": (-1.0, -0.55),
        "hair_length": (0.9, 1.5),
        "hair_part": (-0.25, 0.25),
    },
    "long": {
        "hair_volume": (0.12, 0.24),
        "hairline": (-1.05, -0.75),
        "hair_length": (2.2, 3.0),
        "hair_part": (-0.25, 0.25),
    },
    "curly": {
        "hair_volume": (0.22, 0.45),
        "hairline": (-1.0, -0.75),
        "hair_length": (0.3, 1.0),
        "hair_curl": (0.5, 1.0),
    },
}


def sample_identity(rng: np.random.Generator) -> Identity:
    """Draw a person: proportions, colors, hair, beard and glasses."""
    skin = between(rng, SKINS, 0.03)
    hair = near(rng, HAIRS[int(rng.integers(len(HAIRS)))], 0.04)
    bearded = rng.random() < 0.22
    with_moustache = bearded or rng.random() < 0.06
    with_glasses = rng.random() < 0.15
    redness = rng.uniform(0.1, 0.55)
    lips = np.asarray(skin) * (0.82, 0.66, 0.68) * (1 - redness)
    lips = lips + redness * np.asarray((0.72, 0.22, 0.28))

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Identity(
        face_width=draw(0.90, 1.10),
        face_length=draw(0.92, 1.10),
        jaw_squareness=draw(1.9, 2.8),
        jaw_taper=draw(-0.02, 0.14),
        cheekbones=draw(0.0, 0.14),
        eye_distance=draw(0.38, 0.48),
        eye_width=draw(0.18, 0.245),
        eye_height=draw(0.75, 1.35),
        eye_tilt=draw(-0.12, 0.20),
        eye_depth=draw(0.06, 0.18),
        brow_height=draw(0.18, 0.28),
        brow_arch=draw(0.03, 0.16),
        brow_tilt=draw(-0.12, 0.12),
        brow_thickness=draw(0.03, 0.085),
        nose_length=draw(0.60, 0.78),
        nose_width=draw(0.16, 0.28),
        nose_height=draw(0.24, 0.44),
        mouth_height=draw(0.95, 1.05),
        mouth_width=draw(0.28, 0.42),
        upper_lip=draw(0.05, 0.13),
        lower_lip=draw(0.07, 0.16),
        chin=draw(0.18, 0.36),
        ear_size=draw(0.8, 1.25),
        skin=skin,
        blush=draw(0.0, 0.35),
        freckles=draw(0.2, 0.6) if rng.random() < 0.15 else 0.0,
        lips=clipped(lips),
        iris=between(rng, _EYES, 0.03),
        hair=hair,
        brows=clipped(np.asarray(hair) * draw(0.5, 0.9)),
        **_sample_hair(rng),
        beard=draw(0.4, 0.9) if bearded else 0.0,
        moustache=draw(0.5, 0.9) if with_moustache else 0.0,
        glasses=draw(0.025, 0.06) if with_glasses else 0.0,
        glasses_color=between(rng, ((0.05, 0.05, 0.06), (0.35, 0.18, 0.10)), 0.05),
        texture_seed=int(rng.integers(2**31)),
    )


def sample_view(rng: np.random.Generator) -> View:
    """Draw an image to be taken: pose, expression, clothes, light and background."""

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    mouth_opening = draw(0.1, 1.0) if rng.random() < 0.35 else 0.0
    light = (draw(-0.9, 0.9), draw(-0.9, 0.2), draw(0.5, 1.0))
    warmth = draw(-0.05, 0.05)
    ambient = draw(0.36, 0.55)
    return View(
        yaw=float(np.clip(rng.normal(0, 18), -40, 40)),
        pitch=float(np.clip(rng.normal(0, 9), -20, 20)),
        roll=float(np.clip(rng.normal(0, 6), -15, 15)),
        scale=draw(0.92, 1.08),
        offset=(draw(-0.04, 0.04), draw(-0.04, 0.04)),
        mouth_opening=mouth_opening,
        smile=draw(-0.5, 1.0),
        brow_raise=draw(-0.6, 1.0),
        eye_opening=draw(0.55, 1.0),
        gaze=(draw(-0.8, 0.8), draw(-0.5, 0.5)),
        light=light,
        light_strength=draw(0.35, 0.6),
        ambient=(ambient + warmth, ambient, ambient - warmth),
        background=get_args(BackgroundStyle)[int(rng.integers(4))],
        background_colors=(any_color(rng), any_color(rng)),
        background_seed=int(rng.integers(2**31)),
        clothes=any_color(rng),
    )
