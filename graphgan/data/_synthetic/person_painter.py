"""Paint a posed figure in its scene, the farthest part first, and see which joints it hides."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from graphgan.data._synthetic.background import paint_background
from graphgan.data._synthetic.canvas import Canvas, ellipse, smooth_curve
from graphgan.data._synthetic.colors import Color
from graphgan.data._synthetic.person_geometry import (
    ARMS,
    EARS,
    EYES,
    HANDS,
    HEAD,
    LEGS,
    NECK,
    NOSE,
    PELVIS,
    TOES,
    PosedFigure,
)
from graphgan.data._synthetic.person_parameters import Figure, Scene

Point = Float[np.ndarray, "2"]
Mask = Float[np.ndarray, "h w"]

# Of the head's radius: how far behind its middle a feature still shows.
_EYE_LIMIT, _NOSE_LIMIT, _EAR_LIMIT = 0.0, -0.3, -0.45
_LIPS = (0.6, 0.3, 0.3)
_DARK = (0.08, 0.06, 0.06)


@dataclass(frozen=True)
class _Part:
    """Something to paint.

    Args:
        depth: toward the viewer; the nearest is painted last.
        joints: those that it carries, so that it does not hide them.
        paint: paints it and returns where it is.
    """

    depth: float
    joints: tuple[int, ...]
    paint: Callable[[], Mask]


class PersonPainter:
    """One image in the making. Lengths are shares of the body's height."""

    def __init__(
        self, who: Figure, scene: Scene, posed: PosedFigure, size: tuple[int, int]
    ) -> None:
        self.who, self.scene, self.posed = who, scene, posed
        self.canvas = Canvas(*size)
        self.zoom = posed.zoom
        self.visible = np.zeros(18, bool)
        self.light = np.asarray(scene.light) / np.linalg.norm(scene.light)
        self.front = float(posed.turn[2, 2])  # 1 faces the viewer, -1 shows the back

    def paint(self) -> tuple[Float[np.ndarray, "3 h w"], Bool[np.ndarray, "18"]]:
        """The image, and which joints can be seen in it."""
        paint_background(self.scene, self.canvas)
        parts = sorted(self._parts(), key=lambda part: part.depth)
        owners = np.full(self.canvas.size, -1)
        for number, part in enumerate(parts):
            owners[part.paint() > 0.5] = number
        for joint in range(18):
            column, row = np.rint(self.posed.points[joint]).astype(int)
            inside = 0 <= row < self.canvas.height and 0 <= column < self.canvas.width
            owner = owners[row, column] if inside else -1
            self.visible[joint] = owner >= 0 and joint in parts[owner].joints
        for joints, limit in (((NOSE,), _NOSE_LIMIT), (EYES, _EYE_LIMIT), (EARS, _EAR_LIMIT)):
            self.visible[list(joints)] &= self._shows(joints, limit)
        return np.clip(self.canvas.pixels, 0, 1), self.visible

    def _shows(self, joints: tuple[int, ...], limit: float) -> Bool[np.ndarray, " n"]:
        nearer = self.posed.depth[list(joints)] - self.posed.depth[HEAD]
        shows: Bool[np.ndarray, " n"] = nearer > limit * self.who.head * self.zoom
        return shows

    def _parts(self) -> list[_Part]:
        depth, face = self.posed.depth, (NOSE, *EYES, *EARS)
        parts = [
            _Part(float(depth[PELVIS]), (NECK, *(limb[0] for limb in ARMS + LEGS)), self._torso),
            _Part(float(depth[HEAD]), (*face, NECK), self._head),
        ]
        behind = -self.posed.head_turn[2, 2] * self.who.head * self.zoom
        if self.who.hair_length > 0:
            parts.append(_Part(float(depth[HEAD] + behind), (*EARS, NECK), self._long_hair))
        for side in (0, 1):
            arm, leg = ARMS[side], LEGS[side]
            for i, paint in ((0, self._upper_arm), (1, self._forearm)):
                joints = (arm[i], arm[i + 1])
                parts.append(_Part(self._middle(*joints), joints, partial(paint, side)))
            for i, paint in ((0, self._thigh), (1, self._shin)):
                joints = (leg[i], leg[i + 1])
                parts.append(_Part(self._middle(*joints) - 1, joints, partial(paint, side)))
        if self.who.legwear == "skirt":
            nearest = max(self._middle(leg[0], leg[1]) for leg in LEGS)
            under = tuple(joint for leg in LEGS for joint in leg[:2])
            parts.append(_Part(max(nearest, float(depth[PELVIS])) + 0.1, under, self._skirt))
        return parts

    def _middle(self, first: int, second: int) -> float:
        return float(self.posed.depth[[first, second]].mean())

    # --- limbs ------------------------------------------------------------------------------------

    def _upper_arm(self, side: int) -> Mask:
        shoulder, elbow, _ = (self.posed.points[joint] for joint in ARMS[side])
        mask = self._limb(shoulder, elbow, 0.026, 0.021, self.who.skin)
        return self._sleeve(mask, shoulder, elbow, (0.031, 0.027), min(2 * self.who.sleeves, 1.0))

    def _forearm(self, side: int) -> Mask:
        _, elbow, wrist = (self.posed.points[joint] for joint in ARMS[side])
        hand = self._limb(wrist, self.posed.points[HANDS[side]], 0.014, 0.013, self.who.skin)
        mask = self._limb(elbow, wrist, 0.021, 0.014, self.who.skin)
        covered = 2 * self.who.sleeves - 1
        return _together(hand, self._sleeve(mask, elbow, wrist, (0.026, 0.021), covered))

    def _sleeve(
        self, arm: Mask, start: Point, end: Point, radii: tuple[float, float], share: float
    ) -> Mask:
        if share <= 0.05:
            return arm
        sleeve = self._limb(start, start + share * (end - start), *radii, None)
        return _together(arm, sleeve)

    def _thigh(self, side: int) -> Mask:
        hip, knee, _ = (self.posed.points[joint] for joint in LEGS[side])
        bare = self.who.legwear == "skirt"
        return self._limb(hip, knee, 0.046, 0.032, self.who.skin if bare else self.who.bottom)

    def _shin(self, side: int) -> Mask:
        _, knee, ankle = (self.posed.points[joint] for joint in LEGS[side])
        foot = self._limb(ankle, self.posed.points[TOES[side]], 0.020, 0.016, self.who.shoes)
        if self.who.legwear == "trousers":
            return _together(foot, self._limb(knee, ankle, 0.034, 0.025, self.who.bottom))
        mask = self._limb(knee, ankle, 0.031, 0.019, self.who.skin)
        if self.who.legwear == "shorts":
            hem = knee + 0.15 * (ankle - knee)
            mask = _together(mask, self._limb(knee, hem, 0.038, 0.038, self.who.bottom))
        return _together(foot, mask)

    def _limb(
        self, start: Point, end: Point, first: float, last: float, color: Color | None
    ) -> Mask:
        """A rounded, tapered cylinder; None is the stuff of the top."""
        first, last = (radius * self.zoom * self.who.thickness for radius in (first, last))
        along = end - start
        length = max(float(np.linalg.norm(along)), 1e-3)
        across = np.array((-along[1], along[0])) / length
        quad = np.stack(
            (
                start + first * across,
                end + last * across,
                end - last * across,
                start - first * across,
            )
        )
        mask = self.canvas.coverage(quad)
        for center, radius in ((start, first), (end, last)):
            disc = ellipse(center, np.array((radius, 0.0)), np.array((0.0, radius)))
            mask = _together(mask, self.canvas.coverage(disc))
        place = self._place(start, across, max(first, last))
        if color is None:
            down = self._place(start, along / length, self.zoom)
            self._paint_cloth(mask, place, down, across, has_print=False)
        else:
            self._paint_round(mask, place, across, np.asarray(color)[:, None, None])
        return mask

    # --- trunk ------------------------------------------------------------------------------------

    def _torso(self) -> Mask:
        neck, pelvis = self.posed.points[NECK], self.posed.points[PELVIS]
        who, wide = self.who, self._width
        down = (pelvis - neck) / max(float(np.linalg.norm(pelvis - neck)), 1e-3)
        across = np.array((-down[1], down[0]))
        full = who.thickness
        profile = (  # place below the neck as a share of the torso, half width
            (-0.10, 0.030),
            (-0.02, 0.040),
            (0.05, wide(who.shoulders + 0.012, 0.045)),
            (0.30, wide(0.092 * full, 0.062 * full)),
            (0.65, wide(0.078 * full * who.belly, 0.062 * full * who.belly)),
            (0.95, wide(who.hips + 0.036, 0.065 * full)),
            (1.12, wide(who.hips + 0.030, 0.062 * full)),
        )
        length = who.torso * self.zoom
        sides = [(neck + share * length * down, half * self.zoom) for share, half in profile]
        outline = np.stack(
            [center + half * across for center, half in sides]
            + [center - half * across for center, half in sides[::-1]]
        )
        mask = self.canvas.coverage(smooth_curve(outline, closed=True))
        place = self._place(neck, across, 0.1 * self.zoom * full)
        below = self._place(neck, down, self.zoom)
        hips = mask * (below > 0.93 * who.torso)
        self._paint_cloth(mask, place, below, across, has_print=self.front > 0.3)
        self._paint_round(hips, place, across, np.asarray(who.bottom)[:, None, None])
        return mask

    def _skirt(self) -> Mask:
        pelvis = self.posed.points[PELVIS]
        knees = [self.posed.points[leg[1]] for leg in LEGS]
        hem = (knees[0] + knees[1]) / 2
        waist = self._width(self.who.hips + 0.03, 0.06) * self.zoom
        flare = max(abs(float(knees[0][0] - knees[1][0])) / 2 + 0.04 * self.zoom, 1.25 * waist)
        corners = np.array(((-waist, 0.0), (waist, 0.0))) + pelvis - (0, 0.02 * self.zoom)
        feet = np.array(((flare, 0.0), (-flare, 0.0))) + hem
        mask = self.canvas.coverage(np.concatenate((corners, feet)))
        place = self._place(pelvis, np.array((1.0, 0.0)), flare)
        color = np.asarray(self.who.bottom)[:, None, None]
        self._paint_round(mask, place, np.array((1.0, 0.0)), color)
        return mask

    def _width(self, wide: float, deep: float) -> float:
        """Half of what is seen of an oval body that is turned."""
        sine = float(np.sqrt(max(1 - self.front**2, 0)))
        return float(np.hypot(wide * self.front, deep * sine))

    # --- head -------------------------------------------------------------------------------------

    def _head(self) -> Mask:
        points, radius = self.posed.points, self.who.head * self.zoom
        neck = self._limb(points[NECK], points[HEAD], 0.024, 0.024, self.who.skin)
        skull = self._skull(1.0)
        across = np.array((1.0, 0.0))
        place = self._place(points[HEAD], across, 0.8 * radius)
        self._paint_round(skull, place, across, np.asarray(self.who.skin)[:, None, None])
        hair = self._hair()
        self._paint_round(hair, place, across, np.asarray(self.who.hair)[:, None, None])
        return _together(neck, skull, hair, self._face(radius))

    def _skull(self, size: float) -> Mask:
        radius = size * self.who.head * self.zoom
        across, down = np.array((0.78 * radius, 0.0)), np.array((0.0, radius))
        return self.canvas.coverage(ellipse(self.posed.points[HEAD], across, down))

    def _hair(self) -> Mask:
        """All of the skull from behind, what is above the brow and behind the ears in front."""
        radius, center = self.who.head * self.zoom, self.posed.points[HEAD]
        forward = self.posed.head_turn @ np.array((0.0, 0.0, 1.0))
        x = (self.canvas.columns - np.float32(center[0])) / np.float32(0.78 * radius)
        y = (self.canvas.rows - np.float32(center[1])) / np.float32(radius)
        z = np.sqrt(np.maximum(1 - np.minimum(x**2 + y**2, 1), 0))
        ahead = x * np.float32(forward[0]) + z * np.float32(forward[2])  # 1 at the nose
        line = np.where(ahead > 0.35, -0.42, np.where(ahead > 0.0, 0.05, 0.62))
        hair: Mask = self._skull(1.06) * np.clip((line - y) * radius + 0.5, 0, 1)
        return hair

    def _long_hair(self) -> Mask:
        radius, center = self.who.head * self.zoom, self.posed.points[HEAD]
        back = -0.35 * radius * self.posed.head_turn[0, 2]
        end = 0.9 + self.who.hair_length
        outline = np.array(
            ((-0.85, -0.5), (0.0, -1.1), (0.85, -0.5), (0.95, end), (0.0, end + 0.15), (-0.95, end))
        )
        curve = smooth_curve(outline * radius + center + (back, 0), closed=True)
        mask = self.canvas.coverage(curve)
        place = self._place(center, np.array((1.0, 0.0)), radius)
        color = np.asarray(self.who.hair)[:, None, None] * 0.9
        self._paint_round(mask, place, np.array((1.0, 0.0)), color)
        return mask

    def _face(self, radius: float) -> Mask:
        """Eyes, mouth and nose; returns the nose, which stands out in profile."""
        dot = np.array((0.13 * radius, 0.0)), np.array((0.0, 0.09 * radius))
        for eye, shows in zip(EYES, self._shows(EYES, _EYE_LIMIT), strict=True):
            if shows:
                self.canvas.paint(
                    self.canvas.coverage(ellipse(self.posed.points[eye], *dot)), _DARK
                )
        tip = np.zeros(self.canvas.size, np.float32)
        if self._shows((NOSE,), _NOSE_LIMIT)[0]:
            nose = self.posed.points[NOSE]
            shade = 0.75 * np.asarray(self.who.skin)
            wing = np.array((0.1 * radius, 0.0)), np.array((0.0, 0.14 * radius))
            tip = self.canvas.coverage(ellipse(nose, *wing))
            self.canvas.paint(tip, shade, 0.8)
            lips = np.array((0.22 * radius, 0.0)), np.array((0.0, 0.07 * radius))
            mouth = ellipse(nose + np.array((0.0, 0.36 * radius)), *lips)
            self.canvas.paint(self.canvas.coverage(mouth), _LIPS)
        return tip

    # --- paint ------------------------------------------------------------------------------------

    def _place(self, origin: Point, direction: Point, unit: float) -> Mask:
        """How far every pixel lies from a point in a direction, in units."""
        x, y = (np.float32(part / unit) for part in direction)
        start = np.float32(origin @ direction / unit)
        along: Mask = x * self.canvas.columns + y * self.canvas.rows - start
        return along

    def _paint_cloth(
        self, mask: Mask, place: Mask, below: Mask, across: Point, *, has_print: bool
    ) -> None:
        """The top, in its pattern: place from -1 to 1 across, below as shares of the body."""
        who = self.who
        share = np.zeros_like(place)
        if who.top_pattern == "stripes":
            share = (np.sin(below * (2 * np.pi / 0.055)) > 0).astype(np.float32)
        elif who.top_pattern == "checks":
            waves = np.sin(below * (2 * np.pi / 0.09)) * np.sin(place * 5)
            share = (waves > 0).astype(np.float32)
        elif who.top_pattern == "print" and has_print:
            share = ((np.abs(place) < 0.42) & (below > 0.06) & (below < 0.17)).astype(np.float32)
        first, second = (np.asarray(c)[:, None, None] for c in (who.top, who.top_accent))
        self._paint_round(mask, place, across, first + share * (second - first))

    def _paint_round(
        self, mask: Mask, place: Mask, across: Point, color: Float[np.ndarray, "3 ..."]
    ) -> None:
        """A color on a cylinder: ``place`` is -1 and 1 at its edges."""
        place = np.clip(place, -0.97, 0.97)
        facing = np.float32(across @ self.light[:2]) * place
        facing += np.float32(self.light[2]) * np.sqrt(1 - place**2)
        lamp = np.float32(self.scene.light_strength) * np.maximum(0.15 + 0.85 * facing, 0)
        ambient = np.asarray(self.scene.ambient, np.float32)[:, None, None]
        self.canvas.paint(mask, np.asarray(color, np.float32) * (ambient + lamp))


def _together(*masks: Mask) -> Mask:
    """What any of them covers."""
    union: Mask = np.maximum.reduce(masks)
    return union
