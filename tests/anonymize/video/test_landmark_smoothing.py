"""On drawn clips, whose truth is known: see `face_clips`."""

import math

import numpy as np
import pytest
import torch
from face_clips import EYES, FPS, clip, jitter, lag, rms
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline
from scipy.linalg import cho_solve_banded

from graphgan.anonymize.video import smooth_eyes, smooth_landmarks
from graphgan.anonymize.video._landmark_smoothing import (
    _differences,
    _factor,
    _residuals,
)

seeds = st.integers(0, 10**6)


def eye_opening(x: torch.Tensor) -> torch.Tensor:
    return (x[:, [37, 38, 43, 44]] - x[:, [41, 40, 47, 46]]).norm(dim=-1).mean(1)


def mouth_opening(x: torch.Tensor) -> torch.Tensor:
    return (x[:, 61:64] - x[:, [67, 66, 65]]).norm(dim=-1).mean(1)


@pytest.mark.parametrize("lively", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_jitter_is_halved_and_the_error_shrinks_without_lag(seed, lively):
    times, truth, found, _ = clip(seed, lively=lively)
    result = smooth_landmarks(found, times)
    assert not result.outliers.any()
    ours, raw = result.landmarks - truth, found - truth
    assert jitter(ours) < 0.4 * jitter(raw)
    assert rms(ours) < 0.55 * rms(raw)
    for feature in (slice(36, 48), slice(48, 68)):  # the fast ones on their own
        assert rms(ours[:, feature]) < 0.6 * rms(raw[:, feature])
    if lively:
        assert abs(lag(result.landmarks, truth)) < 0.25


@pytest.mark.parametrize("seed", range(3))
def test_blinks_and_speech_are_not_flattened(seed):
    times, truth, found, blink = clip(seed)
    result = smooth_landmarks(found, times).landmarks
    shut = blink > 0.6
    span = eye_opening(truth).max() - eye_opening(truth).min()
    left_open = (eye_opening(result) - eye_opening(truth))[shut].mean()
    assert abs(left_open) < 0.12 * span
    kept = np.polyfit(mouth_opening(truth), mouth_opening(result), 1)[0]
    assert kept == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 15])
def test_a_short_track_is_not_made_worse(n):
    ours, raw = [], []
    for seed in range(8):
        times, truth, found, _ = clip(seed)
        part = slice(11 * seed, 11 * seed + n)
        ours.append(smooth_landmarks(found[part], times[part]).landmarks - truth[part])
        raw.append(found[part] - truth[part])
    assert rms(torch.cat(ours)) <= 1.05 * rms(torch.cat(raw))


def test_missing_frames_are_estimated_between_their_neighbors():
    times, truth, found, _ = clip(1)
    missing = torch.zeros(len(times), dtype=torch.bool)
    missing[[20, 50, 51, 52, 90, 91, 92, 93, 94, 95]] = True
    holes = found.where(~missing[:, None, None], math.nan)
    result = smooth_landmarks(holes, times).landmarks
    assert result.isfinite().all()
    straight = np.stack([
        np.interp(times, times[~missing], x[~missing]) for x in found.flatten(1).T
    ], -1).reshape(found.shape)  # fmt: skip
    assert rms((result - truth)[missing]) < rms((torch.from_numpy(straight) - truth)[missing])
    assert rms((result - truth)[~missing]) < 0.6 * rms((found - truth)[~missing])


def test_times_at_odd_intervals_are_used():
    times, truth, found, _ = clip(2)
    kept = torch.rand(len(times)) < 0.6
    ours = smooth_landmarks(found[kept], times[kept]).landmarks - truth[kept]
    blind = (
        smooth_landmarks(found[kept], torch.arange(int(kept.sum())) / FPS).landmarks - truth[kept]
    )
    assert rms(ours) < 0.7 * rms((found - truth)[kept])
    assert rms(ours) < rms(blind)


@pytest.mark.parametrize("burst", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_a_detection_that_jumps_away_is_not_believed(seed, burst):
    times, truth, found, _ = clip(seed)
    wrong = torch.zeros(len(times), dtype=torch.bool)
    # At an end, only a single frame can be told from a face that jumped to where it then stays.
    for at in (0, 30, 77, len(times) - 1) if burst == 1 else (30, 77):
        wrong[at : at + burst] = True
    jumped = found + 0.8 * EYES * wrong[:, None, None]
    result = smooth_landmarks(jumped, times)
    assert torch.equal(result.outliers, wrong)
    assert rms((result.landmarks - truth)[~wrong]) < 0.6 * rms((found - truth)[~wrong])
    inside = wrong.clone()
    inside[[0, -1]] = False
    assert rms((result.landmarks - truth)[inside]) < 0.05 * EYES
    believed = smooth_landmarks(jumped, times, gate=math.inf)
    assert not believed.outliers.any()


def test_where_no_frame_fits_the_others_all_are_outliers():
    """Two faces that were taken for one, three frames each: both places are to be covered."""
    face = torch.randn(68, 2) * 20
    one, other = face + torch.tensor([630.0, 280]), 0.6 * face + torch.tensor([612.0, 196])
    drift = torch.tensor([0.0, 3, 6])[:, None, None]
    landmarks = torch.cat([one + drift, other + drift])
    smoothed = smooth_landmarks(landmarks, torch.arange(6) / 25)
    assert smoothed.outliers.all()
    assert smoothed.landmarks.isfinite().all()


def test_a_face_that_really_moves_fast_is_believed():
    times, truth, found, _ = clip(0, lively=0.0)
    path = 2 * EYES * torch.sin(2 * math.pi * 1.5 * times)  # up to 19 eye distances a second
    result = smooth_landmarks(found + path[:, None, None], times)
    assert not result.outliers.any()
    assert rms(result.landmarks - truth - path[:, None, None]) < rms(found - truth)


def test_frames_at_the_ends_keep_their_distance_or_repeat():
    times, _, found, _ = clip(0, n=30)
    observed = torch.ones(30, dtype=torch.bool)
    observed[:4] = observed[-3:] = False
    held = found.clone()
    held[:4] = found[4] - torch.tensor([8.0, 2.0]) * torch.arange(4, 0, -1)[:, None, None]
    held[-3:] = math.nan
    result = smooth_landmarks(held, times, observed=observed).landmarks
    torch.testing.assert_close(result[:4] - result[4], held[:4] - held[4])
    assert torch.equal(result[-3:], result[[-4]].expand(3, -1, -1))
    inner = smooth_landmarks(found[4:-3], times[4:-3]).landmarks
    torch.testing.assert_close(result[4:-3], inner)


def test_a_still_face_stays_exactly_still():
    face = clip(3).truth[:1].expand(40, -1, -1)
    times = torch.rand(40).double().cumsum(0)
    observed = torch.rand(40) < 0.7
    result = smooth_landmarks(face, times, observed=observed).landmarks
    assert torch.equal(result, result[:1].expand_as(result))
    torch.testing.assert_close(result, face, atol=1e-9, rtol=0)


def test_a_path_without_noise_is_left_as_it_is():
    times, truth, _, _ = clip(4)
    result = smooth_landmarks(truth, times).landmarks
    assert rms(result - truth) < 0.001 * EYES


@given(seed=seeds, angle=st.floats(-4, 4), scale=st.floats(0.05, 20), x=st.floats(-1e3, 1e3))
def test_the_result_turns_scales_and_moves_with_the_face(seed, angle, scale, x):
    times, _, found, _ = clip(seed % 5, n=40)
    holes = found.clone()
    holes[torch.rand(40, generator=torch.manual_seed(seed)) < 0.2] = math.nan
    holes[seed % 40] = found[seed % 40] + EYES
    turn = scale * torch.tensor([
        [math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]
    ]).double()  # fmt: skip
    shift = torch.tensor([x, -2 * x]).double()
    expected = smooth_landmarks(holes, times)
    result = smooth_landmarks(holes @ turn.T + shift, times)
    assert torch.equal(result.outliers, expected.outliers)
    moved = expected.landmarks @ turn.T + shift
    torch.testing.assert_close(result.landmarks, moved, atol=1e-4 * scale * EYES, rtol=0)


@given(seed=seeds, pace=st.floats(0.01, 100))
def test_time_that_runs_backwards_or_faster_changes_nothing(seed, pace):
    torch.manual_seed(seed)
    _, _, found, _ = clip(seed % 5, n=40)
    times = (0.2 + torch.rand(40).double()).cumsum(0) / FPS
    holes = found.clone()
    holes[torch.rand(40) < 0.2] = math.nan
    expected = smooth_landmarks(holes, times, gate=math.inf).landmarks
    back = smooth_landmarks(holes.flip(0), -times.flip(0), gate=math.inf).landmarks.flip(0)
    torch.testing.assert_close(back, expected, atol=1e-4 * EYES, rtol=0)
    faster = smooth_landmarks(holes, times / pace, gate=math.inf).landmarks
    torch.testing.assert_close(faster, expected, atol=1e-4 * EYES, rtol=0)


@given(seed=seeds, n=st.integers(1, 12), k=st.integers(2, 6))
def test_anything_that_is_seen_at_all_gives_finite_landmarks(seed, n, k):
    torch.manual_seed(seed)
    landmarks = 100 * torch.randn(n, k, 2)
    landmarks[torch.rand(n, k) < 0.1] = math.nan
    landmarks[int(torch.randint(n, ()))] = torch.randn(k, 2)
    times = torch.rand(n).add(1e-3).double().cumsum(0)
    result = smooth_landmarks(landmarks, times)
    assert result.landmarks.dtype == landmarks.dtype
    assert result.landmarks.isfinite().all()


def test_agrees_with_one_least_squares_problem():
    """The smoother's path is the one that balances both kinds of squares, solved at once."""
    rng = np.random.default_rng(0)
    seconds = np.cumsum(rng.uniform(0.5, 2, 12))
    seen = np.ones(12, dtype=bool)
    seen[[4, 5, 9]] = False
    values = rng.standard_normal((12, 1))
    ratio = 0.3
    steps = np.diff(seconds[seen])
    factor, apart = _factor(steps, ratio), _differences(values[seen], steps)
    smooth = values[seen] - _residuals(cho_solve_banded((factor, True), apart), steps)
    path = CubicSpline(seconds[seen], smooth, bc_type="natural")(seconds)
    rows, wanted = [], []
    for t in np.flatnonzero(seen):
        rows.append(np.eye(24)[2 * t])
        wanted.append(values[t, 0])
    for t, d in enumerate(np.diff(seconds)):
        step = np.zeros((2, 24))
        step[:, 2 * t : 2 * t + 4] = [[-1, -d, 1, 0], [0, -1, 0, 1]]
        covariance = ratio * np.array([[d**3 / 3, d**2 / 2], [d**2 / 2, d]])
        rows.extend(np.linalg.inv(np.linalg.cholesky(covariance)) @ step)
        wanted.extend((0, 0))
    solution = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0]
    np.testing.assert_allclose(path[:, 0], solution[::2], atol=1e-5)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("landmarks", "times", "options", "message"),
    [
        (torch.rand(3, 5, 2), [0.0, 1.0, 1.0], {}, "increasing times"),
        (torch.rand(3, 5, 2), [0.0, 1.0, math.nan], {}, "increasing times"),
        (torch.full((3, 5, 2), math.nan), [0.0, 1.0, 2.0], {}, "none of 3 frames"),
        (torch.rand(3, 1, 2), [0.0, 1.0, 2.0], {}, "at least 2 landmarks, got 1"),
        (torch.ones(3, 5, 2), [0.0, 1.0, 2.0], {}, "all equal in 3 frames"),
    ],
)
def test_refuses_what_cannot_be_smoothed(landmarks, times, options, message):
    with pytest.raises(ValueError, match=message):
        smooth_landmarks(landmarks, torch.tensor(times), **options)


def test_eyes_tremble_less_and_blinks_stay_as_fast_as_they_are():
    torch.manual_seed(0)
    truth = torch.tensor([0.3, 0.28, 0.1, 0.0, 0.1, 0.0]).repeat(60, 1)
    truth[20:23, :2] = 0.16  # a blink
    truth[40:, 2::2] = -0.1  # and a glance
    found = truth + 0.008 * torch.randn(60, 6)
    found[[5, 50]] = math.nan
    seen = found.isfinite().all(1)
    smooth = smooth_eyes(found)
    assert smooth.isfinite().all()
    assert rms((smooth - truth)[seen]) < 0.6 * rms((found - truth)[seen])
    assert (smooth - truth).abs().max() < 0.025
    assert smooth_eyes(torch.full((3, 6), math.nan)).isnan().all()
    far = torch.cat([found[:1], torch.full((4, 6), math.nan)])
    assert smooth_eyes(far).isfinite().all(1).tolist() == [True] * 4 + [False]
