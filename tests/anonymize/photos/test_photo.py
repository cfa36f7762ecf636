import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.anonymize.photos import Frame

side = st.integers(1, 9)
channels = st.integers(1, 4)


def random_frame(channels: int, height: int, width: int, seed: int, **options) -> Frame:
    generator = torch.Generator().manual_seed(seed)
    return Frame(
        torch.randint(256, (channels, height, width), generator=generator).byte(), **options
    )


def random_change(height: int, width: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """New colors, and a mask that is often neither empty nor full."""
    generator = torch.Generator().manual_seed(seed + 1)
    rgb = torch.randint(256, (3, height, width), generator=generator).byte()
    return rgb, torch.rand(1, height, width, generator=generator).sub(0.5).clamp(min=0)


@given(channels=channels, height=side, width=side, seed=st.integers(0, 999))
def test_pixels_outside_the_mask_and_alpha_stay_bit_by_bit(channels, height, width, seed):
    frame = random_frame(channels, height, width, seed)
    rgb, mask = random_change(height, width, seed)
    changed = frame.with_rgb(rgb, mask)
    outside = (mask == 0).expand_as(frame.pixels)
    assert torch.equal(changed.pixels[outside], frame.pixels[outside])
    if channels in (2, 4):
        assert torch.equal(changed.alpha, frame.alpha)


@given(height=side, width=side, seed=st.integers(0, 999))
def test_opaque_colors_are_the_given_ones_where_the_mask_is_not_0(height, width, seed):
    frame = random_frame(3, height, width, seed)
    rgb, mask = random_change(height, width, seed)
    expected = torch.where(mask > 0, rgb, frame.pixels)
    assert torch.equal(frame.with_rgb(rgb, mask).rgb(), expected)


@given(red=st.integers(0, 255), green=st.integers(0, 255), blue=st.integers(0, 255))
def test_gray_takes_the_luminance(red, green, blue):
    rgb = torch.tensor([red, green, blue]).byte().view(3, 1, 1)
    gray = random_frame(1, 1, 1, 0).with_rgb(rgb, torch.ones(1, 1, 1))
    assert gray.pixels.item() == pytest.approx(0.299 * red + 0.587 * green + 0.114 * blue, abs=0.51)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_putting_back_what_a_viewer_shows_changes_nothing(channels):
    frame = random_frame(channels, 40, 40, 0)
    again = frame.with_rgb(frame.rgb(), torch.ones(1, 40, 40))
    off = (again.rgb().int() - frame.rgb().int()).abs().max()
    assert off <= 1
    if channels in (1, 3):
        assert torch.equal(again.pixels, frame.pixels)


@given(alpha=st.integers(1, 255), seed=st.integers(0, 99))
def test_behind_alpha_the_new_color_is_shown_as_far_as_it_can(alpha, seed):
    frame = random_frame(4, 1, 1, seed)
    frame.pixels[3] = alpha
    rgb, _ = random_change(1, 1, seed)
    shown = frame.with_rgb(rgb, torch.ones(1, 1, 1)).rgb()[:, 0, 0].tolist()
    for given_, got in zip(rgb[:, 0, 0].tolist(), shown, strict=True):
        low, high = 128 * (255 - alpha) / 255, (255 * alpha + 128 * (255 - alpha)) / 255
        assert got == pytest.approx(min(max(given_, low), high), abs=1.01)


def test_sixteen_bits_are_kept_outside_and_scaled_inside():
    pixels = torch.tensor([[[1, 257, 65535, 300]]]).to(torch.uint16)
    frame = Frame(pixels)
    assert frame.rgb()[0, 0].tolist() == [0, 1, 255, 1]
    mask = torch.tensor([[[0, 0, 1, 1]]])
    changed = frame.with_rgb(torch.full((3, 1, 4), 7).byte(), mask)
    assert changed.pixels.dtype == torch.uint16
    assert changed.pixels.int()[0, 0].tolist() == [1, 257, 7 * 257, 7 * 257]


def test_a_mask_that_is_not_a_number_is_taken_for_a_face():
    frame = random_frame(3, 2, 2, 0)
    changed = frame.with_rgb(torch.zeros(3, 2, 2).byte(), torch.full((1, 2, 2), math.nan))
    assert changed.pixels.max() == 0


def test_few_colors_stay_few_and_those_outside_the_mask_stay():
    colors = torch.randint(256, (256, 3)).byte()
    pixels = colors[torch.arange(32 * 32).view(32, 32) % 256].permute(2, 0, 1)
    frame = Frame(pixels.contiguous(), max_colors=256)
    mask = torch.zeros(1, 32, 32)
    mask[:, 8:24, 8:24] = 1
    rgb, _ = random_change(32, 32, 0)
    changed = frame.with_rgb(rgb, mask)
    outside = (mask == 0).expand(3, -1, -1)
    assert torch.equal(changed.pixels[outside], pixels[outside])
    assert len(changed.pixels.flatten(1).T.unique(dim=0)) <= 256
    inside = changed.pixels[:, 8:24, 8:24].flatten(1).T.float()
    nearest = torch.cdist(rgb[:, 8:24, 8:24].flatten(1).T.float(), colors.float()).min(1).values
    got = (inside - rgb[:, 8:24, 8:24].flatten(1).T).norm(dim=1)
    assert (got <= nearest + 8).all()  # Pillow looks for the nearest among cells of 4 levels
    assert len(torch.cat([changed.pixels.flatten(1).T, colors]).unique(dim=0)) <= 256


def test_there_is_room_for_new_colors_where_few_are_kept():
    frame = Frame(torch.zeros(4, 16, 16).byte() + 255, max_colors=256)
    mask = torch.zeros(1, 16, 16)
    mask[:, 2:14, 2:14] = 1
    rgb, _ = random_change(16, 16, 0)
    assert torch.equal(frame.with_rgb(rgb, mask).rgb()[:, 2:14, 2:14], rgb[:, 2:14, 2:14])


@pytest.mark.unhooked
@pytest.mark.parametrize(
    "pixels",
    [
        torch.zeros(5, 2, 2).byte(),
        torch.zeros(3, 0, 2).byte(),
        torch.zeros(2, 2).byte(),
        torch.zeros(3, 2, 2).to(torch.uint16),
        torch.zeros(1, 2, 2),
    ],
    ids=lambda pixels: f"{tuple(pixels.shape)} {pixels.dtype}",
)
def test_refuses_what_is_no_frame(pixels):
    with pytest.raises(ValueError, match="expected pixels"):
        Frame(pixels)


@pytest.mark.unhooked
def test_refuses_a_picture_of_another_size():
    frame, mask = random_frame(3, 4, 5, 0), torch.ones(1, 4, 5)
    with pytest.raises(ValueError, match=r"expected rgb of \(4, 5\), got \(5, 4\)"):
        frame.with_rgb(torch.zeros(3, 5, 4).byte(), mask)
    with pytest.raises(ValueError, match=r"expected mask of \(4, 5\), got \(4, 4\)"):
        frame.with_rgb(torch.zeros(3, 4, 5).byte(), torch.ones(1, 4, 4))
