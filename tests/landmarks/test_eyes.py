"""Lids and irises of painted eyes go where those of other eyes are."""

import math

import pytest
import torch

from graphgan.landmarks._eyes import Eyes, eye_states, with_eyes_of

SIZE, WIDTH = 128, 32.0
SKIN, WHITE, DARK = 0.3, 0.9, -0.9
CENTERS = ((36.0, 60.0), (92.0, 60.0))


def eyes(opening: float = 0.35, across: float = 0.0, down: float = 0.0, scale: float = 1.0) -> Eyes:
    """Both eyes of a level face: lids are parabolas so far apart, irises are so far off."""
    t = torch.linspace(0, 1, 9)
    bow = 4 * t * (1 - t)
    height = opening / (4 * 0.375 * 0.625) / 2  # measured at three and five eighths of the way
    lower = torch.stack([t - 0.5, height * bow], 1)
    upper = torch.stack([t - 0.5, -height * bow], 1)[1:-1]
    contour = torch.cat([lower, upper])  # of the right eye, whose outer corner is on the left
    mirrored = contour * torch.tensor([-1.0, 1.0])
    centers = torch.tensor(CENTERS)[:, None]
    contours = WIDTH * torch.stack([contour, mirrored]) + centers
    irises = centers[:, 0] + WIDTH * torch.tensor([across, down])
    return Eyes(scale * irises[None], scale * contours[None])


def face(opening: float = 0.35) -> torch.Tensor:
    """Skin, whites, and round irises behind the lids of `eyes`."""
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    image = torch.full((SIZE, SIZE), SKIN)
    for center_x, center_y in CENTERS:
        t = (x - center_x) / WIDTH + 0.5
        height = opening / (4 * 0.375 * 0.625) / 2 * 4 * t * (1 - t)
        inside = ((y - center_y).abs() / WIDTH < height) & (t > 0) & (t < 1)
        iris = (x - center_x).square() + (y - center_y).square() < (0.18 * WIDTH) ** 2
        image = torch.where(inside, torch.where(iris, DARK, WHITE), image)
    return image.expand(1, 3, SIZE, SIZE).contiguous()


def seen(image: torch.Tensor, value: float) -> float:
    """Share of pixels about so bright, of the eyes of `face`."""
    near, there = (((x - value).abs() < 0.3).float().sum() for x in (image, face()))
    return float(near / there)


def dark_middle(image: torch.Tensor, left: int) -> tuple[float, float]:
    """Of what is dark in one half of a face."""
    dark = (image[0, 0, :, left : left + 64] < -0.3).nonzero().float()
    y, x = dark.mean(0).tolist()
    return x + left, y


def test_closed_lids_cover_iris_and_white():
    closed = with_eyes_of(face(), eyes(), eyes(opening=0.1))
    assert torch.equal(with_eyes_of(face(), eyes(), eye_states(eyes(opening=0.1))), closed)
    assert seen(closed, WHITE) < 0.15
    for left in (0, 64):
        between = closed[0, 0, 50:62, left + 20 : left + 44]
        assert (between > -0.5).float().mean() > 0.8  # a line of it, at most


def test_a_closed_lid_is_skin_with_a_thin_dark_edge():
    """The lashes and shadow above an open eye are as high as the lid: they do not cover it."""
    image = face()
    image[..., 44:54, :] = torch.where(image[..., 44:54, :] == SKIN, -0.6, image[..., 44:54, :])
    closed = with_eyes_of(image, eyes(), eyes(opening=0.1))
    lid = closed[0, 0, 56:59, 32:40]  # above the lashes, where the eyeball was
    shaded = 0.9 * (SKIN + 1) - 1
    assert ((lid - shaded).abs() < 0.25).all()
    half = with_eyes_of(image, eyes(), eyes(opening=0.3))
    assert half[0, 0, 50:53, 32:40].mean() < -0.4  # lids that hardly fall keep their edge


def test_a_lid_that_falls_covers_the_iris_and_does_not_squeeze_it():
    half = with_eyes_of(face(), eyes(), eyes(opening=0.24))
    assert 0.2 < seen(half, DARK) < 0.8
    rows = (half[0, 0, :, 36] < -0.3).nonzero()
    columns = (half[0, 0] < -0.3).any(0)[:64].sum()
    assert columns >= 0.3 * WIDTH  # as wide as it was
    assert rows.min() > 55  # from above


@pytest.mark.parametrize(("across", "down"), [(0.1, 0.0), (-0.1, 0.0), (0.0, 0.05), (0.0, -0.05)])
def test_both_irises_go_the_same_way_one_and_a_half_times_as_far(across, down):
    moved = with_eyes_of(face(), eyes(), eyes(across=across, down=down))
    for left, (x, y) in zip((0, 64), CENTERS, strict=True):
        now_x, now_y = dark_middle(moved, left)
        before_x, before_y = dark_middle(face(), left)
        assert now_x - before_x == pytest.approx(1.5 * across * WIDTH, abs=0.6)
        if down:  # lids cover a part of what moves
            assert math.copysign(1, now_y - before_y) == math.copysign(1, down)
            assert abs(now_y - before_y) > 0.15
        assert (x, y) == pytest.approx((before_x, before_y), abs=0.6)


def test_nothing_else_is_touched():
    image = 2 * torch.rand(1, 3, SIZE, SIZE) - 1
    moved = with_eyes_of(image, eyes(), eyes(0.1, across=0.1))
    changed = ((moved - image).abs() > 1e-3).any(1)[0].nonzero()
    reach = WIDTH * torch.tensor([1.0, 0.6])
    nearest = (changed[:, None] - torch.tensor(CENTERS).flip(1)).abs()
    assert (nearest <= reach).all(-1).any(1).all()
    assert moved.min() >= -1 and moved.max() <= 1


def test_a_turned_face_has_turned_eyes():
    """A quarter to the left: what was to the right is above."""
    turned = [
        Eyes(*(torch.stack([p[..., 1], SIZE - 1 - p[..., 0]], -1) for p in given))
        for given in (eyes(), eyes(0.2, across=0.1))
    ]
    expected = with_eyes_of(face(), eyes(), eyes(0.2, across=0.1)).rot90(1, (2, 3))
    found = with_eyes_of(face().rot90(1, (2, 3)), *turned)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_a_face_without_eyes_or_with_tiny_ones_stays_and_others_do_not_care():
    images = torch.rand(4, 3, SIZE, SIZE)
    own = [eyes(), eyes(), eyes(), eyes(scale=0.2)]
    wanted = [eyes(0.1), Eyes.missing(1), eyes(0.2), eyes(0.1)]
    given = [Eyes(*(torch.cat(parts) for parts in zip(*x, strict=True))) for x in (own, wanted)]
    moved = with_eyes_of(images, *given)
    assert torch.equal(moved[[1, 3]], images[[1, 3]])
    for i in (0, 2):
        alone = with_eyes_of(images[i : i + 1], own[i], wanted[i])
        torch.testing.assert_close(moved[i : i + 1], alone, atol=1e-4, rtol=0)
        assert (moved[i] - images[i]).abs().max() > 0.1
