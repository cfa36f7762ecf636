import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphgan.anonymize.crops import anonymize_crops
from graphgan.data.batches import to_float_image
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.landmarks.masks import face_mask, paste
from graphgan.models import AnonyGAN, LandmarkGenerator


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return AnonyGAN(LandmarkGenerator(width=4, num_blocks=1, landmark_attention="position"))


@pytest.fixture(scope="module")
def faces():
    """Pictures and landmarks of four faces, and of four others to be shown instead."""
    drawn = SyntheticFaces(8, 1, size=32)
    images = torch.stack([to_float_image(drawn[i].image) for i in range(8)])
    landmarks = torch.stack([drawn[i].landmarks for i in range(8)])
    return images[:4], landmarks[:4], images[4:], landmarks[4:]


def test_pixels_outside_the_mask_are_the_same_bits(model, faces):
    images, landmarks, *_ = faces
    out = anonymize_crops(model, *faces)
    inside = face_mask(landmarks, (32, 32)).bool().expand_as(images)
    assert torch.equal(out[~inside], images[~inside])
    assert (out[inside] != images[inside]).float().mean() > 0.95
    assert not out.requires_grad


@given(seed=st.integers(0, 99))
@settings(max_examples=10)
def test_a_given_mask_says_what_may_change(model, faces, seed):
    torch.manual_seed(seed)
    masks = (torch.rand(4, 1, 32, 32) < 0.5).float()
    out, inside = anonymize_crops(model, *faces, masks=masks), masks.bool().expand_as(faces[0])
    assert torch.equal(out[~inside], faces[0][~inside])


def test_the_old_face_leaves_no_trace(model, faces):
    images, landmarks, *others = faces
    inside = face_mask(landmarks, (32, 32)).bool().expand_as(images)
    noise = torch.where(inside, torch.rand_like(images), images)
    out = anonymize_crops(model, images, landmarks, *others)
    assert torch.equal(anonymize_crops(model, noise, landmarks, *others), out)


@given(order=st.permutations(range(4)), count=st.integers(1, 4))
@settings(max_examples=8)
def test_a_face_does_not_depend_on_its_neighbours(model, faces, order, count):
    chosen = order[:count]
    out = anonymize_crops(model, *faces)[chosen]
    some = anonymize_crops(model, *(x[chosen] for x in faces))
    torch.testing.assert_close(some, out, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_stays_in_its_mode_and_learns_nothing(model, faces, training):
    model.train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = anonymize_crops(model, *faces)
    assert torch.equal(anonymize_crops(model, *faces), first)  # no dropout, whatever the mode
    assert model.training == training
    assert all(module.training == training for module in model.modules())
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())


def test_the_mode_is_restored_after_an_error_too(model, faces):
    images, landmarks, conditions, condition_landmarks = faces
    model.train()
    with pytest.raises(ValueError, match="divisible by 4"):
        anonymize_crops(
            model,
            images[..., :30],
            landmarks,
            conditions[..., :30],
            condition_landmarks,
        )
    assert model.training


def test_a_face_without_a_mask_is_an_error_that_names_it(model, faces):
    images, landmarks, *others = faces
    missing = landmarks.clone()
    missing[1, 8] = torch.nan
    missing[3] += 500
    with pytest.raises(ValueError, match=r"empty ones for items \[1, 3\]"):
        anonymize_crops(model, images, missing, *others)
    with pytest.raises(ValueError, match=r"empty ones for items \[0, 1, 2, 3\]"):
        anonymize_crops(model, *faces, masks=torch.zeros(4, 1, 32, 32))


def test_paste_changes_the_inside_only():
    generated, source = torch.randn(2, 2, 3, 4, 4)
    mask = (torch.rand(2, 1, 4, 4) < 0.5).float()
    expected = torch.where(mask.bool(), generated, source)
    assert torch.equal(paste(generated, source, mask), expected)
    torch.testing.assert_close(
        paste(generated, source, mask / 2)[mask.bool().expand_as(source)],
        ((generated + source) / 2)[mask.bool().expand_as(source)],
    )


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("number", "shape", "message"),
    [
        (1, (4, 29, 2), "expected 68 landmarks, got 29"),
        (2, (3, 3, 32, 32), r"shape \(3, 3, 32, 32\), got \(4, 3, 32, 32\)"),
        (3, (4, 29, 2), "two sets of 68 landmarks"),
    ],
)
def test_refuses_other_shapes(model, faces, number, shape, message):
    inputs = list(faces)
    inputs[number] = torch.ones(shape)
    with pytest.raises(ValueError, match=message):
        anonymize_crops(model, *inputs)


@pytest.mark.unhooked
@pytest.mark.parametrize("shape", [(1, 1, 32, 32), (4, 3, 32, 32), (4, 1, 32, 16)])
def test_refuses_other_masks(model, faces, shape):
    with pytest.raises(ValueError, match=r"mask of shape \(4, 1, 32, 32\), got"):
        anonymize_crops(model, *faces, masks=torch.ones(shape))
