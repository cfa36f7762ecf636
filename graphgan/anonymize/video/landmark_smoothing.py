"""Landmarks of a face smoothed over time, of a whole track in both directions.

Sources: Rauch, Tung and Striebel, "Maximum likelihood estimates of linear dynamic systems", AIAA
Journal 1965 (the smoother); Kent, "The complex Bingham distribution and shape analysis", JRSS B
1994 (the mean shape).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

# White acceleration over the noise, times the cube of the time between frames: from a straight line
# through half a second and more of frames to as good as no smoothing.
_RATIOS = 10.0 ** np.arange(-6.0, 4.5, 0.5)
# A broad prior, for tracks too short to tell: half of the noise's power goes at 10^-1.
_USUAL_RATIO, _DECADES = -1.0, 2.0
# Variance of the first position and velocity, which nothing is known of, over that of the noise.
_UNKNOWN = 1e8
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
    scale and rotation, b the position, u what the face does. ``b``, ``log a`` and the principal
    components of u are channels, and each is smoothed on its own: a Kalman filter forwards and a
    Rauch-Tung-Striebel pass backwards, for white noise on a path of white acceleration (constant
    velocity but for that). How strongly is measured, not set: the ratio of acceleration to noise is
    the one that makes the channel's track most likely. A mouth that opens is one component far
    above the noise and is left as it is; most components are noise alone and become nearly
    constant. The noise should be white: what stays wrong for many frames is not recognized.

    The *size* of a face is the RMS distance of its landmarks from their mean, 0.8 to 0.9 eye
    distances for 68 landmarks of a frontal face; the result scales, turns and moves with the face.

    Args:
        landmarks: of the frames in pixels; a frame with any NaN counts as not observed.
        times: of the frames in seconds, increasing, at any intervals.
        observed: frames that were seen; by default all that have their landmarks. Others are
            estimated where they lie between observed ones. Those before the first and after the
            last keep their distance to it (as `fill` of the same package holds them), or repeat it
            where they are NaN.
        gate: a frame is an outlier, and estimated from the others, if half its landmarks lie
            farther than this many sizes from where the others put them (and 3 sigma of what a face
            may do meanwhile). Expressions move fewer landmarks. A privacy tool should cover the
            observation of an outlier, too: it may be the truth. All may be outliers; all are then
            smoothed. ``math.inf`` believes all.
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
    points, seconds = landmarks.detach().cpu().double().numpy(), times.cpu().double().numpy()
    _check_times(seconds)
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
    ``w_ts = exp(-|x_t - x_s|^2 / (2 r^2))``: a frame counts as far as it is like frame t, so that
    what changes by more than the noise is not smeared. Openings and offsets have weights of their
    own, of both eyes at once.

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


def _check_times(seconds: Float[np.ndarray, "n"]) -> None:
    if not np.isfinite(seconds).all() or (np.diff(seconds) <= 0).any():
        raise ValueError(f"expected increasing times in seconds, got {seconds.tolist()}")


def _check_observed(points: Float[np.ndarray, "n k 2"], seen: Bool[np.ndarray, "n"]) -> None:
    """Raises ValueError where there is nothing to smooth.

    That is: fewer than two landmarks, no frame that was seen, or all landmarks at one point.
    """
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
    inside = slice(*(np.flatnonzero(used)[[0, -1]] + (0, 1)))
    face = _Motion.of(z[used])
    channels = np.zeros((inside.stop - inside.start, face.channels.shape[1]))
    channels[used[inside]] = face.channels
    result = np.full_like(z, np.nan)
    noises = np.full(channels.shape[1], _NOISE)
    noises[:4] *= _COMMON_NOISE
    result[inside] = face.landmarks(_smooth(channels, seconds[inside], used[inside], noises))
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
    seen: Bool[np.ndarray, "n"],
    noises: Float[np.ndarray, "c"],
) -> Float[np.ndarray, "n c"]:
    """Each channel by the ratio of acceleration to noise that makes it most likely."""
    if seen.sum() < 3:
        return _path(values, seconds, _Gains.of(seconds, seen, np.full(values.shape[1], 1e-9)))
    unit = float(np.median(np.diff(seconds[seen]))) ** 3
    gains = _Gains.of(seconds, seen, _RATIOS / unit)
    chosen = _likeliest(values / noises, seconds, seen, gains)
    return _path(values, seconds, gains.take(chosen))


def _likeliest(
    values: np.ndarray, seconds: np.ndarray, seen: np.ndarray, gains: "_Gains"
) -> np.ndarray:
    """For each channel the number of the best ratio, the noise's own variance being the best, too.

    ``log p = -(sum log S_t + (N + M) log s + (M + sum v_t^2 / S_t) / s) / 2`` over the N
    innovations v of variance S, without the first two, which set position and velocity; all in
    units of the expected noise but S, which is in units of the true noise's variance s; M frames'
    worth of belief in s = 1.
    """
    position = np.zeros((len(_RATIOS), values.shape[1]))
    velocity, squares = np.zeros_like(position), np.zeros_like(position)
    counted = seen & (np.cumsum(seen) > 2)
    for t, step in enumerate(np.diff(seconds, prepend=seconds[0])):
        position += step * velocity
        if seen[t]:
            innovation = values[t] - position
            position += gains.update[t, :, 0, None] * innovation
            velocity += gains.update[t, :, 1, None] * innovation
            if counted[t]:
                squares += innovation**2 / gains.variance[t, :, None]
    n = int(counted.sum())
    # x and y are one channel: else the result would depend on how the picture is turned.
    squares[:, :2] = squares[:, :2].mean(1, keepdims=True)
    cost = np.log(gains.variance[counted]).sum(0)[:, None]
    frames, squares = n + _EXPECTED_FRAMES, squares + _EXPECTED_FRAMES
    noise = np.minimum(squares / frames, _MOST_NOISE**2)
    cost = cost + frames * np.log(noise) + squares / noise
    cost += ((np.log10(_RATIOS) - _USUAL_RATIO) / _DECADES)[:, None] ** 2
    best: np.ndarray = cost.argmin(0)
    return best


def _path(values: np.ndarray, seconds: np.ndarray, gains: "_Gains") -> np.ndarray:
    """Filter forwards and smooth backwards; the positions."""
    steps = np.diff(seconds, prepend=seconds[0])
    position, velocity = np.zeros_like(values), np.zeros_like(values)
    x = v = np.zeros(values.shape[1])
    for t, step in enumerate(steps):
        x = x + step * v
        innovation = values[t] - x  # of a frame that was not seen the gain is 0
        x = x + gains.update[t, :, 0] * innovation
        v = v + gains.update[t, :, 1] * innovation
        position[t], velocity[t] = x, v
    for t in range(len(values) - 2, -1, -1):
        late = position[t + 1] - position[t] - steps[t + 1] * velocity[t]
        faster = velocity[t + 1] - velocity[t]
        back = gains.back[t]
        position[t] += back[:, 0, 0] * late + back[:, 0, 1] * faster
        velocity[t] += back[:, 1, 0] * late + back[:, 1, 1] * faster
    return position


@dataclass(frozen=True)
class _Gains:
    """All of the filter and the smoother that does not depend on the values, for g ratios.

    Shapes:
        ``update: n g 2``, ``variance: n g`` (of the innovation), ``back: n g 2 2``,
        ``filtered, predicted: n g 2 2``
    """

    update: np.ndarray
    variance: np.ndarray
    back: np.ndarray
    filtered: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, seconds: np.ndarray, seen: np.ndarray, ratios: np.ndarray) -> "_Gains":
        n, g = len(seconds), len(ratios)
        filtered, predicted = np.empty((n, g, 2, 2)), np.empty((n, g, 2, 2))
        update, variance = np.zeros((n, g, 2)), np.empty((n, g))
        steps = np.diff(seconds)
        unit = float(np.median(steps)) if n > 1 else 1.0
        p = np.broadcast_to(np.diag([_UNKNOWN, _UNKNOWN / unit**2]), (g, 2, 2))
        for t in range(n):
            if t:
                p = _predicted(p, steps[t - 1], ratios)
            predicted[t] = p
            variance[t] = p[:, 0, 0] + 1
            if seen[t]:
                update[t] = p[:, :, 0] / variance[t, :, None]
                p = p - update[t, :, :, None] * p[:, None, 0, :]
            filtered[t] = p
        back = np.zeros_like(filtered)
        forward = np.zeros((n - 1, 1, 2, 2)) + np.eye(2)
        forward[:, 0, 0, 1] = steps
        back[:-1] = filtered[:-1] @ forward.swapaxes(2, 3) @ np.linalg.inv(predicted[1:])
        return cls(update, variance, back, filtered, predicted)

    def take(self, chosen: np.ndarray) -> "_Gains":
        """Those of the chosen ratio for every channel."""
        parts = (self.update, self.variance, self.back, self.filtered, self.predicted)
        return _Gains(*(part[:, chosen] for part in parts))

    def smoothed_variance(self) -> np.ndarray:
        """Of the position, both directions considered: ``n g``."""
        p = self.filtered.copy()
        for t in range(len(p) - 2, -1, -1):
            change = p[t + 1] - self.predicted[t + 1]
            p[t] += self.back[t] @ change @ self.back[t].swapaxes(1, 2)
        variance: np.ndarray = p[..., 0, 0]
        return variance


def _predicted(p: np.ndarray, step: float, ratios: np.ndarray) -> np.ndarray:
    """Covariance of position and velocity after ``step`` seconds of white acceleration."""
    forward = np.array([[1.0, step], [0.0, 1.0]])
    grown = np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
    after: np.ndarray = forward @ p @ forward.T + ratios[:, None, None] * grown
    return after


def _jumps(
    z: np.ndarray, seconds: np.ndarray, seen: np.ndarray, gate: float
) -> Bool[np.ndarray, "n"]:
    """Frames that lie elsewhere than all others say.

    A frame beside a jump is as far from the others as the jump is; the ones that go are those that
    lie far from the median of the frames around, too.
    """
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
        around = sliding_window_view(np.pad(odd, _AROUND), 2 * _AROUND + 1)
        worst = (excess > 0) & (odd >= around.max(1) / 2)
        used[np.flatnonzero(used)[worst]] = False
    jumps: np.ndarray = seen & ~used
    return jumps


def _excess(z: np.ndarray, seconds: np.ndarray, used: np.ndarray) -> Float[np.ndarray, "m"]:
    """How far each used frame lies from where the others put it, less 3 sigma, in sizes.

    Leaving an observation of unit noise out of a smoother changes its residual e and its variance
    h to ``e / (1 - h)`` and ``h / (1 - h)``.
    """
    values = _real(z[used])
    ratio = np.array([(_ACCELERATION / _NOISE) ** 2])
    gains = _Gains.of(seconds[used], np.ones(len(values), dtype=bool), ratio)
    variance = gains.smoothed_variance()[:, 0]
    left = np.maximum(1 - variance, 1 / _UNKNOWN)
    start = values[len(values) // 2]
    path = _path(values - start, seconds[used], gains.take(np.zeros(values.shape[1], dtype=int)))
    e = (values - start - path).reshape(len(values), 2, -1)
    distance = np.median(np.hypot(e[:, 0], e[:, 1]), 1) / left
    excess: np.ndarray = distance - 3 * _NOISE * np.sqrt(variance / left)
    return excess


def _oddness(z: np.ndarray) -> Float[np.ndarray, "m"]:
    """How far half the landmarks of each frame lie from their medians over the frames around."""
    values, last = _real(z), len(z) - 1
    rows = abs(np.arange(len(z))[:, None] + np.arange(-_AROUND, _AROUND + 1))
    rows = abs(last - abs(last - rows))  # beyond an end, the frames before it once more
    middle = np.median(values[np.minimum(rows, last)], 1)
    e = (values - middle).reshape(len(z), 2, -1)
    oddness: np.ndarray = np.median(np.hypot(e[:, 0], e[:, 1]), 1)
    return oddness
