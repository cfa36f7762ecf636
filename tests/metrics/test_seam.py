"""A seam shows where a face was pasted hard, more with more contrast, less with a soft edge."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from astronaut import portrait
from scipy.ndimage import gaussian_filter

from graphgan.data import to_float_image
from graphgan.landmarks import polygon_mask
from graphgan.metrics import seam_visibility
from graphgan.metrics._seam import changed_region

IMAGE = 0.8 * to_float_image(portrait())[None]
CORNERS = 2 * torch.pi * torch.arange(24) / 24
OVAL = torch.stack([130 + 45 * CORNERS.cos(), 112 + 60 * CORNERS.sin()], 1)[None]
MASK = polygon_mask(OVAL, (256, 256))


def softened(mask, pixels):
    size = 2 * pixels + 1
    return F.avg_pool2d(F.pad(mask, (pixels,) * 4, mode="replicate"), size, 1)


def test_a_brighter_face_has_a_seam_that_grows_with_its_contrast():
    steps = (0.02, 0.05, 0.1, 0.2)
    found = [seam_visibility(IMAGE + step * MASK, IMAGE, MASK).item() for step in steps]
    assert 1 < found[0] < found[1] < found[2] < found[3]
    assert found[-1] > 1.3


def test_a_soft_edge_hides_it():
    found = [
        seam_visibility(IMAGE + 0.2 * softened(MASK, pixels), IMAGE, MASK).item()
        for pixels in (0, 2, 5, 12)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 1.1 < found[0]


def test_an_edge_that_was_there_before_is_no_seam():
    """A jaw before a dark wall: the mask runs along it."""
    head = IMAGE * MASK - (1 - MASK)
    assert seam_visibility(head, head, MASK).item() == 1
    torch.testing.assert_close(
        seam_visibility(0.9 * head, head, MASK), torch.ones(1), atol=0.05, rtol=0
    )


@pytest.mark.parametrize("axis", [2, 3])
def test_agrees_with_the_derivatives_of_gaussians_by_scipy(axis):
    """An outline along an axis: across is the one derivative, along the other."""
    generator = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.randn(1, 3, 60, 60, generator=generator)
    mask = torch.zeros(1, 1, 60, 60)
    mask.narrow(axis, 0, 30).fill_(1)
    band = [slice(3, -3)] * 2
    band[axis - 2] = slice(28, 32)

    def ratio(image):
        means = []
        for order in ((1, 0), (0, 1)):
            slopes = [gaussian_filter(c, 1.0, order, mode="nearest", radius=3) for c in image[0]]
            means.append(np.abs(np.stack(slopes))[:, *band].mean())
        return means[axis - 2] / means[3 - axis]

    pasted = noise + 0.3 * mask
    expected = ratio(pasted.numpy()) / ratio(noise.numpy())
    assert seam_visibility(pasted, noise, mask).item() == pytest.approx(expected, rel=0.05)
    assert expected > 2


def test_items_are_measured_by_themselves_and_masks_without_an_outline_are_nan():
    masks = torch.cat([MASK, MASK * 0, MASK * 0 + 1, MASK])
    images = IMAGE.repeat(4, 1, 1, 1)
    found = seam_visibility(images + 0.1 * masks, images, masks)
    assert found.isnan().tolist() == [False, True, True, False]
    torch.testing.assert_close(found[:1], seam_visibility(IMAGE + 0.1 * MASK, IMAGE, MASK))


def test_the_region_that_was_changed_is_found_wherever_it_is():
    originals = torch.rand(1, 3, 64, 64) - 0.5
    results = originals.clone()
    results[..., 20:44, 10:50] += 0.4
    results[..., 3, 3] += 0.4  # a speck
    results[..., 30:32, 30:32] = originals[..., 30:32, 30:32]  # a hole
    region = changed_region(results, originals)[0, 0]
    expected = torch.zeros(64, 64, dtype=torch.bool)
    expected[20:44, 10:50] = True
    assert (region != expected).sum() <= 2 * (24 + 40 + 2)  # a pixel around
    assert region[30:32, 30:32].all() and not region[:8].any()
    assert not changed_region(originals + 2 / 255, originals).any()
