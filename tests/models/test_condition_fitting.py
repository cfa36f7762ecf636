import pytest
import torch
from open_faces import open_face

from graphgan.landmarks import (
    IBUG_68,
    bend_both_sides,
    bend_to_landmarks,
    between_shapes,
    fit_shape_transfer,
    mirror_landmarks,
    mirror_toward,
    transfer_shape,
)
from graphgan.landmarks._mouth import mouth_masks, paint_mouths, with_corners_of
from graphgan.landmarks._openings import with_openings_of
from graphgan.layers import match_light, match_sharpness
from graphgan.models import ConditionFitting

SIZE = (32, 40)


def faces(count=2):
    draw = torch.Generator().manual_seed(0)
    condition, source = 2 * torch.rand(2, count, 3, *SIZE, generator=draw) - 1
    points = 4 + 24 * torch.rand(2, count, 68, 2, generator=draw)
    mask = (torch.rand(count, 1, *SIZE, generator=draw) < 0.5).float()
    return condition, source, *points, mask


def shapes():
    draw = torch.Generator().manual_seed(1)
    landmarks = torch.rand(12, 68, 2, generator=draw)
    return fit_shape_transfer(landmarks, torch.arange(12) // 3, weight=2.0)


@torch.no_grad()
@pytest.mark.parametrize("share", [0.6, 1.0])
def test_the_condition_is_bent_a_part_of_the_way_or_all(share):
    condition, source, first, second, mask = faces()
    targets = between_shapes(first, second, share=share)
    expected = bend_to_landmarks(condition, first, targets)
    bent = ConditionFitting(68, bend=share)(condition, source, first, second, mask)
    torch.testing.assert_close(bent, expected)
    assert (bent - condition).abs().max() > 0.1


@torch.no_grad()
def test_the_shape_of_its_face_can_be_kept():
    condition, source, first, second, mask = faces()
    fitting = ConditionFitting(68, bend=1.0, keep_shape=2.0)
    fitting.learn_shapes(shapes())
    targets = transfer_shape(first, second, shapes())
    torch.testing.assert_close(fitting.targets(first, second), targets)
    expected = bend_to_landmarks(condition, first, targets)
    torch.testing.assert_close(fitting(condition, source, first, second, mask), expected)


@torch.no_grad()
def test_it_is_mirrored_toward_the_source_and_completed_by_its_mirror_image():
    condition, source, first, second, mask = faces()
    first = mirror_landmarks(second, SIZE[1], IBUG_68) + 0.1 * first
    fitting = ConditionFitting(68, bend=0.8, mirror=True)
    picture, points = mirror_toward(condition, first, second, IBUG_68)
    assert torch.equal(picture, condition.flip(-1))
    expected = bend_both_sides(picture, points, fitting.targets(points, second), IBUG_68)
    fitted = fitting(condition, source, first, second, mask)
    torch.testing.assert_close(fitted, expected)
    other = mirror_landmarks(first, SIZE[1], IBUG_68)
    again = fitting(condition.flip(-1), source, other, second, mask)
    torch.testing.assert_close(again, fitted, atol=1e-3, rtol=0)


def open_mouths(count=2):
    """Images of faces whose mouths are open: sources; conditions beside them."""
    condition, source, mask = 2 * torch.rand(3, count, 3, 64, 64) - 1
    points = torch.cat([open_face(mouth, 5, 0.5) for mouth in (1.0, 12.0)]).repeat(count, 1, 1)
    jaw = torch.stack([torch.linspace(5, 58, 17), torch.linspace(30, 60, 17)], 1)
    points[:, :17] = jaw
    return condition, source, points[::2], points[1::2], (mask[:, :1] > 0).float()


@torch.no_grad()
def test_corners_mouth_and_eyes_are_brought_to_the_source_s_before_bending():
    condition, source, first, second, mask = open_mouths()
    fitting = ConditionFitting(68, bend=0.8, keep_openings=True)
    targets = with_corners_of(between_shapes(first, second, share=0.8), second)
    targets = with_openings_of(targets, second)
    torch.testing.assert_close(fitting.targets(first, second), targets)
    bent = bend_to_landmarks(condition, first, targets)
    expected = paint_mouths(bent, targets, fitting.teeth)
    assert (expected - bent).abs().max() > 0.1
    torch.testing.assert_close(fitting(condition, source, first, second, mask), expected)


@torch.no_grad()
def test_mouths_are_painted_in_the_light_and_as_sharp_as_the_face():
    condition, source, first, second, mask = open_mouths()
    options = {"bend": 1.0, "mirror": True, "match_light": True, "match_sharpness": True}
    fitting = ConditionFitting(68, keep_openings=True, **options)
    lit = match_light(fitting.bent(condition, first, second), source, mask)
    targets = fitting.targets(first, second)
    painted = paint_mouths(lit, targets, fitting.teeth)
    skin = mask * (1 - mouth_masks(targets, (64, 64)))
    expected = match_sharpness(painted, source, skin)
    torch.testing.assert_close(fitting(condition, source, first, second, mask), expected)


@torch.no_grad()
def test_a_generator_does_not_change_the_inside_of_mouths():
    made, fitted, first, second, _ = open_mouths()
    fitting = ConditionFitting(68, bend=1.0, keep_openings=True)
    inside = mouth_masks(fitting.targets(first, second), (64, 64))
    assert inside.max() == 1
    kept = fitting.keep_mouths(made, fitted, first, second)
    torch.testing.assert_close(kept, made.lerp(fitted, inside.expand_as(made)))
    assert torch.equal(
        ConditionFitting(68, bend=1.0).keep_mouths(made, fitted, first, second), made
    )


def test_teeth_are_shipped_and_not_in_its_state():
    fitting = ConditionFitting(68, bend=1.0, keep_openings=True)
    assert fitting.state_dict() == {}
    brightness, opacity = fitting.teeth
    assert fitting.teeth.min() >= 0 and fitting.teeth.max() <= 1
    middle = slice(50, 78)
    assert opacity[:24, middle].min() > 0.9 and opacity[36:].max() < 0.1
    assert brightness[:20, middle].mean() > 0.9
    torch.testing.assert_close(fitting.teeth, fitting.teeth.flip(2), atol=2e-3, rtol=0)  # nobody's


@torch.no_grad()
def test_light_and_sharpness_are_matched_after_bending():
    condition, source, first, second, mask = faces()
    fitting = ConditionFitting(68, bend=1.0, match_light=True, match_sharpness=True)
    bent = bend_to_landmarks(condition, first, second)
    expected = match_sharpness(match_light(bent, source, mask), source, mask)
    fitted = fitting(condition, source, first, second, mask)
    assert torch.equal(fitted, expected)
    assert (fitted - bent).abs().max() > 0.05
    outside = torch.where(mask.bool(), source, -source)
    assert torch.equal(fitting(condition, outside, first, second, mask), expected)


def test_what_it_learned_of_shapes_is_in_its_state():
    fitting = ConditionFitting(68, bend=1.0, keep_shape=2.0)
    fitting.learn_shapes(shapes())
    again = ConditionFitting(68, **fitting.config)
    again.load_state_dict(fitting.state_dict())
    _, _, first, second, _ = faces()
    assert torch.equal(again.targets(first, second), fitting.targets(first, second))
    assert ConditionFitting(68, bend=1.0).state_dict() == {}


@pytest.mark.parametrize(
    ("num_landmarks", "options", "message"),
    [
        (68, {"bend": 1.5}, "bend from 0 to 1, got 1.5"),
        (68, {"bend": 1.0, "keep_shape": -1.0}, "keep_shape of at least 0.*got -1"),
        (68, {"keep_shape": 1.0}, "with a bend above 0, got 1.0 and 0"),
        (17, {"mirror": True, "bend": 1.0}, "68 or 29 landmarks and a bend above 0.*got 17 and 1"),
        (68, {"mirror": True}, "a bend above 0 for mirror, got 68 and 0"),
        (29, {"keep_openings": True, "bend": 1.0}, "68 landmarks and a bend.*, got 29 and 1.0"),
        (68, {"keep_openings": True}, "bend above 0 for keep_openings, got 68 and 0.0"),
    ],
)
def test_options_beyond_their_range_are_refused(num_landmarks, options, message):
    with pytest.raises(ValueError, match=message):
        ConditionFitting(num_landmarks, **options)
