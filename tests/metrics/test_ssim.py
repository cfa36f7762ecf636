import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from graphgan.data import SyntheticPersons
from graphgan.landmarks import pose_mask
from graphgan.metrics import mask_ssim, ssim

seeds, sides = st.integers(0, 9999), st.integers(11, 32)


def pictures(seed, height, width, *, count=2, noise=0.5):
    """A batch and one that is somewhat like it, in [-1, 1]."""
    torch.manual_seed(seed)
    one = 2 * torch.rand(count, 3, height, width, dtype=torch.float64) - 1
    return one, (one + noise * torch.randn_like(one)).clamp(-1, 1)


def by_scikit_image(output, target, highest):
    """What the field computes, of images from 0 to ``highest``."""
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return [
        structural_similarity(a, b, data_range=highest, channel_axis=0, **options)
        for a, b in zip(output.numpy(), target.numpy(), strict=True)
    ]


def from_uint8(images):
    return images.double() / 127.5 - 1


@pytest.fixture(scope="module")
def persons():
    """Six drawn people and six others, as 8 bits; joints of the others."""
    drawn = [SyntheticPersons(6, 2)[i] for i in range(12)]
    images = torch.stack([person.image for person in drawn])
    return images[::2], images[1::2], torch.stack([person.landmarks for person in drawn[1::2]])


# ssim


@given(seed=seeds, height=sides, width=sides, noise=st.floats(0, 2))
def test_agrees_with_scikit_image(seed, height, width, noise):
    output, target = pictures(seed, height, width, noise=noise)
    expected = by_scikit_image((output + 1) / 2, (target + 1) / 2, 1.0)
    np.testing.assert_allclose(ssim(output, target), expected, atol=1e-10)
    np.testing.assert_allclose(ssim(output.float(), target.float()), expected, atol=1e-6)


@given(seed=seeds)
def test_a_batch_is_its_items_one_by_one(seed):
    output, target = pictures(seed, 16, 18, count=3)
    mask = torch.rand(3, 1, 16, 18, dtype=torch.float64)
    for measure in (lambda o, t, m: ssim(o, t), lambda o, t, m: ssim(o, t, mask=m), mask_ssim):
        items = [measure(*(x[i, None] for x in (output, target, mask))) for i in range(3)]
        torch.testing.assert_close(measure(output, target, mask), torch.cat(items))


# ssim with a mask


@given(seed=seeds)
def test_a_mask_is_the_mean_of_the_map_inside(seed):
    output, target = pictures(seed, 21, 17)
    mask = (torch.rand(2, 1, 21, 17) < 0.4).double()
    mask[:, :, 10, 8] = 1
    # One place is an image of 11 x 11 around it.
    for i in range(2):
        inside = [
            ssim(*(x[i, None, :, y - 5 : y + 6, x_ - 5 : x_ + 6] for x in (output, target)))
            for y in range(5, 16)
            for x_ in range(5, 12)
            if mask[i, 0, y, x_]
        ]
        found = ssim(output, target, mask=mask)[i]
        torch.testing.assert_close(found, torch.cat(inside).mean())


def test_what_no_window_of_the_mask_sees_does_not_count():
    output, target = pictures(2, 40, 30)
    mask = torch.zeros(2, 1, 40, 30, dtype=torch.float64)
    mask[:, :, 8:15, 8:15] = 1
    changed = output.clone()
    changed[:, :, 20:], changed[..., 20:] = 1, -1
    torch.testing.assert_close(ssim(changed, target, mask=mask), ssim(output, target, mask=mask))


def test_without_a_place_in_the_mask_there_is_no_number():
    output, target = pictures(3, 20, 20, count=3)
    mask = torch.zeros(3, 1, 20, 20, dtype=torch.float64)
    mask[1, :, :5] = 1  # no window fits there
    mask[2] = 1
    assert ssim(output, target, mask=mask).isnan().tolist() == [True, True, False]


# mask_ssim


def test_the_published_measure_agrees_with_scikit_image(persons):
    output, target, joints = persons
    mask = pose_mask(joints, (128, 64))
    black_outside = (output * mask.byte(), target * mask.byte())
    found = mask_ssim(from_uint8(output), from_uint8(target), mask.double())
    np.testing.assert_allclose(found, by_scikit_image(*black_outside, 255), atol=1e-10)


@given(seed=seeds)
def test_the_published_measure_does_not_look_outside(seed):
    output, target = pictures(seed, 20, 16)
    mask = (torch.rand(2, 1, 20, 16) < 0.5).double()
    changed = torch.where(mask.bool(), output, torch.rand_like(output))
    torch.testing.assert_close(mask_ssim(changed, target, mask), mask_ssim(output, target, mask))


# Errors


@pytest.mark.unhooked
@pytest.mark.parametrize("measure", [lambda o, t, m: ssim(o, t, mask=m), mask_ssim])
@pytest.mark.parametrize(
    ("output", "target", "mask", "message"),
    [
        ((2, 3, 16, 12), (2, 3, 12, 16), (2, 1, 16, 12), r"one shape, got \(2, 3, 16, 12\) and"),
        ((2, 3, 16, 12), (1, 3, 16, 12), (2, 1, 16, 12), r"and \(1, 3, 16, 12\)"),
        ((2, 3, 16, 12), (2, 3, 16, 12), (1, 1, 16, 12), r"\(2, 1, 16, 12\), got \(1, 1, 16, 12\)"),
        ((2, 3, 16, 12), (2, 3, 16, 12), (2, 3, 16, 12), r"\(2, 1, 16, 12\), got \(2, 3, 16, 12\)"),
        ((2, 3, 16, 10), (2, 3, 16, 10), (2, 1, 16, 10), "at least 11 pixels, got 16 x 10"),
        ((2, 3, 10, 16), (2, 3, 10, 16), (2, 1, 10, 16), "at least 11 pixels, got 10 x 16"),
        ((3, 16, 12), (3, 16, 12), (1, 16, 12), r"\(b, 3, h, w\), got \(3, 16, 12\)"),
        ((2, 1, 16, 12), (2, 1, 16, 12), (2, 1, 16, 12), r"\(b, 3, h, w\), got \(2, 1, 16, 12\)"),
        ((0, 3, 16, 12), (0, 3, 16, 12), (0, 1, 16, 12), "got an empty batch"),
    ],
)
def test_refuses_other_shapes(measure, output, target, mask, message):
    with pytest.raises(ValueError, match=message):
        measure(torch.zeros(output), torch.zeros(target), torch.zeros(mask))
