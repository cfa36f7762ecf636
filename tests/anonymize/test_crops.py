import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from graphgan.anonymize import _methods as methods
from graphgan.anonymize import anonymize_crops, give_identity
from graphgan.anonymize.compositor import _regions as regions
from graphgan.anonymize.compositor import soft_edges
from graphgan.anonymize.compositor._occluders import occluders
from graphgan.data import SyntheticFaces, to_float_image
from graphgan.landmarks import face_mask, face_regions, paste
from graphgan.models import AnonyGAN, CIAGANGenerator, LandmarkGenerator, ciagan_inputs


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


def region_and_edge(landmarks, model):
    region = face_regions(landmarks, (32, 32), forehead=model.forehead)
    return region.bool().expand(-1, 3, -1, -1), (soft_edges(region) > 0).expand(-1, 3, -1, -1)


def test_pixels_outside_the_edge_are_the_same_bits(model, faces):
    images, landmarks, *_ = faces
    out = anonymize_crops(model, *faces)
    region, edge = region_and_edge(landmarks, model)
    assert torch.equal(out[~edge], images[~edge])
    assert (out[region] != images[region]).float().mean() > 0.95
    assert not out.requires_grad


def test_the_mask_rises_as_far_as_the_model_was_trained(faces):
    images, landmarks, *_ = faces
    changed = []
    for forehead in (0.0, 0.7):
        generator = LandmarkGenerator(width=4, num_blocks=1)
        out = anonymize_crops(AnonyGAN(generator, forehead=forehead), *faces)
        changed.append((out != images).any(1))
    middle = (landmarks[:, 0] + landmarks[:, 16]) / 2
    x, y = (middle + 0.4 * (middle - landmarks[:, 8])).round().int().unbind(1)
    rows = torch.arange(4)
    assert not changed[0][rows, y.clamp(min=0), x].any()
    assert changed[1][rows, y.clamp(min=0), x].all()


def test_the_old_face_leaves_no_trace_but_the_strength_of_its_grain(model, faces, monkeypatch):
    monkeypatch.setattr(methods, "match_grain", lambda made, *_: made)
    images, landmarks, *others = faces
    inside, _ = region_and_edge(landmarks, model)
    kept = occluders(images, inside[:, :1].float(), landmarks)
    monkeypatch.setattr(regions, "occluders", lambda *_: kept)
    monkeypatch.setattr(regions, "skinless_rim", lambda *_: kept)
    hidden = inside & (kept == 0)
    assert hidden.sum() > 0.7 * inside.sum()
    noise = torch.where(hidden, torch.rand_like(images), images)
    outs = [anonymize_crops(model, x, landmarks, *others) for x in (images, noise)]
    assert torch.equal(outs[0][hidden], outs[1][hidden])  # around it, skin ends elsewhere


@pytest.mark.unhooked
def test_crops_of_another_size_than_the_network_s_are_refused(faces):
    model = AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=(64, 64))
    with pytest.raises(ValueError, match=r"crops of 64 x 64 pixels.* got 32 x 32"):
        anonymize_crops(model, *faces)


@given(order=st.permutations(range(4)), count=st.integers(1, 4))
def test_a_face_does_not_depend_on_its_neighbors(model, faces, order, count):
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
            model, images[..., :30], landmarks, conditions[..., :30], condition_landmarks
        )
    assert model.training


def test_a_face_without_a_region_is_an_error_that_names_it(model, faces):
    images, landmarks, *others = faces
    missing = landmarks.clone()
    missing[1, 8] = torch.nan
    missing[3] += 500
    with pytest.raises(ValueError, match=r"empty ones for items \[1, 3\]"):
        anonymize_crops(model, images, missing, *others)


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
        (1, (4, 29, 2), r"landmarks of shape \(4, 68, 2\), got \(4, 29, 2\)"),
        (2, (3, 3, 32, 32), r"conditions of \(4, 3, 32, 32\), got \(3, 3, 32, 32\)"),
        (3, (4, 29, 2), r"landmarks of shape \(4, 68, 2\)"),
    ],
)
def test_refuses_other_shapes(model, faces, number, shape, message):
    inputs = list(faces)
    inputs[number] = torch.ones(shape)
    with pytest.raises(ValueError, match=message):
        anonymize_crops(model, *inputs)


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
        made = generator(*ciagan_inputs(images, landmarks, masks, size=64), IDENTITY)
    inside = (masks == 1).expand_as(images)
    edge = (soft_edges(masks) > 0).expand_as(images)
    assert torch.equal(result[~edge], images[~edge])
    torch.testing.assert_close(result[inside], (made.clamp(0, 1) * 2 - 1)[inside])
    assert result.min() >= -1 and result.max() <= 1


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
