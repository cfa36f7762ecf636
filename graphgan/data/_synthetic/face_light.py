"""How a posed head is lit: one lamp and an ambient light on a surface seen by cast rays."""

import numpy as np
from jaxtyping import Float

from graphgan.data._synthetic.canvas import blurred, enlarged
from graphgan.data._synthetic.colors import Color
from graphgan.data._synthetic.face_geometry import PosedHead
from graphgan.data._synthetic.face_parameters import View

_GRID = 72  # rays a side; between them light and surface are interpolated


class LitHead:
    """Every pixel's light, and the point of the face that it shows.

    Shapes:
        ``light: 3 size size`` (factors of the color), ``x``, ``y: size size`` (of the head)
    """

    def __init__(self, posed: PosedHead, view: View, size: int) -> None:
        self.view = view
        step = np.float32((size - 1) / (_GRID - 1) / posed.pose.zoom)
        x0, y0 = (np.float32(shift / posed.pose.zoom) for shift in posed.pose.shift)
        row, column = np.mgrid[:_GRID, :_GRID].astype(np.float32)
        met, near = posed.head.cast(column * step - x0, row * step - y0, posed.pose)
        slope_y, slope_x = np.gradient(near, step)
        length = np.sqrt(slope_x**2 + slope_y**2 + 1)
        hollow = np.clip(blurred(near, _GRID / 16) - near, -0.08, 0.12)
        light = self.on(-slope_x / length, -slope_y / length) * (1 - 1.6 * hollow)
        maps = enlarged(np.concatenate((light, met[None, ..., 0], met[None, ..., 1])), (size, size))
        self.light, self.x, self.y = maps[:3], maps[3], maps[4]

    def on(
        self, normal_x: Float[np.ndarray, "h w"], normal_y: Float[np.ndarray, "h w"]
    ) -> Float[np.ndarray, "3 h w"]:
        """Lambert's law, softened: the lamp reaches a little around the edge."""
        toward = np.asarray(self.view.light, np.float32)
        toward = toward / np.linalg.norm(toward)
        normal_z = np.sqrt(np.maximum(1 - normal_x**2 - normal_y**2, 0))
        cosine = normal_x * toward[0] + normal_y * toward[1] + normal_z * toward[2]
        lamp = np.float32(self.view.light_strength) * np.maximum(0.15 + 0.85 * cosine, 0)
        ambient = np.asarray(self.view.ambient, np.float32)
        lit: Float[np.ndarray, "3 h w"] = ambient[:, None, None] + lamp
        return lit

    def paint(self, color: Color, factor: float = 1.0) -> Float[np.ndarray, "3 size size"]:
        """A color of the face as it looks in this light."""
        scaled = np.asarray(color, np.float32) * np.float32(factor)
        lit: Float[np.ndarray, "3 size size"] = scaled[:, None, None] * self.light
        return lit
