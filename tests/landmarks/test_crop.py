import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.landmarks import Crop, crop_image, face_crop, person_crop

coordinate = st.floats(-500, 5000)


def blob(height: int, width: int, x: float, y: float, sigma: float) -> torch.Tensor:
    """A soft spot whose center of mass is known to a fraction of a pixel."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    distance = (columns - x) ** 2 + (rows - y) ** 2
    return torch.exp(-distance.double() / (2 * sigma**2))[None]


def center_of_mass(image: torch.Tensor) -> torch.Tensor:
    rows, columns = torch.meshgrid(*map(torch.arange, image.shape[1:]), indexing="ij")
    weights = image[0] / image[0].sum()
    return torch.stack([(weights * columns).sum(), (weights * rows).sum()])


def standing(**changes: tuple[float, float]) -> torch.Tensor:
    """A person whose head's top is at y = 10 and whose soles are at 110, in the field's numbers."""
    joints = torch.tensor([
        [50, 18], [50, 28], [42, 28], [40, 45], [40, 58], [58, 28], [60, 45], [60, 58], [45, 60],
        [45, 82], [45, 106], [55, 60], [55, 82], [55, 106], [48, 17], [52, 17], [46, 18], [54, 18],
    ]).float()  # fmt: skip
    for name, point in changes.items():
        joints[int(name.removeprefix("joint"))] = torch.tensor(point)
    return joints


MISSING = (math.nan, math.nan)


def test_a_person_is_cut_from_above_the_head_to_below_the_feet():
    crop = person_crop(standing(), (128, 64))
    extent = 106 - 17
    assert crop.height == pytest.approx(1.2 * extent)
    assert crop.width == pytest.approx(crop.height / 2)
    assert crop.top == pytest.approx(17 - 0.12 * extent)
    assert crop.left + crop.width / 2 == 50
    assert crop.top < 10 and crop.top + crop.height > 110


def test_some_joints_of_a_person_may_be_missing():
    full = person_crop(standing(), (256, 176))
    gone = {f"joint{i}": MISSING for i in (3, 4, 6, 7, 10, 14, 16)}
    crop = person_crop(standing(**gone), (256, 176))
    assert crop.top == pytest.approx(full.top, abs=0.1)
    assert crop.height == pytest.approx(full.height, abs=0.1)
    assert crop.height / crop.width == pytest.approx(256 / 176)


@pytest.mark.parametrize("value", [math.nan, 7.0])
def test_refuses_joints_that_are_no_person(value):
    reason = "all missing" if math.isnan(value) else "all equal"
    with pytest.raises(ValueError, match=f"expected a person, got joints that are {reason}"):
        person_crop(torch.full((18, 2), value), (128, 64))


def test_the_square_is_twice_the_box_and_raised_by_a_tenth():
    landmarks = torch.tensor([[10.0, 20.0], [50.0, 20.0], [30.0, 100.0], [math.nan, math.nan]])
    assert face_crop(landmarks) == Crop(30.0 - 80, 60.0 - 8 - 80, 160.0, 160.0)


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (torch.full((68, 2), math.nan), "all missing"),
        (torch.full((68, 2), 7.0), "all equal"),
        (torch.empty(0, 2), "all missing"),
    ],
)
def test_refuses_landmarks_that_are_no_face(landmarks, message):
    with pytest.raises(ValueError, match=message):
        face_crop(landmarks)


@given(
    left=coordinate,
    top=coordinate,
    sides=st.tuples(st.floats(1, 1e4), st.floats(1, 1e4)),
    size=st.tuples(st.integers(1, 512), st.integers(1, 512)),
)
def test_there_and_back_is_exact(left, top, sides, size):
    crop = Crop(left, top, *sides)
    landmarks = torch.tensor([[0.0, 0.0], [123.456, 7.8], [math.nan, math.nan]]).double()
    back = crop.to_image(crop.to_crop(landmarks, size), size)
    torch.testing.assert_close(back, landmarks, equal_nan=True, atol=1e-8, rtol=0)


@given(
    x=st.floats(60, 80),
    y=st.floats(50, 70),
    left=st.floats(-20, 30),
    top=st.floats(-20, 20),
    sides=st.tuples(st.floats(90, 140), st.floats(90, 140)),
    size=st.tuples(st.integers(32, 200), st.integers(32, 200)),
)
def test_a_spot_lies_where_its_landmark_says(x, y, left, top, sides, size):
    crop = Crop(left, top, *sides)
    image = blob(120, 150, x, y, sigma=4)
    where = crop.to_crop(torch.tensor([[x, y]]).double(), size)[0]
    out = crop_image(image, crop, size)
    # Parts of the spot that are cut off, or mirrored into the crop, would shift its center.
    pixels = torch.tensor([size[1], size[0]])
    reach = 6 * 4 * pixels / torch.tensor(sides)
    inside = ((where > reach) & (where < pixels - reach)).all()
    within = min(left, top) >= -0.5 and left + sides[0] < 149 and top + sides[1] < 119
    if inside and within:
        torch.testing.assert_close(center_of_mass(out), where, atol=0.01, rtol=0)


def test_reflection_repeats_at_the_picture_s_edge():
    image = torch.rand(1, 4, 4)
    out = crop_image(image, Crop(-12.5, -12.5, 28.0, 28.0), (28, 28))
    mirrored = torch.cat([image, image.flip(2)], 2)
    mirrored = torch.cat([mirrored, mirrored.flip(1)], 1)
    # 12 pixels to the left of the image is one and a half periods of 8.
    expected = mirrored.roll((4, 4), (1, 2)).repeat(1, 4, 4)[:, :28, :28]
    torch.testing.assert_close(out, expected)


def test_shrinking_does_not_alias():
    stripes = (torch.arange(256) % 2).float().expand(1, 256, 256)
    out = crop_image(stripes, Crop(-0.5, -0.5, 256.0, 256.0), (32, 32))
    # At the border the reflected stripe doubles the last one.
    torch.testing.assert_close(out[..., 1:-1], torch.full((1, 32, 30), 0.5), atol=0.01, rtol=0)


def test_agrees_with_pillow():
    pil = pytest.importorskip("PIL.Image")
    image = torch.randint(0, 256, (1, 50, 60)).byte()
    resized = pil.fromarray(image[0].float().numpy(), "F").resize(
        (20, 20), pil.Resampling.BICUBIC, box=(10, 10, 40, 40)
    )
    out = crop_image(image, Crop(9.5, 9.5, 30.0, 30.0), (20, 20))[0]
    # Pillow cuts before it filters, so it knows nothing of what lies beyond the box.
    expected = torch.tensor(resized.getdata()).view(20, 20)
    torch.testing.assert_close(out[3:-3, 3:-3], expected[3:-3, 3:-3], atol=1e-3, rtol=0)


def test_refuses_a_crop_that_would_need_endless_reflection():
    with pytest.raises(ValueError, match="too many for an image of 10 x 8"):
        crop_image(torch.rand(3, 8, 10), Crop(0.0, 0.0, 1e6, 1e6), (64, 64))
