import pytest
import torch
from torch import nn

from graphgan.anonymize import give_identity
from graphgan.anonymize.compositor import soft_edges
from graphgan.data.batches import to_float_image
from graphgan.landmarks.masks import face_mask, face_regions
from graphgan.models import CIAGANGenerator
from graphgan.models.ciagan import generator_inputs


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return CIAGANGenerator(4, width=4, num_blocks=1, size=64).eval()


@pytest.fixture(scope="module")
def crops(drawn_faces):
    images = torch.stack([to_float_image(face.image) for face in drawn_faces])
    return images, torch.stack([face.landmarks for face in drawn_faces])


IDENTITY = torch.arange(8) % 4


def enlarged(images, landmarks, times):
    images = images.repeat_interleave(times, 2).repeat_interleave(times, 3)
    return images, (landmarks + 0.5) * times - 0.5


def test_the_result_is_what_the_generator_makes_inside_the_masks(generator, crops):
    images, landmarks = crops
    masks = face_regions(landmarks, (64, 64))
    result = give_identity(generator, images, landmarks, IDENTITY)
    with torch.no_grad():
        made = generator(*generator_inputs(images, landmarks, masks, size=64), IDENTITY)
    inside = (masks == 1).expand_as(images)
    edge = (soft_edges(masks) > 0).expand_as(images)
    assert torch.equal(result[~edge], images[~edge])
    torch.testing.assert_close(result[inside], (made.clamp(0, 1) * 2 - 1)[inside])
    assert result.min() >= -1 and result.max() <= 1


def test_the_person_decides(generator, crops):
    first, other = (give_identity(generator, *crops, torch.full((8,), number)) for number in (0, 1))
    assert (first - other).abs().max() > 1e-3


@pytest.mark.parametrize("times", [2, 3])
def test_crops_of_another_size_are_resized_and_keep_their_pixels(generator, crops, times):
    images, landmarks = enlarged(*crops, times)
    result = give_identity(generator, images, landmarks, IDENTITY)
    masks = face_regions(landmarks, (64 * times, 64 * times))
    edge = (soft_edges(masks) > 0).expand_as(images)
    assert torch.equal(result[~edge], images[~edge])
    small = give_identity(generator, *crops, IDENTITY)
    within = face_mask(crops[1], (64, 64)) == 1
    within = -nn.functional.max_pool2d(-within.float(), 5, 1, 2) == 1  # away from the edge
    apart = (nn.functional.avg_pool2d(result, times) - small).abs()
    # The generator sees nearly the same, so it makes nearly the same.
    assert apart[within.expand_as(apart)].mean() < 0.1


def test_a_crop_need_not_be_square(generator, crops):
    images, landmarks = crops
    result = give_identity(generator, images[:, :, :, :56], landmarks, IDENTITY)
    assert result.shape == (8, 3, 64, 56)


def test_items_do_not_see_each_other(generator, crops):
    images, landmarks = crops
    together = give_identity(generator, images, landmarks, IDENTITY)
    one = slice(3, 4)
    alone = give_identity(generator, images[one], landmarks[one], IDENTITY[one])
    torch.testing.assert_close(alone, together[one], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_the_generator_is_left_as_it_was(generator, crops, training):
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    generator.train(training)
    result = give_identity(generator, *crops, IDENTITY)
    assert generator.training is training
    generator.eval()
    assert torch.equal(result, give_identity(generator, *crops, IDENTITY))
    assert all(torch.equal(value, before[n]) for n, value in generator.state_dict().items())


@pytest.mark.unhooked
def test_it_stays_in_its_mode_after_an_error(generator, crops):
    generator.train()
    with pytest.raises(ValueError, match="expected 8 identities"):
        give_identity(generator, *crops, IDENTITY[:2])
    assert generator.training
    generator.eval()


@pytest.mark.parametrize("number", [-1, 4])
def test_people_it_was_not_trained_on_are_refused(generator, crops, number):
    identity = IDENTITY.clone()
    identity[3] = number
    with pytest.raises(ValueError, match=f"expected identity from 0 to 3, got {number}"):
        give_identity(generator, *crops, identity)


def test_a_missing_landmark_leaves_its_lines_out_but_no_mask_is_refused(generator, crops):
    images, landmarks = crops[0], crops[1].clone()
    landmarks[2, 62] = torch.nan  # of the mouth
    result = give_identity(generator, images, landmarks, IDENTITY)
    assert result.isfinite().all()
    landmarks[2, 8] = torch.nan  # the chin
    with pytest.raises(ValueError, match=r"a mask for every face, got empty ones for items \[2\]"):
        give_identity(generator, images, landmarks, IDENTITY)
