import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.data import AdaptiveStrength, RandomChange, draw_change
from graphgan.training._step import Stateful


def dots(points, size=64):
    """An image whose channels each show a spot, at points (3, 2) in pixels."""
    y, x = torch.meshgrid(*(torch.arange(float(size)),) * 2, indexing="ij")
    squared = (x - points[:, 0, None, None]) ** 2 + (y - points[:, 1, None, None]) ** 2
    return torch.exp(-squared / 8)


@given(seed=st.integers(0, 1000), strength=st.floats(0.1, 1.0))
def test_landmarks_go_where_the_picture_goes(seed, strength):
    points = torch.tensor([[22.0, 30.0], [40.0, 24.0], [33.0, 44.0]])
    images = dots(points)[None]
    torch.manual_seed(seed)
    change = draw_change(images, strength=strength)
    still = change._replace(
        gain=torch.ones_like(change.gain), offset=torch.zeros_like(change.offset)
    )
    highest = still.of_images(images)[0].flatten(1).argmax(1)
    found = torch.stack([highest % 64, highest // 64], dim=1).float()
    assert (found - change.of_landmarks(points[None])[0]).abs().max() < 1


def test_without_strength_nothing_changes():
    images, landmarks = 2 * torch.rand(2, 3, 32, 48) - 1, 31 * torch.rand(2, 68, 2)
    change = draw_change(images, strength=0.0)
    torch.testing.assert_close(change.of_images(images), images, atol=1e-4, rtol=0)
    torch.testing.assert_close(change.of_landmarks(landmarks), landmarks, atol=1e-4, rtol=0)


def test_masks_are_moved_and_not_colored():
    """A mask is changed as landmarks are: nothing of it is left where it was not, nor colored."""
    images = dots(torch.tensor([[22.0, 30.0], [40.0, 24.0], [33.0, 44.0]]))[None]
    change = draw_change(images, strength=1.0, cutout=True)
    still = change._replace(
        gain=torch.ones_like(change.gain), offset=torch.zeros_like(change.offset), hole=None
    )
    torch.testing.assert_close(change.of_masks(images), still.of_images(images))
    assert torch.equal(change.of_masks(torch.zeros(1, 1, 64, 64)), torch.zeros(1, 1, 64, 64))
    torch.testing.assert_close(change.of_masks(9 * images), 9 * change.of_masks(images))


# Colors and holes of the paper


def unmoved(images: torch.Tensor, **options) -> RandomChange:
    """A change of colors alone."""
    change = draw_change(images, strength=1.0, **options)
    return change._replace(affine=torch.eye(2, 3).expand(len(images), 2, 3))


def test_colors_of_the_paper_by_hand():
    images = torch.rand(8, 3, 6, 7) - 0.5
    change = unmoved(images, colors="paper")
    brightness, saturation, contrast = change.offset[:, :1], change.saturation, change.contrast
    assert torch.equal(change.gain, torch.ones_like(change.gain))
    assert torch.equal(change.offset, brightness.expand(-1, 3, 1, 1))
    x = images + brightness
    x = x.mean(1, keepdim=True) + saturation * (x - x.mean(1, keepdim=True))
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + contrast * (x - mean)
    torch.testing.assert_close(change.of_images(images), x.clamp(-1, 1), atol=1e-5, rtol=0)


def test_colors_of_the_paper_are_drawn_from_its_ranges():
    images = torch.zeros(2000, 3, 2, 2)
    change = unmoved(images, colors="paper")
    for values, low, high in (
        (change.offset, -0.5, 0.5),
        (change.saturation, 0.0, 2.0),
        (change.contrast, 0.5, 1.5),
    ):
        assert low <= values.min() < low + 0.02 and high - 0.02 < values.max() <= high
        assert float(values.mean()) == pytest.approx((low + high) / 2, abs=0.05)


def test_a_hole_has_half_of_the_sides_and_is_0():
    images = torch.full((300, 3, 20, 32), 0.7)
    change = unmoved(images, cutout=True)
    changed = change._replace(
        gain=torch.ones_like(change.gain), offset=torch.zeros_like(change.offset)
    ).of_images(images)
    hole = (changed == 0).all(1)
    assert torch.equal(hole, (changed == 0).any(1))  # the same in all channels
    torch.testing.assert_close(changed[~hole[:, None].expand_as(changed)].min(), torch.tensor(0.7))
    rows, columns = (hole.any(2).sum(1), hole.any(1).sum(1))
    assert (rows.max(), columns.max()) == (10, 16)  # those that lie within the image
    assert torch.equal(hole.flatten(1).sum(1), rows * columns)
    assert hole.float().mean(0).min() > 0.05  # it may be anywhere


def test_holes_and_colors_leave_what_else_is_drawn_as_it_is():
    images, drawn = torch.rand(2, 3, 8, 8), []
    for options in ({}, {"cutout": True}, {"colors": "paper"}):
        torch.manual_seed(0)
        drawn.append(draw_change(images, strength=1.0, **options))
    assert all(torch.equal(change.affine, drawn[0].affine) for change in drawn)
    assert torch.equal(drawn[1].gain, drawn[0].gain) and torch.equal(
        drawn[1].offset, drawn[0].offset
    )


@pytest.mark.parametrize("options", [{"colors": "paper"}, {"colors": "paper", "cutout": True}])
def test_gradients_pass_through_all_that_is_not_cut_out(options):
    images = (torch.rand(2, 3, 16, 16) - 0.5).requires_grad_()
    change = unmoved(images.detach(), **options)
    changed = change.of_images(images)
    assert changed.abs().max() <= 1
    changed.square().sum().backward()
    assert images.grad.isfinite().all()
    hole = (changed == 0).all(1)
    assert hole.any() == (change.hole is not None)
    assert images.grad.abs().sum(1)[~hole].min() > 0


# How strongly


def logits(share: float, count: int = 100) -> torch.Tensor:
    """So many of them positive that the mean of their signs is that share."""
    positive = round(count * (1 + share) / 2)
    values = torch.rand(count) + 0.1
    return torch.cat([values[:positive], -values[positive:]]).reshape(10, 1, 1, -1)


def test_strength_rises_above_the_target_and_falls_below_it_in_equal_steps():
    adaptive, seen = AdaptiveStrength(0.5, ramp=100, every=1), []
    for share in (0.8, 0.62, 0.4, -1.0, 0.58):
        adaptive.update(logits(share))
        seen.append(adaptive.strength)
    assert seen == pytest.approx([0.6, 0.7, 0.6, 0.5, 0.4])


@pytest.mark.parametrize(("start", "share", "end"), [(0.0, -1.0, 0.0), (1.0, 1.0, 1.0)])
def test_it_stays_from_0_to_1(start, share, end):
    adaptive = AdaptiveStrength(start, ramp=15, every=1)
    for _ in range(3):
        adaptive.update(logits(share))
        assert adaptive.strength == end


def test_it_is_the_mean_of_several_updates():
    adaptive = AdaptiveStrength(0.5, ramp=400, every=4)
    for share in (1.0, 1.0, -0.2, 1.0):  # 0.7 on average
        assert adaptive.strength == 0.5
        adaptive.update(logits(share))
    assert adaptive.strength == pytest.approx(0.6)
    for share in (1.0, 1.0, -1.0, 1.0):  # 0.5
        adaptive.update(logits(share))
    assert adaptive.strength == pytest.approx(0.5)


def test_a_run_that_is_resumed_goes_on_as_if_nothing_had_been():
    shares = [0.9, 0.1, 0.8, 0.9, 0.9, 0.7, -0.3, 0.2, 0.9, 1.0]
    straight = AdaptiveStrength(0.3, ramp=300, every=3)
    for share in shares:
        straight.update(logits(share))
    first, resumed = (AdaptiveStrength(0.3, ramp=300, every=3) for _ in range(2))
    for share in shares[:5]:
        first.update(logits(share))
    resumed.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for share in shares[5:]:
        resumed.update(logits(share))
    assert resumed.state_dict() == pytest.approx(straight.state_dict())
    assert isinstance(straight, Stateful)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 1.5}, "strength from 0 to 1, got 1.5"),
        ({"target": 2.0}, "target from -1 to 1, got 2.0"),
        ({"ramp": 0}, "ramp of at least 1, got 0"),
        ({"every": 0}, "every of at least 1, got 0"),
    ],
)
def test_refuses_numbers_beyond_their_range(options, message):
    with pytest.raises(ValueError, match=message):
        AdaptiveStrength(**options)


def test_refuses_no_logits_and_another_state():
    adaptive = AdaptiveStrength()
    with pytest.raises(ValueError, match=r"logits of images, got shape \(0, 1\)"):
        adaptive.update(torch.zeros(0, 1))
    with pytest.raises(ValueError, match=r"expected .*'strength'.* got .*'weight'"):
        adaptive.load_state_dict({"weight": 1.0})
