"""Paint a posed head in its view, from the background to the glasses."""

import numpy as np
from jaxtyping import Float

from graphgan.data._synthetic.background import paint_background
from graphgan.data._synthetic.canvas import (
    Canvas,
    blurred,
    ellipse,
    interpolated,
    ribbon,
    smooth_curve,
    soft_step,
)
from graphgan.data._synthetic.colors import Color
from graphgan.data._synthetic.face_geometry import PosedHead
from graphgan.data._synthetic.face_hair import Hair
from graphgan.data._synthetic.face_light import LitHead
from graphgan.data._synthetic.face_parameters import Identity, View

_MOUTH = (0.20, 0.06, 0.07)
_TEETH = (0.93, 0.91, 0.86)
_EYE_WHITE = (0.94, 0.93, 0.91)
_PUPIL = (0.03, 0.03, 0.03)


class FacePainter:
    """One image in the making. Lengths are in half face widths, ``zoom`` makes them pixels."""

    def __init__(self, who: Identity, view: View, posed: PosedHead, size: int) -> None:
        self.who, self.view, self.posed = who, view, posed
        self.points = posed.landmarks
        self.zoom = posed.pose.zoom
        self.canvas = Canvas(size, size)
        self.lit = LitHead(posed, view, size)
        self.noise = np.random.default_rng(who.texture_seed).random(512, np.float32)
        self.outline = smooth_curve(np.concatenate((self.points[:17], posed.forehead)), closed=True)
        self.face = self.canvas.coverage(self.outline)

    def paint(self) -> Float[np.ndarray, "3 size size"]:
        """From back to front."""
        hair = Hair(self.who, self.posed, self.lit, self.canvas, self.noise)
        paint_background(self.view, self.canvas)
        hair.paint_behind_neck()
        self._neck()
        self._clothes()
        hair.paint_behind_face()
        if not hair.covers_ears:
            self._ears()
        self._skin()
        for eye in (self.points[36:42], self.points[42:48]):
            self._eye(eye)
        for brow in (self.points[17:22][::-1], self.points[22:27]):
            self._brow(brow)
        self._nose()
        self._mouth()
        hair.paint_in_front()
        if self.who.glasses > 0:
            self._glasses()
        return np.clip(self.canvas.pixels, 0, 1)

    def _neck(self) -> None:
        """A cylinder that stands upright whatever the head does, in the shadow of the chin."""
        canvas, center = self.canvas, self.posed.center
        half = 0.62 * self.who.face_width
        top = center + np.array(((-half, 0.3), (half, 0.3))) @ self.posed.upright
        foot = center + np.array(((1.1 * half, 3.0), (-1.1 * half, 3.0))) * self.zoom
        mask = canvas.coverage(np.concatenate((top, foot)))
        across = (canvas.columns - np.float32(center[0])) / np.float32(1.1 * half * self.zoom)
        light = self.lit.on(np.clip(across, -1, 1), np.zeros_like(across))
        canvas.paint(mask, np.asarray(self.who.skin, np.float32)[:, None, None] * light)
        shadow = canvas.coverage(self.outline + np.array((0, 0.22 * self.zoom)))
        canvas.shade(blurred(shadow, 0.10 * self.zoom) * mask, 0.55)

    def _clothes(self) -> None:
        """Shoulders and a round neckline."""
        canvas, center = self.canvas, self.posed.center
        right = np.array(((0.0, 2.28), (0.42, 2.16), (0.72, 1.92), (1.5, 2.2), (2.4, 2.5), (3, 3)))
        top = smooth_curve(np.concatenate(((right[:0:-1]) * (-1, 1), right)))
        cloth = np.concatenate((top, ((3.0, 9.0), (-3.0, 9.0)))) * self.zoom + center
        across = (canvas.columns - np.float32(center[0])) / np.float32(3 * self.zoom)
        light = self.lit.on(np.clip(across, -0.8, 0.8), np.full_like(across, -0.3))
        paint = np.asarray(self.view.clothes, np.float32)[:, None, None] * light
        canvas.paint(canvas.coverage(cloth), paint)
        seam = ribbon(top * self.zoom + center, np.full(len(top), 0.07 * self.zoom))
        canvas.shade(canvas.coverage(seam), 0.8)

    def _ears(self) -> None:
        """Discs beside the head; the far one disappears behind the face, which comes later."""
        who, pose = self.who, self.posed.pose
        for side in (-1.0, 1.0):
            if (pose.rotation @ np.array((side, 0.0, -0.6)))[2] > 0.6:
                continue  # seen from behind
            center = pose.project(np.array((side * 1.03 * who.face_width, 0.22, 0.0)))
            half = np.array(((side * 0.13, 0.0, -0.12), (-side * 0.03, 0.30, 0.03)))
            across, down = half @ pose.rotation[:2].T * (self.zoom * who.ear_size)
            shell = self.canvas.coverage(ellipse(center, across, down))
            self.canvas.paint(shell, self.lit.paint(who.skin, 0.92))
            hollow = ellipse(center + 0.2 * across, 0.55 * across, 0.6 * down)
            self.canvas.shade(self.canvas.coverage(hollow), 0.78)

    def _skin(self) -> None:
        who = self.who
        side, y = np.abs(self.lit.x), self.lit.y
        cheek = np.exp(-(((side - 0.55) / 0.25) ** 2) - ((y - 0.5) / 0.22) ** 2)
        skin = np.asarray(who.skin, np.float32)[:, None, None] * (
            1 - _weighted(np.float32(who.blush) * cheek, (0.0, 0.35, 0.30))
        )
        if who.freckles > 0:
            skin *= 1 - _weighted(self._freckles(), (0.25, 0.35, 0.40))
        if who.beard > 0 or who.moustache > 0:
            skin += self._beard() * (np.asarray(who.brows, np.float32)[:, None, None] - skin)
        self.canvas.paint(self.face, skin * self.lit.light)

    def _freckles(self) -> Float[np.ndarray, "size size"]:
        """Cells of a grid on the face, taken at random, most of them near the nose."""
        cells = np.floor(self.lit.x * 22) * 57 + np.floor(self.lit.y * 22) * 131
        spots = self.noise[cells.astype(np.int64) % len(self.noise)] > 1 - 0.5 * self.who.freckles
        near_nose = np.exp(-(((self.lit.y - 0.4) / 0.35) ** 2))
        return blurred(spots * near_nose, 0.03 * self.zoom)

    def _beard(self) -> Float[np.ndarray, "size size"]:
        """Along the jaw from ear to ear and over the chin; the moustache under the nose."""
        who = self.who
        side, y = np.abs(self.lit.x), self.lit.y
        edge = np.interp(side, (0.0, 0.3, 0.5, 0.75, 0.95), (1.12, 1.02, 0.98, 0.75, 0.1))
        stubble = 0.85 + 0.3 * interpolated(self.noise, self.lit.x * 30 + 2 * np.sin(8 * y) + 256)
        beard = who.beard * soft_step(y - edge.astype(np.float32) * who.mouth_height, 0.10)
        lip = (who.nose_length + who.mouth_height - who.upper_lip) / 2
        stripe = soft_step(0.10 - np.abs(y - lip - 0.12 * side), 0.05)
        stripe = stripe * soft_step(1.15 * who.mouth_width - side, 0.08)
        hairs: Float[np.ndarray, "size size"] = np.maximum(beard, who.moustache * stripe) * stubble
        return hairs.clip(0, 1)

    def _eye(self, eye: Float[np.ndarray, "6 2"]) -> None:
        canvas = self.canvas
        upper, lower = smooth_curve(eye[:4]), smooth_curve(eye[[3, 4, 5, 0]])
        width = float(np.linalg.norm(eye[3] - eye[0]))
        lid = upper - np.array((0, 0.11 * width))
        canvas.shade(canvas.coverage(ribbon(lid, np.full(len(lid), 0.12 * width))), 0.82)
        mask = canvas.coverage(np.concatenate((upper[:-1], lower[:-1])))
        white = np.asarray(_EYE_WHITE, np.float32)[:, None, None]
        canvas.paint(mask, white * (0.35 + 0.65 * self.lit.light))
        self._iris(eye, mask)
        lashes = 0.13 * width * np.sin(np.linspace(0.25, np.pi - 0.25, len(upper)))
        canvas.paint(canvas.coverage(ribbon(upper, lashes)), _scaled(self.who.brows, 0.45), 0.85)
        canvas.shade(canvas.coverage(ribbon(lower, np.full(len(lower), 0.05 * width))), 0.7)

    def _iris(self, eye: Float[np.ndarray, "6 2"], mask: Float[np.ndarray, "size size"]) -> None:
        """Discs on the eyeball: rim, iris, pupil, and a glint."""
        who, gaze = self.who, self.view.gaze
        across = eye[3] - eye[0]
        narrowing = min(1.0, float(np.linalg.norm(across)) / (2 * who.eye_width * self.zoom))
        right, down = 0.47 * who.eye_width * self.posed.upright
        right = right * narrowing
        middle = eye[[0, 3]].mean(0) + 0.22 * gaze[0] * across + (0.25 * gaze[1] - 0.15) * down
        for share, color in ((1.0, _scaled(who.iris, 0.6)), (0.82, who.iris), (0.45, _PUPIL)):
            disc = self.canvas.coverage(ellipse(middle, share * right, share * down))
            self.canvas.paint(disc * mask, color)
        glint = ellipse(middle - 0.3 * right - 0.35 * down, 0.2 * right, 0.2 * down)
        self.canvas.paint(self.canvas.coverage(glint) * mask, (1.0, 1.0, 1.0), 0.9)

    def _brow(self, brow: Float[np.ndarray, "5 2"]) -> None:
        """A band whose middle line the landmarks are, thinner at its outer end, the last."""
        line = smooth_curve(brow)
        along = np.linspace(0, 1, len(line))
        shape = np.minimum(0.7 + 2.0 * along, 1.1) * np.minimum(0.3 + 1.6 * (1 - along), 1)
        band = ribbon(line, 2 * self.who.brow_thickness * self.zoom * shape)
        hairs = self.canvas.coverage(band) * self.face
        self.canvas.paint(hairs, self.lit.paint(self.who.brows), 0.85)

    def _nose(self) -> None:
        """Nostrils and the crease under the nose; the relief has shaded the rest."""
        canvas = self.canvas
        base = self.points[31:36]
        across = (base[4] - base[0]) / 2
        up = (self.points[30] - base[2]) * 0.28
        for index, side in ((1, -1.0), (3, 1.0)):
            hole = ellipse(base[index] + up + 0.04 * side * across, 0.26 * across, 0.5 * up)
            canvas.shade(canvas.coverage(hole), 0.35)
        line = smooth_curve(base)
        crease = ribbon(line, np.full(len(line), 0.055 * self.zoom))
        canvas.shade(canvas.coverage(crease), 0.72)

    def _mouth(self) -> None:
        canvas, points, zoom = self.canvas, self.points, self.zoom
        upper, lower = smooth_curve(points[48:55]), smooth_curve(points[[*range(54, 60), 48]])
        below = lower + np.array((0, 0.05 * zoom))
        canvas.shade(canvas.coverage(ribbon(below, np.full(len(below), 0.06 * zoom))), 0.88)
        lips = canvas.coverage(np.concatenate((upper[:-1], lower[:-1])))
        canvas.paint(lips, self.lit.paint(self.who.lips))
        top, bottom = smooth_curve(points[60:65]), smooth_curve(points[[64, 65, 66, 67, 60]])
        opening = canvas.coverage(np.concatenate((top[:-1], bottom[:-1])))
        canvas.paint(opening, _MOUTH)
        gap = points[66] - points[62]
        if np.linalg.norm(gap) > 0.08 * zoom:
            depth = 0.4 * np.sin(np.linspace(0, np.pi, len(top)))[:, None]
            teeth = canvas.coverage(np.concatenate((top, (top + depth * gap)[::-1])))
            canvas.paint(teeth * opening, self.lit.paint(_TEETH, 0.85))
        seam = smooth_curve(points[[48, 60, 61, 62, 63, 64, 54]])
        canvas.shade(canvas.coverage(ribbon(seam, np.full(len(seam), 0.035 * zoom))), 0.5)

    def _glasses(self) -> None:
        """Two rounded frames around the eyes, and the bridge between them."""
        who, canvas = self.who, self.canvas
        down = 0.25 * self.posed.upright[1]
        frame = 1 + who.glasses / 0.25
        inner_ends = []
        for eye, inner_end in ((self.points[36:42], 0), (self.points[42:48], 20)):
            center, across = eye.mean(0) + 0.15 * down, 0.78 * (eye[3] - eye[0])
            glass = ellipse(center, across, down, power=0.7)
            rim = canvas.coverage(ellipse(center, across * frame, down * frame, power=0.7))
            rim = np.maximum(rim - canvas.coverage(glass), 0)
            canvas.paint(rim, who.glasses_color, 0.9)
            inner_ends.append(glass[inner_end])
        bridge = ribbon(np.stack(inner_ends), np.full(2, who.glasses * self.zoom))
        canvas.paint(canvas.coverage(bridge), who.glasses_color, 0.9)


def _weighted(
    mask: Float[np.ndarray, "h w"], weights: tuple[float, float, float]
) -> Float[np.ndarray, "3 h w"]:
    """One mask with its own strength for red, green and blue."""
    strong: Float[np.ndarray, "3 h w"] = np.asarray(weights, np.float32)[:, None, None] * mask
    return strong


def _scaled(color: Color, factor: float) -> Color:
    red, green, blue = color
    return red * factor, green * factor, blue * factor
