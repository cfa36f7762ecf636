import math
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from graphgan.landmarks import one_hot_maps
from graphgan.layers import LandmarkAttention

SIZE = (64, 48)
K = 6


EXTENT = torch.tensor([SIZE[1] - 1.0, SIZE[0] - 1.0])


def points_inside(seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.rand(2, K, 2) * EXTENT


def learn(attention: LandmarkAttention, wanted: int, steps: int, lr: float) -> torch.Tensor:
    """Train on a task that asks for one landmark of the source; its last weights, for both sets."""
    optimizer = torch.optim.Adam(attention.parameters(), lr=lr)
    kernels = nn.init.orthogonal_(torch.empty(2 * K, 2 * K))
    target = kernels[K + wanted]
    for _ in range(steps):
        condition, source = torch.rand(2, 2, K, 2) * EXTENT
        weights = torch.cat(attention(condition, source, SIZE), dim=1)
        loss = (weights @ kernels - target).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return torch.cat(attention(points_inside(3), points_inside(4), SIZE), dim=1)


@given(first=st.integers(0, 999), second=st.integers(0, 999))
def test_means_of_one_hot_maps_say_nothing_of_the_landmarks(first, second):
    attention = LandmarkAttention(K, descriptor="gap")
    condition, source = points_inside(first), points_inside(second)
    weights = attention(condition, source, SIZE)
    others = attention(source, condition, SIZE)
    torch.testing.assert_close(weights, others, rtol=0, atol=1e-6)
    # Zero padding of the kernel makes the ends of the row differ, and nothing else does.
    inner = torch.cat([weights[1], weights[0]], dim=1)[:, 1:-1]
    torch.testing.assert_close(inner, inner[:1, :1].expand_as(inner), rtol=0, atol=1e-6)


@pytest.mark.parametrize("descriptor", ["position", "embedding"])
@pytest.mark.parametrize("wanted", [0, 2, 5])
def test_learned_descriptors_find_the_landmark_that_matters(descriptor, wanted):
    torch.manual_seed(wanted)
    attention = LandmarkAttention(K, descriptor=descriptor)
    weights = learn(attention, wanted, steps=300, lr=0.05)
    assert (weights.argmax(1) == K + wanted).all()
    assert (weights[:, K + wanted] > 0.5).all()


@given(x=st.floats(0, 47), y=st.floats(0, 63))
def test_position_agrees_with_its_formula(x, y):
    attention = LandmarkAttention(1, kernel_size=1, descriptor="position").double()
    point = torch.tensor([[[x, y]]]).double()
    condition, source = attention(point, point, SIZE)
    p = point[0, 0] / torch.tensor([23.5, 31.5]) - 1  # in halves of the image, from its center
    descriptor = attention.embedding + attention.direction @ p
    expected = torch.sigmoid(attention.gate.conv.weight[0, 0, 0] * descriptor)
    torch.testing.assert_close(torch.stack([source[0, 0], condition[0, 0]]), expected)


@given(seed=st.integers(0, 999), shift=st.floats(-40, 40))
def test_means_from_points_are_means_of_maps(seed, shift):
    attention = LandmarkAttention(K)
    condition, source = points_inside(seed) + shift, points_inside(seed + 1) - shift
    source[0, 3] = math.nan
    maps = (one_hot_maps(landmarks, SIZE) for landmarks in (condition, source))
    torch.testing.assert_close(
        attention(condition, source, SIZE), attention(*maps, SIZE), rtol=0, atol=1e-7
    )


@pytest.mark.parametrize("descriptor", ["gap", "position", "embedding"])
def test_a_missing_landmark_poisons_nothing(descriptor):
    attention = LandmarkAttention(K, descriptor=descriptor)
    source = points_inside(0).requires_grad_()
    missing = source.clone()
    missing[0, 2] = math.nan
    weights = attention(points_inside(1), missing, SIZE)
    assert all(w.isfinite().all() for w in weights)
    sum(w.sum() for w in weights).backward()
    assert all(p.grad.isfinite().all() for p in attention.parameters())
    assert source.grad is None or source.grad.isfinite().all()
    neighbors = attention(points_inside(1), source.detach(), SIZE)[1]
    torch.testing.assert_close(weights[1][1], neighbors[1])


def test_the_order_says_which_set_comes_first():
    build = partial(LandmarkAttention, K, descriptor="position")
    source_first, condition_first = build(order="source_first"), build(order="condition_first")
    condition_first.load_state_dict(source_first.state_dict())
    a, b = points_inside(0), points_inside(1)
    w_condition, w_source = source_first(a, b, SIZE)
    # Exchanged sets and exchanged order: the same row of descriptors.
    torch.testing.assert_close(condition_first(b, a, SIZE), (w_source, w_condition))
    assert not torch.equal(condition_first(a, b, SIZE)[0], w_condition)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("landmarks", "size", "message"),
    [
        (torch.ones(1, K, 2), 64, r"size as a pair \(h, w\), got 64"),
        (torch.ones(1, K, 2), (64, 64, 3), r"size as a pair \(h, w\), got \(64, 64, 3\)"),
        (torch.ones(1, 3, 64, 64), (64, 64), r"\(1, 3, 64, 64\); these look like images"),
        ([[1.0, 2.0]] * K, (64, 64), rf"as a tensor \(b, {K}, 2\), got list"),
    ],
)
def test_refuses_other_kinds_of_arguments(landmarks, size, message):
    with pytest.raises(ValueError, match=message):
        LandmarkAttention(K)(landmarks, landmarks, size)
