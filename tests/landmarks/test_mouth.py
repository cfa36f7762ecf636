import pytest
import torch
from open_faces import open_face

from graphgan.landmarks._mouth import mouth_masks, paint_mouths, with_corners_of

SIZE = (128, 128)
CLOSED, OPEN, WIDE = 2.0, 8.0, 24.0  # pixels of a mouth of 28


def teeth(brightness: float = 1.0) -> torch.Tensor:
    """Down to 0.13 of the width, all the way from corner to corner."""
    picture = torch.full((2, 30, 8), brightness)
    picture[1] = 0
    picture[1, :19] = 1
    return picture


def smiling(mouth: float, up: float, width: float = 28.0) -> torch.Tensor:
    """Corners of the mouth higher by so many pixels, on a face with a jaw."""
    points = open_face(mouth, 5, width=width)
    points[0, :17] = torch.stack([torch.linspace(24, 104, 17), torch.linspace(60, 120, 17)], 1)
    points[0, [48, 54, 60, 64], 1] -= up
    return points


def corners(points: torch.Tensor) -> torch.Tensor:
    return points[:, [48, 54]] - points[:, [62, 66]].mean(1, keepdim=True)


# --- corners --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 0.6])
def test_corners_are_where_the_source_has_them(scale):
    own, source = smiling(4, up=0), smiling(4, up=3, width=34)
    moved = with_corners_of(own, scale * source)
    torch.testing.assert_close(corners(moved), corners(source), atol=0.3, rtol=0)


def test_lips_beside_a_corner_go_along_and_all_else_stays():
    own = smiling(4, up=0)
    moved = with_corners_of(own, smiling(4, up=3)) - own
    lifted = -moved[0, :, 1]
    assert lifted[48] > lifted[49] > lifted[50] > 0
    assert lifted[54] > lifted[55] > lifted[56] > 0
    stays = [*range(48), 51, 57, 62, 66]
    assert torch.equal(moved[:, stays], torch.zeros_like(moved[:, stays]))


# --- masks ----------------------------------------------------------------------------------------


def test_a_mask_is_between_the_lips():
    mask = mouth_masks(open_face(WIDE, 5), SIZE)[0, 0]
    rows, columns = (mask > 0).nonzero().unbind(1)
    assert rows.min() >= 76 and rows.max() <= 103
    assert columns.min() >= 52 and columns.max() <= 76
    assert mask[90, 64] == 1


def test_a_broad_mouth_shows_its_teeth_earlier():
    narrow, broad = smiling(4, up=2), smiling(8, up=2, width=60)  # openings are the same
    image, sums = torch.full((1, 3, *SIZE), 0.4), []
    for points in (narrow, broad):
        masks = mouth_masks(points, SIZE)
        with_teeth, without = (paint_mouths(image, points, t) for t in pairs())
        sums.append((float(masks.max()), float((with_teeth - without).abs().max())))
    assert sums[0][0] < 0.7 and sums[1][0] == 1
    assert sums[1][1] > 1.5 * sums[0][1]


# --- paint ----------------------------------------------------------------------------------------


def talking(gap: float) -> torch.Tensor:
    """A mouth of 56 pixels, 45 of them between the inner corners."""
    return open_face(gap, 5, width=56)


def test_teeth_hang_from_the_upper_lip_and_below_them_it_is_dark():
    painted = paint_mouths(torch.full((1, 3, *SIZE), 0.4), talking(30), teeth())
    column = painted[0, :, :, 64]
    assert (column[:, 76] > 0.3).all()  # teeth
    assert (column[:, 84] < -0.4).all() and column[0, 84] > column[1, 84]  # dark, reddish
    assert (column[:, 100] > column[:, 84] + 0.05).all()  # the tongue
    assert (column[:, :70] == 0.4).all() and (column[:, 107:] == 0.4).all()


def test_teeth_are_no_longer_where_the_mouth_is_opened_farther():
    image = torch.full((1, 3, *SIZE), 0.4)
    lengths = []
    for gap in (10, 18, 30):
        with_teeth, without = (paint_mouths(image, talking(gap), t) for t in pairs())
        lengths.append(int(((with_teeth - without).abs().sum(1) > 0.5)[0, :, 64].sum()))
    assert 3 <= lengths[0] <= lengths[1] == lengths[2] <= 7  # 0.12 of 45 pixels


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    shown = teeth()
    return shown, torch.stack([shown[0], torch.zeros_like(shown[1])])


def test_a_smile_shows_more_of_the_teeth_than_speech():
    image = torch.full((1, 3, *SIZE), 0.4)
    shown = []
    for up in (0, 4):
        points = smiling(OPEN, up=up)
        with_teeth, without = (paint_mouths(image, points, t) for t in pairs())
        shown.append(float((with_teeth - without).abs().sum()))
    assert shown[1] > 1.3 * shown[0]


def test_teeth_are_toned_to_the_face():
    dark, bright = (
        paint_mouths(torch.full((1, 3, *SIZE), x), talking(30), teeth())[0, :, 76, 64]
        for x in (-0.6, 0.4)
    )
    assert (dark < bright - 0.3).all()
    warm = torch.full((1, 3, *SIZE), 0.2)
    warm[:, 2] = -0.4
    red, _, blue = paint_mouths(warm, talking(30), teeth())[0, :, 76, 64]
    assert 0.1 < red - blue < 0.6  # less than the skin's difference
    glaring = torch.full((1, 3, *SIZE), 0.9)
    glaring[:, 2] = 0.6
    red, _, blue = paint_mouths(glaring, talking(30), teeth())[0, :, 76, 64]
    assert red == pytest.approx(0.94, abs=0.01) and red - blue > 0.05  # bright, not bleached


@pytest.mark.unhooked
def test_bad_input_is_refused():
    points, others, images = torch.zeros(1, 68, 2), torch.zeros(1, 29, 2), torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match="expected 68 landmarks"):
        with_corners_of(others, others)
    with pytest.raises(ValueError, match="expected a source of shape"):
        with_corners_of(points, torch.zeros(2, 68, 2))
    with pytest.raises(ValueError, match="expected 68 landmarks"):
        mouth_masks(others, (8, 8))
    with pytest.raises(ValueError, match="expected 68 landmarks"):
        paint_mouths(images, others, teeth())
    with pytest.raises(ValueError, match=r"expected teeth of shape \(2, p, q\), got \(3, 8, 8\)"):
        paint_mouths(images, points, images[0])
