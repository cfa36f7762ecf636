"""On drawn clips, whose truth is known: see `face_clips`."""

import math

import numpy as np
import pytest
import torch
from face_clips import EYES, clip, jitter, lag, noise, rms
from hypothesis import given
from hypothesis import strategies as st

from graphgan.anonymize.video.one_euro import OneEuroFilter

seeds = st.integers(0, 10**6)


def filtered(found: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    live = OneEuroFilter()
    return torch.stack([live(x, float(t)) for x, t in zip(found, times, strict=True)])


@pytest.mark.parametrize("seed", range(3))
def test_jitter_is_less_and_the_lag_below_one_frame(seed):
    times, truth, found, _ = clip(seed)
    result = filtered(found, times)
    assert jitter(result - truth) < 0.75 * jitter(found - truth)
    assert rms(result - truth) < 1.05 * rms(found - truth)
    assert abs(lag(result, truth)) < 0.5


def test_a_face_at_rest_trembles_less_than_half():
    times, truth, _, _ = clip(0)
    still = truth[:1].expand_as(truth)
    found = (still + torch.from_numpy(noise(np.random.default_rng(0), tuple(still.shape)))).round()
    result = filtered(found, times)
    assert jitter((result - still)[10:]) < 0.5 * jitter((found - still)[10:])


@given(seed=seeds, angle=st.floats(-4, 4), scale=st.floats(0.05, 20), x=st.floats(-1e3, 1e3))
def test_results_turn_scale_and_move_with_the_face(seed, angle, scale, x):
    times, _, found, _ = clip(seed % 5, n=40)
    turn = scale * torch.tensor([
        [math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]
    ]).double()  # fmt: skip
    shift = torch.tensor([x, -2 * x]).double()
    result = filtered(found @ turn.T + shift, times)
    expected = filtered(found, times) @ turn.T + shift
    torch.testing.assert_close(result, expected, atol=1e-6 * scale * EYES, rtol=0)


def test_a_full_turn_is_followed():
    times, truth, _, _ = clip(0, lively=0.0)
    z = torch.view_as_complex(truth - truth.mean(1, keepdim=True)) * torch.exp(4j * times)[:, None]
    spinning = torch.view_as_real(z)
    assert rms(filtered(spinning, times) - spinning) < 0.02 * EYES


def test_a_frame_without_landmarks_repeats_the_last():
    live = OneEuroFilter()
    face = clip(0).found
    nothing = torch.full_like(face[0], math.nan)
    assert live(nothing, 0.0).isnan().all()
    first = live(face[0], 0.1)
    torch.testing.assert_close(first, face[0])
    assert torch.equal(live(nothing, 0.2), first)
    assert live(face[1], 0.3).isfinite().all()


def test_refuses_time_that_stands_still_and_other_faces():
    live = OneEuroFilter()
    live(torch.rand(5, 2), 1.0)
    with pytest.raises(ValueError, match=r"after 1\.0 s, got 1\.0"):
        live(torch.rand(5, 2), 1.0)
    with pytest.raises(ValueError, match="expected 5 landmarks, got 6"):
        live(torch.rand(6, 2), 2.0)
    with pytest.raises(ValueError, match="all equal"):
        live(torch.ones(5, 2), 3.0)
    with pytest.raises(ValueError, match="beta above 0"):
        OneEuroFilter(beta=0.0)
