"""Sharpness: 1 for the original, less for a blur, more for noise, and little for a mosaic."""

import torch
from astronaut import portrait
from kornia.filters import gaussian_blur2d

from graphgan.anonymize import pixelate_faces
from graphgan.data import to_float_image, to_uint8_image
from graphgan.landmarks import paste
from graphgan.metrics import face_sharpness

IMAGE = to_float_image(portrait())[None]
MASK = torch.zeros(1, 1, 256, 256)
MASK[..., 50:170, 80:180] = 1


def blurred(sigma):
    size = 2 * round(3 * sigma) + 1
    return paste(gaussian_blur2d(IMAGE, (size, size), (sigma, sigma)), IMAGE, MASK)


def to_original(images):
    return face_sharpness(to_uint8_image(images.clamp(-1, 1)), portrait()[None], MASK).to_original


def test_a_blur_lowers_it_step_by_step():
    found = [to_original(blurred(sigma)).item() for sigma in (0.5, 0.7, 1.0, 1.5, 2.0, 3.0)]
    assert found == sorted(found, reverse=True)
    assert 0.6 < found[0] < 1 and found[-1] < 0.35


def test_a_mosaic_is_not_sharp_although_its_blocks_have_edges():
    assert to_original(pixelate_faces(IMAGE, MASK, block_size=10)) < 0.2


def test_contrast_and_brightness_of_the_whole_image_do_not_matter():
    for changed in (0.5 * IMAGE, IMAGE - 0.2, 0.7 * IMAGE + 0.1):
        found = face_sharpness(changed, IMAGE, MASK)
        torch.testing.assert_close(found.to_original, torch.ones(1), atol=0.05, rtol=0)
    pale = face_sharpness(paste(0.5 * IMAGE, IMAGE, MASK), IMAGE, MASK)
    torch.testing.assert_close(pale.to_original, torch.full((1,), 0.5), atol=0.05, rtol=0)


def test_surroundings_are_those_of_the_same_image():
    """Where all is blurred alike, a face is as sharp as what is around it was to it before."""
    found = face_sharpness(blurred(2), IMAGE, MASK)
    assert found.to_surroundings < 0.6 * found.original_to_surroundings
    around = paste(IMAGE, gaussian_blur2d(IMAGE, (13, 13), (2.0, 2.0)), MASK)
    assert face_sharpness(around, IMAGE, MASK).to_surroundings > 1.5 * found.to_surroundings


def test_a_result_that_is_missing_is_nan():
    found = face_sharpness(IMAGE * torch.nan, IMAGE, MASK)
    assert found.to_original.isnan().all() and found.original_to_surroundings.isfinite().all()
