import numpy as np
import pytest
import torch
from skimage.filters import gaussian

from graphgan.anonymize import blur_faces, cover_faces, pixelate_faces


@pytest.fixture
def images():
    return 2 * torch.rand(2, 3, 64, 52, generator=torch.Generator().manual_seed(0)) - 1


@pytest.fixture
def masks(images):
    masks = torch.zeros(2, 1, 64, 52)
    masks[0, :, 10:40, 5:45] = 1
    masks[1, :, 30:, 20:] = 1
    return masks


@pytest.mark.parametrize("hide", [blur_faces, pixelate_faces, cover_faces])
def test_nothing_changes_outside_the_mask(images, masks, hide):
    hidden = hide(images, masks)
    outside = (masks == 0).expand_as(images)
    assert torch.equal(hidden[outside], images[outside])
    assert not torch.equal(hidden[~outside], images[~outside])


def test_the_blur_is_the_gaussian_of_another_library(images):
    whole = torch.ones(2, 1, 64, 52)
    ours = blur_faces(images, whole, kernel_size=31, sigma=4.0)
    theirs = gaussian(
        images.numpy(), sigma=(0, 0, 4, 4), mode="mirror", truncate=15 / 4, preserve_range=True
    )
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-5)


def test_the_default_sigma_belongs_to_the_kernel(images):
    whole = torch.ones(2, 1, 64, 52)
    assert torch.equal(blur_faces(images, whole), blur_faces(images, whole, sigma=25.25))


def test_a_picture_smaller_than_half_the_kernel_is_blurred_all_the_same():
    small = 2 * torch.rand(1, 3, 20, 20) - 1
    blurred = blur_faces(small, torch.ones(1, 1, 20, 20))
    assert blurred.std() < small.std() / 5


def test_blocks_are_means_and_the_last_ones_are_smaller(images):
    whole = torch.ones(2, 1, 64, 52)
    mosaic = pixelate_faces(images, whole)
    for rows, columns in ((slice(0, 10), slice(20, 30)), (slice(60, 64), slice(50, 52))):
        block = images[:, :, rows, columns]
        expected = block.mean((2, 3), keepdim=True).expand_as(block)
        torch.testing.assert_close(mosaic[:, :, rows, columns], expected)


def test_a_cover_has_one_value(images, masks):
    covered = cover_faces(images, masks)
    assert (covered[masks.expand_as(images) == 1] == -1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"kernel_size": 100}, "odd kernel size, got 100"), ({"sigma": 0.0}, "sigma above 0")],
)
def test_a_blur_that_cannot_be_is_refused(images, masks, options, message):
    with pytest.raises(ValueError, match=message):
        blur_faces(images, masks, **options)


def test_a_block_below_a_pixel_is_refused(images, masks):
    with pytest.raises(ValueError, match="block_size of at least 1, got 0"):
        pixelate_faces(images, masks, block_size=0)
