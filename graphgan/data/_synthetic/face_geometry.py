"""The head as a solid: a relief on an ellipsoid, its 68 landmarks, its pose and its crop.

The frame of the head: x to the right of the image, y down, z toward the viewer; the eyes of the
average head lie at y = 0 and its face is 2 wide. Every landmark is a point (x, y) of the face
lifted onto the relief, so that what is painted through the projected landmarks and what is shaded
from the relief agree.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from graphgan.data._synthetic.face_parameters import Identity, View

_CENTER = 0.1  # y of the ellipsoid's center
_RADII = (1.05, 1.75, 1.30)
_CHIN = 1.57
_EAR = -0.08  # where the jaw line begins


def _bump(
    x: Float[np.ndarray, "..."],
    y: Float[np.ndarray, "..."],
    center: tuple[float, float],
    radii: tuple[float, float],
) -> Float[np.ndarray, "..."]:
    bump: Float[np.ndarray, ...] = np.exp(
        -(((x - center[0]) / radii[0]) ** 2) - ((y - center[1]) / radii[1]) ** 2
    )
    return bump


@dataclass(frozen=True)
class Head:
    """The surface of a person's head, ``z = ellipsoid(x, y) + relief(x, y)``."""

    identity: Identity

    @property
    def radii(self) -> tuple[float, float, float]:
        return (
            _RADII[0] * self.identity.face_width,
            _RADII[1] * self.identity.face_length,
            _RADII[2],
        )

    def relief(
        self, x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, "..."]:
        """Height of nose, brows, cheeks, lips and chin over the ellipsoid."""
        who = self.identity
        side = np.abs(x)  # the head is symmetric: one bump serves both sides
        eye, nose = who.eye_distance, who.nose_length
        height: Float[np.ndarray, ...]
        height = -who.eye_depth * _bump(side, y, (eye, 0.02), (0.27, 0.17))
        height += 0.05 * _bump(side, y, (eye, 0.02), (0.16, 0.10))  # eyeballs
        height += 0.06 * _bump(side, y, (0.35, -who.brow_height), (0.4, 0.16))
        height += who.cheekbones * _bump(side, y, (0.60, 0.45), (0.28, 0.28))
        height += 0.10 * _bump(side, y, (0.0, who.mouth_height), (0.34, 0.20))
        chin = (0.0, _CHIN * who.face_length - 0.17)
        height += who.chin * _bump(side, y, chin, (0.34, 0.22))
        height += 0.09 * _bump(side, y, (0.75 * who.nose_width, nose - 0.08), (0.10, 0.10))
        height += self._nose(side, y)
        return height

    def _nose(
        self, side: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, "..."]:
        """A ridge that grows and widens from between the eyes down to the tip."""
        who = self.identity
        along = np.clip((y + 0.15) / who.nose_length, 0.0, 1.1)
        width = 0.09 + 0.55 * who.nose_width * along**2
        end = 1 / (1 + np.exp(np.clip((y - who.nose_length + 0.02) / 0.035, -30, 30)))
        return who.nose_height * along * end * np.exp(-((side / width) ** 2))

    def lift(self, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 3"]:
        """Points of the face (x, y) on its surface (x, y, z)."""
        x, y = points[..., 0], points[..., 1]
        a, b, c = self.radii
        inside = np.clip(1 - (x / a) ** 2 - ((y - _CENTER) / b) ** 2, 0, None)
        return np.stack((x, y, c * np.sqrt(inside) + self.relief(x, y)), -1)

    def cast(
        self, x: Float[np.ndarray, "h w"], y: Float[np.ndarray, "h w"], pose: "Pose"
    ) -> tuple[Float[np.ndarray, "h w 3"], Float[np.ndarray, "h w"]]:
        """Where rays of the camera meet the head, as points of the head, and how near they do.

        A ray meets the ellipsoid in closed form; the relief shifts the ellipsoid along z by what
        it is at the last meeting point, for a few rounds.
        """
        turn = pose.rotation.astype(x.dtype)
        origin = x[..., None] * turn[0] + y[..., None] * turn[1]
        radii = np.asarray(self.radii, x.dtype)
        direction = turn[2] / radii
        squared = direction @ direction
        start = (origin - np.asarray((0, _CENTER, 0), x.dtype)) / radii
        shift = np.zeros_like(x)
        near = shift
        for _ in range(4):
            across = start[..., 2] - shift / radii[2]
            half = start[..., 0] * direction[0] + start[..., 1] * direction[1]
            half += across * direction[2]
            rest = start[..., 0] ** 2 + start[..., 1] ** 2 + across**2 - 1
            near = (np.sqrt(np.maximum(half**2 - squared * rest, 0)) - half) / squared
            meeting_x = origin[..., 0] + near * turn[2, 0]
            meeting_y = origin[..., 1] + near * turn[2, 1]
            shift = 0.4 * shift + 0.6 * self.relief(meeting_x, meeting_y)
        return origin + near[..., None] * turn[2], near


@dataclass(frozen=True)
class Pose:
    """A rotation of the head, and the orthographic camera that looks at it."""

    rotation: Float[np.ndarray, "3 3"]
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, view: View) -> "Pose":
        yaw, pitch, roll = np.radians((view.yaw, view.pitch, view.roll))
        turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        nod = np.array(
            [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
        )
        tilt = np.array(
            [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
        )
        return cls(tilt @ nod @ turn)

    def project(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Points of the head in pixels."""
        pixels: Float[np.ndarray, "*n 2"] = points @ self.rotation[:2].T * self.zoom + self.shift
        return pixels

    def framed(self, landmarks: Float[np.ndarray, "k 2"], view: View, size: int) -> "Pose":
        """The camera that crops as faces are aligned: the square around the landmarks' box.

        Its side is twice the box's longer side and its center lies 10 % of the box's height above
        the box's; the view's scale and offset come on top.
        """
        low, high = landmarks.min(0), landmarks.max(0)
        center = (low + high) / 2 - (0, 0.1 * (high - low)[1])
        zoom = float(view.scale * size / (2 * (high - low).max()))
        middle = (size - 1) / 2 + size * np.asarray(view.offset)
        x, y = (float(v) for v in middle - zoom * center)
        return Pose(self.rotation, zoom, (x, y))


def _jaw(who: Identity, view: View) -> Float[np.ndarray, "17 2"]:
    """From ear to ear through the chin, evenly spaced on each side; it falls as the mouth opens."""
    angle = np.linspace(0, np.pi / 2, 200)
    power = 2 / who.jaw_squareness  # of a superellipse
    down = np.sin(angle) ** power
    x = np.cos(angle) ** power * (1 - who.jaw_taper * down**2) * who.face_width
    y = _EAR + down * (_CHIN * who.face_length - _EAR) + _jaw_drop(view) * down**4
    length = np.concatenate(((0.0,), np.cumsum(np.hypot(np.diff(x), np.diff(y)))))
    even = np.linspace(0, length[-1], 9)
    right = np.stack((np.interp(even, length, x), np.interp(even, length, y)), -1)
    return np.concatenate((right * (-1, 1), right[-2::-1]))


def _jaw_drop(view: View) -> float:
    return 0.26 * view.mouth_opening


def _mirrored(right: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """The same feature on the left of the image, in the order from left to right."""
    return (right * (-1, 1))[::-1]


def _brow(who: Identity, view: View) -> Float[np.ndarray, "5 2"]:
    """The right one, from its inner end outwards."""
    along = np.linspace(0, 1, 5)
    x = who.eye_distance + (along - 0.47) * 2.6 * who.eye_width
    arch = 4 * who.brow_arch * along * (1 - along) + who.brow_tilt * (along - 0.5)
    raised = view.brow_raise * (0.10 - 0.03 * along)
    return np.stack((x, -who.brow_height - arch - raised), -1)


def _nose(who: Identity) -> Float[np.ndarray, "9 2"]:
    """Four points down the bridge to the tip, five along the base."""
    bridge = np.stack((np.zeros(4), np.linspace(0.0, who.nose_length - 0.14, 4)), -1)
    across = np.linspace(-1, 1, 5)
    base = np.stack((who.nose_width * across, who.nose_length - 0.06 * across**2), -1)
    return np.concatenate((bridge, base))


def _eye(who: Identity, view: View) -> Float[np.ndarray, "6 2"]:
    """The right one: inner corner, upper lid, outer corner, lower lid."""
    opening = who.eye_height * (0.12 + 0.88 * view.eye_opening)
    upper, lower = -0.095 * opening, 0.05 * opening
    x = who.eye_width * np.array((-1, -0.36, 0.36, 1, 0.36, -0.36))
    y = np.array((0.01, upper, upper, 0, lower, lower)) - np.tan(who.eye_tilt) * x
    return np.stack((x + who.eye_distance, y), -1)


def _mouth(who: Identity, view: View) -> Float[np.ndarray, "20 2"]:
    """Twelve points around the lips, then eight around the opening between them."""
    gap = _jaw_drop(view)
    half = who.mouth_width * (1 + 0.16 * view.smile - 0.12 * view.mouth_opening)
    corner = 0.4 * gap - 0.07 * view.smile
    top = -0.1 * gap
    thin = 1 - 0.2 * max(view.smile, 0)
    up, low = thin * who.upper_lip, thin * who.lower_lip
    outer_x = np.array((-1, -0.62, -0.24, 0, 0.24, 0.62, 1, 0.62, 0.28, 0, -0.28, -0.62))
    upper = (corner, top - 0.78 * up, top - 1.05 * up, top - 0.85 * up)
    lower = (gap + 0.72 * low, gap + low, gap + 1.05 * low)
    outer_y = np.array((*upper, *upper[2:0:-1], corner, *lower, *lower[1::-1]))
    inner_x = np.array((-0.84, -0.35, 0, 0.35, 0.84, 0.35, 0, -0.35))
    slit = 0.012  # lips that touch still show a line
    inner_top, inner_low = top - slit, gap + slit
    pull = 0.8 * corner + 0.2 * (top + gap) / 2
    inner_y = np.array(
        (pull, inner_top, inner_top, inner_top, pull, inner_low, inner_low, inner_low)
    )
    x, y = np.concatenate((outer_x, inner_x)), np.concatenate((outer_y, inner_y))
    bent = -0.10 * view.smile * (1 - x**2) * 0.3  # a smile bends the whole mouth
    return np.stack((half * x, who.mouth_height + y - bent), -1)


def _outline(head: Head, rim: Float[np.ndarray, "n 2"], pose: Pose) -> Float[np.ndarray, "n 3"]:
    """Slide each point of the rim toward the middle of the face, to where it is seen outermost.

    On the side turned away the head hides its own rim; the outline is then a silhouette.
    """
    middle = np.array((0.0, 0.45))
    inwards = np.linspace(0, 0.6, 40)[:, None, None]
    arcs = head.lift(rim + inwards * (middle - rim))
    outwards = (rim - middle) @ _rolled(pose).T
    reach = (arcs @ pose.rotation[:2].T * outwards).sum(-1)
    outermost: Float[np.ndarray, "n 3"] = arcs[reach.argmax(0), np.arange(len(rim))]
    return outermost


def _rolled(pose: Pose) -> Float[np.ndarray, "2 2"]:
    """The part of the pose that turns the image in its own plane."""
    sine, cosine = -pose.rotation[0, 1], pose.rotation[1, 1]
    turn: Float[np.ndarray, "2 2"] = np.array(((cosine, -sine), (sine, cosine)))
    turn /= np.hypot(sine, cosine)
    return turn


@dataclass(frozen=True)
class PosedHead:
    """A head before the camera: its landmarks in pixels and what its painter measures with.

    Shapes:
        ``landmarks: 68 2``, ``forehead: n 2`` (its outline from the right ear to the left)
    """

    head: Head
    pose: Pose
    landmarks: Float[np.ndarray, "68 2"]
    forehead: Float[np.ndarray, "n 2"]

    @property
    def center(self) -> Float[np.ndarray, "2"]:
        """Of the head at the height of the eyes, in pixels."""
        return self.pose.project(np.array((0.0, 0.0, -0.1)))

    @property
    def upright(self) -> Float[np.ndarray, "2 2"]:
        """Where "right" and "down" of a head that only rolls lead, in pixels."""
        turn: Float[np.ndarray, "2 2"] = _rolled(self.pose).T * self.pose.zoom
        return turn


def pose_head(who: Identity, view: View, size: int) -> PosedHead:
    """Place a person's head as the view wants it, in an image of size x size."""
    head, pose = Head(who), Pose.of(view)
    eye, brow = _eye(who, view), _brow(who, view)
    other = _mirrored(eye)  # reversed: it starts at the lower lid; two steps on is the corner
    features = np.concatenate(
        (_mirrored(brow), brow, _nose(who), np.roll(other, -2, 0), eye, _mouth(who, view))
    )
    points = np.concatenate((_outline(head, _jaw(who, view), pose), head.lift(features)))
    pose = pose.framed(pose.project(points), view, size)
    angle = np.linspace(0, np.pi, 25)[1:-1]
    top = np.stack((np.cos(angle) * who.face_width, -1.45 * who.face_length * np.sin(angle)), -1)
    return PosedHead(head, pose, pose.project(points), pose.project(_outline(head, top, pose)))
