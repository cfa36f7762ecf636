"""From a figure and its posture to joints in space, and from there to the image."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from graphgan.data._synthetic.person_parameters import Figure, Scene

# OpenPose's 18, and behind them what drawing needs more.
NOSE, NECK = 0, 1
ARMS = ((2, 3, 4), (5, 6, 7))  # shoulder, elbow, wrist; right, left
LEGS = ((8, 9, 10), (11, 12, 13))  # hip, knee, ankle
EYES, EARS = (14, 15), (16, 17)
HEAD, PELVIS, HANDS, TOES = 18, 19, (20, 21), (22, 23)

Vector = Float[np.ndarray, "3"]


@dataclass(frozen=True)
class PosedFigure:
    """A figure in its posture, in pixels.

    Args:
        points: ``24 2`` in the image (x, y).
        depth: ``24`` toward the viewer, in pixels.
        zoom: pixels of the body's height.
        turn: ``3 3`` from the body's axes to the camera's; ``head_turn`` likewise for the head.
    """

    points: Float[np.ndarray, "24 2"]
    depth: Float[np.ndarray, "24"]
    zoom: float
    turn: Float[np.ndarray, "3 3"]
    head_turn: Float[np.ndarray, "3 3"]


def pose_figure(who: Figure, scene: Scene, size: tuple[int, int]) -> PosedFigure:
    """Bend the joints, turn the body, and look at it from far away.

    The body's axes: x to the right of the image where it faces the viewer, y down, z forward.
    """
    body = np.zeros((24, 3))
    body[PELVIS] = 0, 0, 0
    body[NECK] = 0, -who.torso, 0
    for side, (sign, arm, leg) in enumerate(zip((-1, 1), ARMS, LEGS, strict=True)):
        body[arm[0]] = body[NECK] + (sign * who.shoulders, 0.015, 0)
        angles = scene.arm_swing[side], scene.arm_spread[side], scene.arm_bend[side]
        limb = _limb(sign, *angles, forward=True)
        body[arm[1]] = body[arm[0]] + who.arm * limb[0]
        body[arm[2]] = body[arm[1]] + 0.88 * who.arm * limb[1]
        body[HANDS[side]] = body[arm[2]] + 0.045 * limb[1]
        body[leg[0]] = sign * who.hips, 0, 0
        angles = scene.leg_swing[side], scene.leg_spread[side], scene.leg_bend[side]
        limb = _limb(sign, *angles, forward=False)
        body[leg[1]] = body[leg[0]] + who.leg * limb[0]
        body[leg[2]] = body[leg[1]] + 0.93 * who.leg * limb[1]
        body[TOES[side]] = body[leg[2]] + (sign * 0.012, 0.028, 0.06)
    turn, head_turn = _yaw(scene.yaw), _yaw(scene.yaw + scene.head_yaw)
    space = body @ turn.T
    space[HEAD] = space[NECK] + (0, -0.045 - who.head, 0)
    features = {NOSE: (0, 0.1, 0.85), EYES[0]: (-0.33, -0.1, 0.75), EYES[1]: (0.33, -0.1, 0.75)}
    features |= {EARS[0]: (-0.78, 0.0, 0.0), EARS[1]: (0.78, 0.0, 0.0)}
    for joint, place in features.items():
        space[joint] = space[HEAD] + head_turn @ (who.head * np.array(place))
    height, width = size
    zoom = scene.scale * height
    flat = space[:, :2] @ _roll(scene.lean).T
    lowest, highest = flat[:, 1].max() + 0.01, flat[HEAD, 1] - 1.15 * who.head
    middle = np.array((flat[PELVIS, 0], (lowest + highest) / 2))
    center = (np.array((0.5, 0.5)) + scene.offset) * (width, height) - 0.5
    points = (flat - middle) * zoom + center
    return PosedFigure(points, space[:, 2] * zoom, zoom, turn, head_turn)


def _limb(sign: int, swing: float, spread: float, bend: float, *, forward: bool) -> list[Vector]:
    """Directions of its two halves; elbows bend forward, knees backward."""
    second = swing + bend if forward else swing - bend
    inward = 0.6 if forward else 1.0  # forearms come back to the body
    return [_direction(sign, swing, spread), _direction(sign, second, inward * spread)]


def _direction(sign: int, swing: float, spread: float) -> Vector:
    swing, spread = np.radians((swing, spread))
    return np.array(
        (sign * np.sin(spread), np.cos(spread) * np.cos(swing), np.cos(spread) * np.sin(swing))
    )


def _yaw(degrees: float) -> Float[np.ndarray, "3 3"]:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(((cosine, 0, sine), (0, 1, 0), (-sine, 0, cosine)))


def _roll(degrees: float) -> Float[np.ndarray, "2 2"]:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(((cosine, -sine), (sine, cosine)))
