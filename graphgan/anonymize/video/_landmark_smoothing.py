"""Smooth the landmarks of a face over time, over a whole track in both directions.

Sources: Reinsch, "Smoothing by spline functions", Numerische Mathematik 1967; Wahba, "A comparison
of GCV and GML for choosing the smoothing parameter", Annals of Statistics 1985; Hutchinson and de
Hoog, "Smoothing noisy data with spline functions", Numerische Mathematik 1985 (leaving one out);
Kent, "The complex Bingham distribution and shape analysis", JRSS B 1994 (the mean shape).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.extras import needs_extra

# White acceleration over the noise, times the cube of the time between frames: from a straight line
# through half a second and more of frames to as good as no smoothing.
_RATIOS = 10.0 ** np.arange(-6.0, 4.5, 0.5)
# A broad prior, for tracks too short to tell: half of the noise's power goes at 10^-1.
_USUAL_RATIO, _DECADES = -1.0, 2.0
# Expected standard deviation of a landmark's coordinate, in sizes; dlib's is 0.006 to 0.009.
_NOISE = 0.008
# The noise that is expected weighs as much as that of so many frames. What goes beyond so many
# times of it is motion: else speech, which comes in bursts, would count as noise now and then.
_EXPECTED_FRAMES, _MOST_NOISE = 4, 3.0
# Of a landmark's noise in the position, scale and angle of the face: neighbors err alike, so that
# the mean over all landmarks does not help as much as it might.
_COMMON_NOISE = 0.25
# Frames on either side by which a jump is told from what is right before and after it.
_AROUND = 3
# What a face may do between frames before it counts as a jump: white acceleration in sizes / s^1.5
# (half a size away after 0.3 s of it, at one sigma).
_ACCELERATION = 6.0
# Every round drops at least one frame, and most drop all that there are to drop.
_MOST_ROUNDS = 10
# Of eyes: frames on either side; openings and offsets, and how far apart two of them may be by
# noise: three of its standard deviations, which were measured on a clip of two portraits.
_EYES_AROUND = 3
_EYES_LIKE = ((slice(0, 2), 0.03), (slice(2, 6), 0.06))


class Smoothed(NamedTuple):
    """A smoothed track.

    Shapes:
        ``landmarks: n k 2``, ``outliers: n`` (frames whose observation was not believed)
    """

    landmarks: Float[Tensor, "n k 2"]
    outliers: Bool[Tensor, "n"]


def smooth_landmarks(
    landmarks: Float[Tensor, "n k 2"],
    times: Float[Tensor, "n"],
    *,
    observed: Bool[Tensor, "n"] | None = None,
    gate: float = 0.3,
) -> Smoothed:
    """Smooth the landmarks of one face over time without lag, and fill the frames between.

    With landmarks as complex numbers, ``z_t = a_t (w + u_t) + b_t``: w is the mean shape, a the
    scale and rotation, b the position, u the expression. ``b``, ``log a`` and the principal
    components of u are channels. Each is smoothed separately by a natural cubic spline: the
    expectation for white noise on a path of white acceleration. The strength is estimated, not set:
    the ratio of acceleration to noise maximizes the likelihood of the channel's track. A mouth that
    opens is one component far above the noise and hardly changes; most components are only noise
    and become nearly constant. The noise should be white: errors that persist for many frames are
    not recognized.

    The *size* of a face is the RMS distance of its landmarks from their mean, 0.8 to 0.9 eye
    distances for 68 landmarks of a frontal face; the result scales, turns and moves with the face.

    Args:
        landmarks: of the frames in pixels; a frame with any NaN counts as not observed.
        times: of the frames in seconds, increasing, at any intervals.
        observed: frames that were seen; by default all that have their landmarks. Others are
            estimated where they lie between observed ones. Those before the first and after the
            last keep their distance to it (as `fill` of the same package holds them), or repeat it
            where they are NaN.
        gate: a frame is an outlier, and is estimated from the others, if half of its landmarks are
            farther than this many sizes from the positions that the others predict (and farther
            than 3 sigma of a face's motion meanwhile). Expressions move fewer landmarks. A privacy
            tool should also cover the observation of an outlier, since it may be correct. If all
            frames are outliers, all are smoothed. ``math.inf`` trusts all.
    Shapes:
        ``n k 2, n -> n k 2``
    Raises:
        ValueError: times that do not increase, no observed frame, fewer than 2
            landmarks, or all of them on one point.

    Example:
        >>> noisy = 50 * torch.rand(68, 2) + torch.randn(30, 68, 2)
        >>> smooth_landmarks(noisy, torch.arange(30) / 25).landmarks.shape
        torch.Size([30, 68, 2])
    """
    with needs_extra("recipes"):
        import scipy  # noqa: F401
    points, seconds = landmarks.detach().cpu().double().numpy(), times.cpu().double().numpy()
    if not np.isfinite(seconds).all() or (np.diff(seconds) <= 0).any():
        raise ValueError(f"expected increasing times in seconds, got {seconds.tolist()}")
    complete = np.isfinite(points).all((1, 2))
    seen = complete if observed is None else complete & observed.cpu().numpy()
    _check_observed(points, seen)
    z = points[..., 0] + 1j * points[..., 1]
    outliers = seen & _jumps(z, seconds, seen, gate)
    # Where no frame is where the others put it, all are used, and none is believed.
    used = seen if (outliers == seen).all() else seen & ~outliers
    smooth = _smoothed_between(z, seconds, used)
    _hold_ends(smooth, z, seen, used)
    result = torch.from_numpy(np.stack((smooth.real, smooth.imag), -1))
    return Smoothed(result.to(landmarks), torch.from_numpy(outliers).to(landmarks.device))


def smooth_eyes(eyes: Float[Tensor, "n 6"]) -> Float[Tensor, "n 6"]:
    """Smooth lid openings and iris offsets over time, and keep blinks and glances fast.

    ``x_t' = sum_s w_ts x_s / sum_s w_ts`` over three frames on either side, with
    ``w_ts = exp(-|x_t - x_s|^2 / (2 r^2))``: a frame has more weight the more it resembles frame t,
    so that changes above the noise are not blurred. Openings and offsets have separate weights,
    each for both eyes together.

    Source: Tomasi and Manduchi, "Bilateral filtering for gray and color images", ICCV 1998.

    Args:
        eyes: of the frames of a tracklet, see `eye_states`. Where they are NaN, all frames beside
            count the same.
    Returns:
        NaN where none of the seven frames has any.

    Example:
        >>> smooth_eyes(torch.tensor([[0.3] * 6, [0.31] * 6, [0.1] * 6]))[:, 0].round(decimals=3)
        tensor([0.3050, 0.3050, 0.1000])
    """
    result = torch.full_like(eyes, math.nan)
    measured = eyes.isfinite().all(1)
    for t in range(len(eyes)):
        near = slice(max(t - _EYES_AROUND, 0), t + _EYES_AROUND + 1)
        others = eyes[near][measured[near]]
        for part, like in _EYES_LIKE if len(others) else ():
            values = others[:, part]
            weights = torch.ones(len(values), 1).to(values)
            if measured[t]:
                apart = (values - eyes[t, part]).square().sum(1, keepdim=True)
                weights = (-apart / (2 * like**2)).exp()
            result[t, part] = (weights * values).sum(0) / weights.sum()
    return result


def _check_observed(points: Float[np.ndarray, "n k 2"], seen: Bool[np.ndarray, "n"]) -> None:
    """Raise ``ValueError`` where there is nothing to smooth."""
    if points.shape[1] < 2:
        raise ValueError(f"expected at least 2 landmarks, got {points.shape[1]}")
    if not seen.any():
        raise ValueError(f"expected a frame with all landmarks, got none of {len(points)} frames")
    if (lonely := np.ptp(points[seen], axis=1).max(1) == 0).any():
        raise ValueError(
            f"expected a face, got landmarks that are all equal in {lonely.sum()} frames"
        )


def _smoothed_between(
    z: np.ndarray, seconds: Float[np.ndarray, "n"], used: Bool[np.ndarray, "n"]
) -> np.ndarray:
    """The smoothed landmarks from the first to the last used frame."""
    from scipy.interpolate import CubicSpline

    first, last = np.flatnonzero(used)[[0, -1]]
    face = _Motion.of(z[used])
    noises = np.full(face.channels.shape[1], _NOISE)
    noises[:4] *= _COMMON_NOISE
    smooth = _smooth(face.channels, seconds[used], noises)
    if len(smooth) > 1:  # also in the frames between
        between = CubicSpline(seconds[used], smooth, bc_type="natural")
        smooth = between(seconds[first : last + 1])
    result = np.full_like(z, np.nan)
    result[first : last + 1] = face.landmarks(smooth)
    return result


def _hold_ends(
    smooth: np.ndarray, z: np.ndarray, seen: Bool[np.ndarray, "n"], used: Bool[np.ndarray, "n"]
) -> None:
    """Frames beyond the used ones keep the distance they had to the first or last seen."""
    for end, rows in ((0, slice(None)), (-1, slice(None, None, -1))):
        ours, theirs = np.flatnonzero(used)[end], np.flatnonzero(seen)[end]
        outside = np.arange(len(z))[rows][: abs(ours - (len(z) - 1 if end else 0))]
        away = z[outside] - z[theirs]
        away[seen[outside] | ~np.isfinite(away).all(1)] = 0
        smooth[outside] = smooth[ours] + away


@dataclass(frozen=True)
class _Motion:
    """A track as numbers that are smoothed one by one, each less its own middle.

    Channels: position (x, y; in sizes), log of the scale, angle, principal components of the shape.
    """

    shape: np.ndarray  # k, complex, mean 0 and mean square 1
    size: float
    middle: np.ndarray  # of the first four channels
    components: np.ndarray  # c 2k
    channels: np.ndarray  # n (4 + c)

    @classmethod
    def of(cls, z: np.ndarray) -> "_Motion":
        b = z.mean(1)
        centered = z - b[:, None]
        shape = _mean_shape(centered)
        a = (centered * shape.conj()).mean(1)
        rest = centered / a[:, None] - shape
        # A component of what does not change at all is 0, and so is all that it yields.
        shape = shape + (steady := _middle(rest))
        rest = rest - steady
        _, _, components = np.linalg.svd(_real(rest), full_matrices=False)
        size = float(np.median(abs(a)))
        angle = np.unwrap(np.angle(a))
        motion = np.stack((b.real / size, b.imag / size, np.log(abs(a)), angle), -1)
        middle = _middle(motion)
        # Row by row: equal frames have equal channels to the last bit.
        scores = np.stack([(_real(rest) * c).sum(1) for c in components], -1)
        return cls(shape, size, middle, components, np.concatenate((motion - middle, scores), 1))

    def landmarks(self, channels: np.ndarray) -> np.ndarray:
        motion = channels[:, :4] + self.middle
        rest = np.zeros((len(channels), 2 * len(self.shape)))
        for score, component in zip(channels[:, 4:].T, self.components, strict=True):
            rest += score[:, None] * component
        b = self.size * (motion[:, 0] + 1j * motion[:, 1])
        a = np.exp(motion[:, 2] + 1j * motion[:, 3])
        u = rest[:, : len(self.shape)] + 1j * rest[:, len(self.shape) :]
        face: np.ndarray = a[:, None] * (self.shape + u) + b[:, None]
        return face


def _mean_shape(centered: np.ndarray) -> np.ndarray:
    """Kent's mean of shapes: the main direction of all, which no rotation or scale matters to."""
    unit = centered / np.linalg.norm(centered, axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(unit.T @ unit.conj())
    shape: np.ndarray = vectors[:, -1] * math.sqrt(centered.shape[1])
    return shape


def _middle(values: np.ndarray) -> np.ndarray:
    """The median over the frames; of values that stay the same exactly these."""
    if np.iscomplexobj(values):
        return _middle(values.real) + 1j * _middle(values.imag)
    middle: np.ndarray = np.median(values, 0)
    return middle


def _real(u: np.ndarray) -> np.ndarray:
    return np.concatenate((u.real, u.imag), 1)


def _smooth(
    values: Float[np.ndarray, "n c"],
    seconds: Float[np.ndarray, "n"],
    noises: Float[np.ndarray, "c"],
) -> Float[np.ndarray, "n c"]:
    """Each channel by the ratio of acceleration to noise that makes it most likely.

    ``log p = -(log det C + (N + M) log s + (M + g' C^-1 g) / s) / 2`` over the N second divided
    differences g of a channel, with their covariance C for the ratio; s is the variance of the
    noise in units of what is expected, and M frames' worth of belief are in s = 1.
    """
    from scipy.linalg import cho_solve_banded

    if len(seconds) < 3:
        return values
    steps = np.diff(seconds)
    g = _differences(values, steps)
    frames = len(g) + _EXPECTED_FRAMES
    least, weights = np.full(values.shape[1], np.inf), np.zeros_like(g)
    for ratio in _RATIOS:
        factor = _factor(steps, ratio / float(np.median(steps)) ** 3)
        solved = cho_solve_banded((factor, True), g)
        squares = (g * solved).sum(0) / noises**2
        # x and y are one channel: else the result would depend on how the image is rotated.
        squares[:2] = squares[:2].mean()
        squares += _EXPECTED_FRAMES
        noise = np.minimum(squares / frames, _MOST_NOISE**2)
        cost = 2 * np.log(factor[0]).sum() + frames * np.log(noise) + squares / noise
        cost += ((np.log10(ratio) - _USUAL_RATIO) / _DECADES) ** 2
        better = cost < least
        least[better], weights[:, better] = cost[better], solved[:, better]
    smooth: np.ndarray = values - _residuals(weights, steps)
    return smooth


def _differences(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Second divided differences ``Q y``, which neither position nor velocity matters to."""
    return np.diff(np.diff(values, axis=0) / steps[:, None], axis=0)


def _residuals(weights: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """``Q' w``: what a spline takes off the values, for ``w = C^-1 Q y``."""
    ends = ((1, 1), (0, 0))
    slopes = np.diff(np.pad(weights, ends), axis=0) / steps[:, None]
    return np.diff(np.pad(slopes, ends), axis=0)


def _rows(steps: np.ndarray) -> Float[np.ndarray, "3 d"]:
    """What is not 0 in the rows of ``Q``."""
    return np.stack([1 / steps[:-1], -1 / steps[:-1] - 1 / steps[1:], 1 / steps[1:]])


def _factor(steps: Float[np.ndarray, "m"], ratio: float) -> Float[np.ndarray, "3 d"]:
    """Cholesky factor, in bands, of the covariance ``C = Q Q' + ratio R`` of the differences.

    That of unit noise, and R for unit white acceleration: ``(h_i + h_(i+1)) / 3`` and beside it
    ``h_(i+1) / 6`` for steps h.
    """
    from scipy.linalg import cholesky_banded

    q = _rows(steps)
    bands = np.zeros_like(q)
    bands[0] = (q**2).sum(0) + ratio * (steps[:-1] + steps[1:]) / 3
    bands[1, :-1] = q[1, :-1] * q[0, 1:] + q[2, :-1] * q[1, 1:] + ratio * steps[1:-1] / 6
    bands[2, :-2] = q[2, :-2] * q[0, 2:]
    factor: np.ndarray = cholesky_banded(bands, lower=True)
    return factor


def _jumps(
    z: np.ndarray, seconds: np.ndarray, seen: np.ndarray, gate: float
) -> Bool[np.ndarray, "n"]:
    """Frames that lie elsewhere than all others say.

    A frame beside a jump is as far from the others as the jump is; the ones that go are those that
    lie far from the median of the frames around, too.
    """
    from scipy.ndimage import maximum_filter1d

    used = seen.copy()
    centered = z[seen] - z[seen].mean(1, keepdims=True)
    size = float(np.median(np.sqrt((abs(centered) ** 2).mean(1))))
    for _ in range(_MOST_ROUNDS):
        if used.sum() < 3 or not math.isfinite(gate):
            break
        excess = _excess(z / size, seconds, used) - gate
        if not (excess > 0).any():
            break
        odd = np.where(excess > 0, _oddness(z[used] / size), 0)
        around = maximum_filter1d(odd, 2 * _AROUND + 1, mode="constant")
        worst = (excess > 0) & (odd >= around / 2)
        used[np.flatnonzero(used)[worst]] = False
    jumps: np.ndarray = seen & ~used
    return jumps


def _excess(z: np.ndarray, seconds: np.ndarray, used: np.ndarray) -> Float[np.ndarray, "m"]:
    """How far each used frame lies from where the others put it, less 3 sigma, in sizes.

    Leaving an observation of unit noise out of a spline changes its residual e and its variance
    h to ``e / (1 - h)`` and ``h / (1 - h)``; ``1 - h`` is the diagonal of ``Q' C^-1 Q``.
    """
    from scipy.linalg import cho_solve_banded

    values, steps = _real(z[used]), np.diff(seconds[used])
    factor = _factor(steps, (_ACCELERATION / _NOISE) ** 2)
    e = _residuals(cho_solve_banded((factor, True), _differences(values, steps)), steps)
    left = _left_by_others(factor, steps)
    distance = np.median(np.hypot(*np.split(e, 2, 1)), 1) / left
    excess: np.ndarray = distance - 3 * _NOISE * np.sqrt((1 - left) / left)
    return excess


def _left_by_others(factor: Float[np.ndarray, "3 d"], steps: np.ndarray) -> np.ndarray:
    """The diagonal of ``Q' C^-1 Q`` from the bands of ``C^-1`` (Hutchinson and de Hoog, 1985)."""
    (n, q), left = (factor.shape[1], _rows(steps)), np.zeros(len(steps) + 1)
    unit, scale = factor[1:] / factor[0], factor[0] ** -2
    inverse = np.zeros((3, n + 2))  # its diagonal, what is beside that, and two beside it
    for i in range(n - 1, -1, -1):
        inverse[2, i] = -unit[0, i] * inverse[1, i + 1] - unit[1, i] * inverse[0, i + 2]
        inverse[1, i] = -unit[0, i] * inverse[0, i + 1] - unit[1, i] * inverse[1, i + 1]
        inverse[0, i] = scale[i] - unit[0, i] * inverse[1, i] - unit[1, i] * inverse[2, i]
    for beside in range(min(3, n)):
        count = n - beside
        for i in range(3 - beside):
            both = q[i + beside, :count] * q[i, beside:] * inverse[beside, :count]
            left[i + beside : i + n] += both * (2 if beside else 1)
    return left.clip(1e-8, 1)


def _oddness(z: np.ndarray) -> Float[np.ndarray, "m"]:
    """How far half the landmarks of each frame lie from their medians over the frames around."""
    from scipy.ndimage import median_filter

    values = _real(z)
    e = values - median_filter(values, (2 * _AROUND + 1, 1), mode="mirror")
    oddness: np.ndarray = np.median(np.hypot(*np.split(e, 2, 1)), 1)
    return oddness
