"""Landmarks of a face smoothed while they come in.

Source: Casiez, Roussel and Vogel, "1 Euro filter", CHI 2012.
"""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.anonymize.video.smoothing import check_observed


class OneEuroFilter:
    """The 1 euro filter for the landmarks of a live stream: what rests is smoothed, not what moves.

    ``x' = x' + alpha (x - x')``, ``alpha = 1 / (1 + 1 / (2 pi f dt))``, ``f = min_cutoff + beta
    |dx/dt|``, the velocity being smoothed likewise at ``speed_cutoff``.

    Differs from the paper: x is not the pixels but ``b``, ``log a`` and ``u`` of ``z = a (w + u) +
    b``, w being the first face (see
    `graphgan.anonymize.video.smooth_landmarks`), so that a head that moves does not keep
    its features from being smoothed; both coordinates of a point share the speed, so that the
    picture may be turned. Lengths are in sizes of the first face: the RMS distance of its landmarks
    from their mean.

    Args:
        min_cutoff: of what rests, in Hz; lower smooths more.
        beta: how the cutoff grows with speed, in Hz per size/s; higher lags less.
        motion_beta: the same for position, scale and angle, which are far less noisy than a single
            landmark.
        speed_cutoff: of the velocity, in Hz.
    Raises:
        ValueError: numbers that are not positive.
    """

    def __init__(
        self,
        *,
        min_cutoff: float = 1.5,
        beta: float = 20.0,
        motion_beta: float = 100.0,
        speed_cutoff: float = 3.0,
    ) -> None:
        settings = {
            "min_cutoff": min_cutoff,
            "beta": beta,
            "motion_beta": motion_beta,
            "speed_cutoff": speed_cutoff,
        }
        for name, value in settings.items():
            if not value > 0:
                raise ValueError(f"expected {name} above 0, got {value}")
        self.min_cutoff = min_cutoff
        self.beta, self.motion_beta = beta, motion_beta
        self.speed_cutoff = speed_cutoff
        self._time: float | None = None
        self._shape = self._values = self._velocity = np.empty(0, dtype=complex)
        self._angle, self._size = 0.0, 1.0

    def __call__(self, landmarks: Float[Tensor, "k 2"], time: float) -> Float[Tensor, "k 2"]:
        """The smoothed landmarks of a frame.

        Args:
            landmarks: in pixels. A frame with any NaN repeats the last ones (NaN before the first).
            time: in seconds, later than the last.
        Raises:
            ValueError: a time that is not later, another number of landmarks, all on one point.
        """
        if self._time is not None and not time > self._time:
            raise ValueError(f"expected a time after {self._time} s, got {time}")
        points = landmarks.detach().cpu().double().numpy()
        if not np.isfinite(points).all():
            return landmarks if self._time is None else self._filtered(landmarks)
        check_observed(points[None], np.ones(1, dtype=bool))
        z = points[:, 0] + 1j * points[:, 1]
        if self._time is None:
            self._begin(z)
        else:
            self._follow(z, time - self._time)
        self._time = time
        return self._filtered(landmarks)

    def _begin(self, z: np.ndarray) -> None:
        self._size = float(np.sqrt((abs(z - z.mean()) ** 2).mean()))
        self._shape = (z - z.mean()) / self._size
        self._values = self._coordinates(z)
        self._velocity = np.zeros_like(self._values)

    def _coordinates(self, z: np.ndarray) -> np.ndarray:
        """``b``, ``log a`` and all of ``u``; the angle goes on beyond half a turn."""
        if len(z) != len(self._shape):
            raise ValueError(f"expected {len(self._shape)} landmarks, got {len(z)}")
        b = z.mean()
        a = ((z - b) * self._shape.conj()).mean()
        u = (z - b) / a - self._shape
        turns = round((self._angle - np.angle(a)) / (2 * math.pi))
        self._angle = float(np.angle(a)) + 2 * math.pi * turns
        motion = [b / self._size, math.log(abs(a) / self._size) + 1j * self._angle]
        return np.concatenate((motion, u))

    def _follow(self, z: np.ndarray, step: float) -> None:
        step_taken = self._coordinates(z) - self._values
        smooth = _alpha(self.speed_cutoff, step)
        self._velocity = self._velocity + smooth * (step_taken / step - self._velocity)
        beta = np.full(len(self._values), self.beta)
        beta[:2] = self.motion_beta
        cutoff = self.min_cutoff + beta * abs(self._velocity)
        self._values = self._values + _alpha(cutoff, step) * step_taken

    def _filtered(self, like: Tensor) -> Tensor:
        b, a = self._size * self._values[0], self._size * np.exp(self._values[1])
        z = a * (self._shape + self._values[2:]) + b
        return torch.from_numpy(np.stack((z.real, z.imag), -1)).to(like)


def _alpha(cutoff: Any, step: float) -> Any:
    """The weight of the new value in a low pass of first order."""
    return 1 / (1 + 1 / (2 * math.pi * step * cutoff))
