import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphgan.data.augmentation import draw_change


def dots(points, size=64):
    """A picture whose channels each show a spot, at points (3, 2) in pixels."""
    y, x = torch.meshgrid(*(torch.arange(float(size)),) * 2, indexing="ij")
    squared = (x - points[:, 0, None, None]) ** 2 + (y - points[:, 1, None, None]) ** 2
    return torch.exp(-squared / 8)


@given(seed=st.integers(0, 1000), strength=st.floats(0.1, 1.0))
@settings(max_examples=20, deadline=None)
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


def test_every_item_is_changed_in_its_own_way():
    images = dots(torch.tensor([[22.0, 30.0], [40.0, 24.0], [33.0, 44.0]])).expand(4, -1, -1, -1)
    changed = draw_change(images, strength=0.5).of_images(images)
    assert all((changed[i] - changed[j]).abs().max() > 0.01 for i in range(4) for j in range(i))


def test_without_strength_nothing_changes():
    images, landmarks = 2 * torch.rand(2, 3, 32, 48) - 1, 31 * torch.rand(2, 68, 2)
    change = draw_change(images, strength=0.0)
    torch.testing.assert_close(change.of_images(images), images, atol=1e-4, rtol=0)
    torch.testing.assert_close(change.of_landmarks(landmarks), landmarks, atol=1e-4, rtol=0)


def test_values_stay_in_range_and_gradients_pass():
    images = (2 * torch.rand(2, 3, 16, 16) - 1).requires_grad_()
    changed = draw_change(images, strength=1.0).of_images(images)
    assert changed.abs().max() <= 1
    changed.sum().backward()
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_refuses_another_strength(strength):
    with pytest.raises(ValueError, match=f"strength from 0 to 1, got {strength}"):
        draw_change(torch.zeros(1, 3, 8, 8), strength=strength)
