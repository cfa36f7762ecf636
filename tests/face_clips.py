"""The truth is drawn: a face that turns, comes nearer, blinks and speaks, its noise like dlib's.

dlib's noise was measured on one photo shifted by parts of a pixel under sensor noise: 0.006 to
0.009 eye distances a coordinate, of which rounding to pixels is a good part; neighboring landmarks
correlate by 0.5 to 0.7, frames by 0 to 0.1.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import torch

from graphgan.data import View
from graphgan.data._synthetic.face_geometry import pose_head
from graphgan.data._synthetic.face_parameters import sample_identity

FPS, EYES = 25.0, 60.0  # frames per second, eye distance in pixels


class Clip(NamedTuple):
    """``times: n``, ``truth, found: n 68 2``, ``blink: n`` (0 open, 1 shut)."""

    times: torch.Tensor
    truth: torch.Tensor
    found: torch.Tensor
    blink: torch.Tensor


@functools.cache
def clip(seed: int, n: int = 150, lively: float = 1.0) -> Clip:
    """A head that moves by up to its own size, speaks at 3 Hz and blinks in six frames."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / FPS
    phase = rng.uniform(0, 2 * np.pi, 7)

    def wave(i: int, hertz: float, height: float) -> np.ndarray:
        return height * np.sin(2 * np.pi * hertz * t + phase[i])

    blink = sum(np.clip(1 - abs(t - at) / 0.12, 0, 1) for at in np.arange(0.7, n / FPS, 2.1))
    mouth = 0.5 * (wave(0, 3.0, 1.0).clip(0)) * (np.sin(2 * np.pi * 0.4 * t) > 0)
    z = head(rng, wave(1, 0.2, 15 * lively), wave(2, 0.3, 8 * lively), blink, mouth)
    turn = np.exp(wave(3, 0.3, 0.15 * lively) + 1j * wave(4, 0.5, 0.17 * lively))
    shift = EYES * lively * (wave(5, 0.4, 1.0) + 1j * wave(6, 0.7, 0.4))
    z = turn[:, None] * z + shift[:, None] + 300 + 200j
    truth = np.stack((z.real, z.imag), -1)
    found = (truth + noise(rng, truth.shape)).round()
    return Clip(*(torch.from_numpy(x) for x in (t, truth, found, blink)))


def head(rng, yaw, pitch, blink, mouth) -> np.ndarray:
    """Drawn faces mixed, so that the truth is as smooth as what moves it."""
    who = sample_identity(rng)

    def face(**view: float) -> np.ndarray:
        posed = pose_head(who, View(**view), 256)
        x, y = ((posed.landmarks - posed.pose.shift) / posed.pose.zoom).T
        return x + 1j * y

    middle = face()
    z = middle + np.outer(blink, face(eye_opening=0.0) - middle)
    z += np.outer(mouth, face(mouth_opening=1.0) - middle)
    z += np.outer(yaw / 24, face(yaw=12.0) - face(yaw=-12.0))
    z += np.outer(pitch / 16, face(pitch=8.0) - face(pitch=-8.0))
    return z * EYES / abs(middle[36:42].mean() - middle[42:48].mean())


def noise(rng, shape) -> np.ndarray:
    """0.007 eye distances before rounding; neighbors correlate by 0.65, frames by 0.1."""
    white = rng.standard_normal(shape)
    for i in range(1, shape[1]):
        white[:, i] = 0.65 * white[:, i - 1] + math.sqrt(1 - 0.65**2) * white[:, i]
    for t in range(1, shape[0]):
        white[t] = 0.1 * white[t - 1] + math.sqrt(1 - 0.1**2) * white[t]
    return 0.007 * EYES * white


def rms(x: torch.Tensor) -> float:
    return float(x.square().mean().sqrt())


def jitter(error: torch.Tensor) -> float:
    """RMS of the second differences of the error over frames: what the eye sees as trembling."""
    return rms(error.diff(n=2, dim=0))


def lag(result: torch.Tensor, truth: torch.Tensor, reach: int = 8) -> float:
    """Frames by which velocities have to be shifted to correlate best with the truth's.

    The peak of the cross-correlation over whole frames, refined by a parabola through three.
    """
    ours, theirs = (x.diff(dim=0).flatten(1) for x in (result, truth))
    middle = theirs[reach:-reach]
    shifts = range(-reach, reach + 1)
    moved = [ours[reach + s : len(ours) - reach + s] for s in shifts]
    scores = [float((x * middle).sum() / x.norm()) for x in moved]
    best = int(np.argmax(scores[1:-1])) + 1
    before, peak, after = scores[best - 1 : best + 2]
    return best - reach + (before - after) / (2 * (before - 2 * peak + after))
