"""The hair of a drawn head: behind it, over it, and the strands it is painted with."""

import numpy as np
from jaxtyping import Float

from graphgan.data._synthetic.canvas import Canvas, ellipse, interpolated, smooth_curve, soft_step
from graphgan.data._synthetic.face_geometry import PosedHead
from graphgan.data._synthetic.face_light import LitHead
from graphgan.data._synthetic.face_parameters import Identity


class Hair:
    """What grows on the skull, or the bare skull.

    Args:
        noise: the person's table of random numbers.
    """

    def __init__(
        self,
        who: Identity,
        posed: PosedHead,
        lit: LitHead,
        canvas: Canvas,
        noise: Float[np.ndarray, "n"],
    ) -> None:
        self.who, self.posed, self.lit, self.canvas, self.noise = who, posed, lit, canvas, noise
        self.bald = who.hair_volume <= 0
        self.covers_ears = not self.bald and who.hair_length > 0.6
        self._center = posed.pose.project(np.array((0.0, -0.52 * who.face_length, -0.12)))
        self._crown = canvas.coverage(self._outline())
        self._paint = self._lit_paint()

    def paint_behind_neck(self) -> None:
        if self.covers_ears:
            self.canvas.paint(self.canvas.coverage(self._curtain()), self._paint)

    def paint_behind_face(self) -> None:
        self.canvas.paint(self._crown, self._paint)

    def paint_in_front(self) -> None:
        """Over the forehead, down to the hairline, or where the bare skull meets the face."""
        who, x = self.who, self.lit.x
        temple = np.clip((np.abs(x) / who.face_width - 0.45) / 0.55, 0, 1) ** 2
        line = who.hairline + who.hair_part * x - temple * (who.hairline + 0.15)
        line = line + 0.08 * (interpolated(self.noise, x * 12 + 256) - 0.5)
        edge = soft_step(line - self.lit.y, 0.5 if self.bald else 0.05)
        self.canvas.paint(edge * self._crown, self._paint)

    def _outline(self) -> Float[np.ndarray, "n 2"]:
        """The silhouette of the skull with its hair, wavy where the hair curls.

        The silhouette of an ellipsoid with half axes r under the projection P is the ellipse
        ``L (cos t, sin t)`` with ``L L^T = P diag(r^2) P^T``.
        """
        who, pose = self.who, self.posed.pose
        radii = np.array((1.04 * who.face_width, 1.10 * who.face_length, 1.28)) + who.hair_volume
        spread = pose.rotation[:2] * radii * pose.zoom
        axes = np.linalg.cholesky(spread @ spread.T).T
        outline = ellipse(self._center, axes[0], axes[1])
        if who.hair_curl <= 0:
            return outline
        bumps = 1 + 0.09 * who.hair_curl * (self.noise[: len(outline), None] - 0.5)
        return smooth_curve(self._center + (outline - self._center) * bumps, closed=True)

    def _curtain(self) -> Float[np.ndarray, "n 2"]:
        """From within the crown down the sides of the head, to the length of the hair."""
        who, end = self.who, self.who.hair_length
        wide = who.face_width + who.hair_volume
        heights = np.array((-0.9, -0.45, 0.1, 0.4 + 0.3 * end, end))
        widths = wide * np.array((0.80, 0.98, 1.02, 1.04, 0.98))
        right = np.stack((widths, heights), -1)
        outline = np.concatenate((right, (right * (-1, 1))[::-1]))
        upright = self.posed.upright
        curve: Float[np.ndarray, "n 2"] = (
            self.posed.center + smooth_curve(outline, closed=True) @ upright
        )
        return curve

    def _lit_paint(self) -> Float[np.ndarray, "3 size size"]:
        """Strands that run from the crown, on a skull lit as an ellipsoid."""
        who, zoom = self.who, np.float32(self.posed.pose.zoom)
        away_x = (self.canvas.columns - np.float32(self._center[0])) / zoom
        away_y = (self.canvas.rows - np.float32(self._center[1])) / zoom
        reach = np.hypot(away_x, away_y)
        falling = 0.62 / np.maximum(reach + 0.2, 0.85)  # below the skull the hair hangs straight
        light = self.lit.on(away_x * falling, np.clip(away_y, -1.3, 0.4) * falling)
        if self.bald:
            light *= np.asarray(who.skin, np.float32)[:, None, None]
            return light
        angle = np.arctan2(away_x, away_y + np.float32(0.5))
        curl = np.float32(who.hair_curl)
        place = (angle + 0.5 * curl * np.sin(9 * reach)) * 14 + 3 * curl * np.cos(5 * angle) * reach
        strands = interpolated(self.noise, place + 200) - np.float32(0.5)
        from_crown = np.minimum(np.hypot(away_x, away_y + np.float32(0.5)) * 2, 1)
        light *= 0.95 + 0.45 * strands * from_crown
        light *= np.asarray(who.hair, np.float32)[:, None, None]
        return light
