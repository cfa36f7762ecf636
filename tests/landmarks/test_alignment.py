import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from graphgan.landmarks import Alignment, Crop, crop_aligned, crop_image, face_crop
from graphgan.landmarks._alignment import align_face, tilt, to_photo

angles = st.one_of(st.sampled_from([0.0, 90.0, -90.0, 180.0, 270.0, 45.0]), st.floats(-180, 180))
coordinate = st.floats(-500, 5000)
quarters = st.integers(0, 3)


def turned(points: torch.Tensor, angle: float, about: tuple[float, float]) -> torch.Tensor:
    """Clockwise as seen, by the complex numbers."""
    x, y = (points.double() - torch.tensor(about, dtype=torch.float64)).unbind(-1)
    z = torch.complex(x, y) * complex(math.cos(math.radians(angle)), math.sin(math.radians(angle)))
    return torch.stack([z.real + about[0], z.imag + about[1]], dim=-1)


def a_square(x: float, y: float, side: float, angle: float) -> Alignment:
    return Alignment(Crop(x - side / 2, y - side / 2, side, side), angle)


def keys(t: np.ndarray, a: float) -> np.ndarray:
    t = np.abs(t)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * (t**3 - 5 * t**2 + 8 * t - 4)
    return np.where(t < 1, near, np.where(t < 2, far, 0))


def sampled(image: np.ndarray, x: float, y: float, alignment: Alignment) -> np.ndarray:
    """One value of a reflected image, every pixel within reach weighed in float64."""
    a = -0.75 if alignment.quarters is None else -0.5  # of `grid_sample`, and of `crop_image`
    sums = []
    for position, count in zip((x, y), image.shape[:0:-1], strict=True):
        taps = np.arange(math.floor(position - 2), math.ceil(position + 2) + 1)
        weights = keys(taps - position, a)
        taps = taps % (2 * count)
        sums.append((weights / weights.sum(), np.minimum(taps, 2 * count - 1 - taps)))
    (across, columns), (down, rows) = sums
    return np.einsum("cyx,y,x->c", image[:, rows][:, :, columns], down, across)


def blob(height: int, width: int, x: float, y: float, sigma: float) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2).double() / (2 * sigma**2))[None]


def center_of_mass(image: torch.Tensor) -> torch.Tensor:
    rows, columns = torch.meshgrid(*map(torch.arange, image.shape[1:]), indexing="ij")
    weights = image[0] / image[0].sum()
    return torch.stack([(weights * columns).sum(), (weights * rows).sum()])


@given(
    x=coordinate,
    y=coordinate,
    sides=st.tuples(st.floats(1, 1e4), st.floats(1, 1e4)),
    angle=angles,
    size=st.tuples(st.integers(1, 512), st.integers(1, 512)),
)
def test_there_and_back_is_exact(x, y, sides, angle, size):
    alignment = Alignment(Crop(x, y, *sides), angle)
    points = torch.tensor([[0.0, 0.0], [123.456, 7.8], [math.nan, math.nan]]).double()
    back = alignment.to_image(alignment.to_crop(points, size), size)
    torch.testing.assert_close(back, points, equal_nan=True, atol=1e-8, rtol=0)
    back = alignment.to_crop(alignment.to_image(points, size), size)
    torch.testing.assert_close(back, points, equal_nan=True, atol=1e-6, rtol=0)


def test_a_head_that_lies_to_the_right_is_stood_upright():
    alignment = Alignment(Crop(9.5, 19.5, 20.0, 20.0), 90.0)
    top_of_head, chin = torch.tensor([[28.0, 29.5]]), torch.tensor([[11.0, 29.5]])
    assert alignment.to_crop(top_of_head, (20, 20)).tolist() == [[9.5, 1.0]]
    assert alignment.to_crop(chin, (20, 20)).tolist() == [[9.5, 18.0]]
    # To the bit: the cosine of a right angle is 0, not 6e-17.
    about_the_origin = Alignment(Crop(-4.0, -4.0, 8.0, 8.0), 90.0)
    far = torch.tensor([[1003.5, 3.5]], dtype=torch.float64)  # 1000 to the right of the center
    assert about_the_origin.to_image(far, (8, 8)).tolist() == [[0.0, 1000.0]]


@given(index=st.integers(0, 7), angle=st.floats(-180, 180), scale=st.floats(0.1, 40))
def test_the_tilt_turns_with_the_head(drawn_faces, index, angle, scale):
    face = drawn_faces[index].landmarks.double()
    moved = turned(face * scale, angle, (7.0, -30.0))
    gap = (tilt(moved) - tilt(face) - angle + 180) % 360 - 180
    assert abs(gap) < 1e-6


@given(index=st.integers(0, 7), angle=st.floats(-30, 30), seed=st.integers(0, 99))
def test_a_nearly_upright_face_is_cut_as_for_training(drawn_faces, index, angle, seed):
    face = drawn_faces[index].landmarks
    shift = 1000 * torch.rand(2, generator=torch.Generator().manual_seed(seed))
    landmarks = turned(face, angle - tilt(face), (5.0, 5.0)).float() * 7.3 + shift
    assume(abs(tilt(landmarks)) <= 30)
    assert align_face(landmarks) == Alignment(face_crop(landmarks), 0.0)


@given(
    index=st.integers(0, 7),
    angle=st.floats(31, 329),
    offset=st.tuples(coordinate, coordinate),
    scale=st.floats(0.5, 50),
)
def test_a_tilted_face_looks_the_same_however_far_it_is_turned(
    drawn_faces, index, angle, offset, scale
):
    face = drawn_faces[index].landmarks.double()
    upright = turned(face, -tilt(face), (0.0, 0.0))
    expected = face_crop(upright).to_crop(upright, (128, 128))
    landmarks = turned(upright, angle, (31.0, 17.0)) * scale + torch.tensor(
        offset, dtype=torch.float64
    )
    alignment = align_face(landmarks)
    torch.testing.assert_close(
        alignment.to_crop(landmarks, (128, 128)), expected, atol=1e-6, rtol=0
    )
    assert abs((alignment.angle - angle + 180) % 360 - 180) < 1e-6


def test_one_landmark_gone_astray_hardly_turns_the_square(drawn_faces):
    face = drawn_faces[0].landmarks.clone()
    face[40] += torch.tensor([0.0, 6.0])  # of an eye, by a tenth of the image
    assert abs(tilt(face) - tilt(drawn_faces[0].landmarks)) < 4


@given(angle=st.floats(-180, 180), index=st.integers(0, 7))
def test_refuses_a_mirrored_face_at_every_angle(drawn_faces, angle, index):
    face = drawn_faces[index].landmarks * torch.tensor([-1.0, 1.0])
    with pytest.raises(ValueError, match="landmarks of a mirrored face"):
        align_face(turned(face, angle, (0.0, 0.0)))


def test_refuses_landmarks_that_are_no_face(drawn_faces):
    face = drawn_faces[0].landmarks
    line = torch.arange(68.0)[:, None]
    broken = {
        "1 that are missing or not finite": face.index_fill(0, torch.tensor([5]), math.nan),
        "68 that are missing or not finite": torch.full_like(face, math.inf),
        "landmarks at 1e\\+12": face + 1e12,
        "landmarks at 1e\\+30": face.double() - 1e30,
        "all equal, at \\(7.0, 7.0\\)": torch.full_like(face, 7),
        "on a line: their outline fills 0.000": torch.cat([line, 2 * line], dim=1),
        "on a line: their outline fills 0.0": face * torch.tensor([1.0, 0.02]),
    }
    for message, landmarks in broken.items():
        with pytest.raises(ValueError, match=message):
            align_face(landmarks)


@given(
    left=st.floats(-30, 40),
    top=st.floats(-30, 40),
    sides=st.tuples(st.floats(2, 90), st.floats(2, 90)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_at_angle_zero_it_is_cut_as_for_training(left, top, sides, size):
    for image in (torch.randint(0, 256, (3, 30, 40)).byte(), torch.rand(1, 30, 40).double()):
        crop = Crop(left, top, *sides)
        assert torch.equal(
            crop_aligned(image, Alignment(crop), size), crop_image(image, crop, size)
        )


@given(
    k=quarters,
    x=st.integers(-5, 40),
    y=st.integers(-5, 30),
    size=st.tuples(*2 * [st.integers(1, 9)]),
)
def test_a_quarter_turn_on_whole_pixels_is_rot90(k, x, y, size):
    image = torch.randint(0, 256, (3, 30, 40)).byte()
    height, width = map(float, size)
    alignment = Alignment(Crop(x - width / 2, y - height / 2, width, height), 90.0 * k)
    # The same pixels of the photo turned back by hand: the rectangle stands upright there.
    upright = torch.rot90(image.float(), k, (1, 2))
    center = torch.tensor([[float(x), float(y)]])
    for last_column in (39, 29, 39)[:k]:  # counter-clockwise, the sides exchanged each time
        center = torch.stack([center[:, 1], last_column - center[:, 0]], dim=-1)
    u, v = center[0].tolist()
    expected = crop_image(upright, Crop(u - width / 2, v - height / 2, width, height), size)
    torch.testing.assert_close(crop_aligned(image, alignment, size), expected, atol=1e-4, rtol=0)


@given(
    center=st.tuples(st.floats(-10, 40), st.floats(-10, 30)),
    sides=st.tuples(st.floats(3, 9), st.floats(3, 9)),
    angle=angles,
    size=st.tuples(st.integers(9, 12), st.integers(9, 12)),
)
def test_enlarging_agrees_with_every_pixel_by_itself(center, sides, angle, size):
    image = torch.rand(2, 20, 30).double()
    crop = Crop(center[0] - sides[0] / 2, center[1] - sides[1] / 2, *sides)
    alignment = Alignment(crop, angle)
    grid = torch.tensor([[u, v] for v in range(size[0]) for u in range(size[1])]).double()
    step_u, step_v = sides[0] / size[1], sides[1] / size[0]
    steps = torch.tensor([step_u, step_v], dtype=torch.float64)
    upright = torch.tensor([crop.left, crop.top], dtype=torch.float64) + (grid + 0.5) * steps
    places = turned(upright, angle, alignment.center)
    expected = [sampled(image.numpy(), x, y, alignment) for x, y in places.tolist()]
    out = crop_aligned(image, alignment, size)
    torch.testing.assert_close(
        out, torch.tensor(np.array(expected)).T.reshape(2, *size), atol=1e-9, rtol=0
    )


@given(
    x=st.floats(90, 110),
    y=st.floats(80, 100),
    angle=angles,
    side=st.floats(40, 100),
    size=st.integers(24, 150),
)
def test_a_spot_lies_where_its_landmark_says(x, y, angle, side, size):
    alignment = a_square(100.0, 90.0, side + 60, angle)
    image = blob(180, 200, x, y, sigma=5)
    where = alignment.to_crop(torch.tensor([[x, y]], dtype=torch.float64), (size, size))[0]
    out = crop_aligned(image, alignment, (size, size))
    torch.testing.assert_close(center_of_mass(out), where, atol=0.06, rtol=0)


@given(angle=angles, step=st.floats(2.5, 12), lines=st.floats(0, 180))
def test_shrinking_does_not_alias_at_any_angle(angle, step, lines):
    # Black and white a pixel each, or as near to it as a slanting grating comes.
    rows, columns = torch.meshgrid(torch.arange(300), torch.arange(300), indexing="ij")
    across = columns * math.cos(math.radians(lines)) + rows * math.sin(math.radians(lines))
    image = (0.5 + 0.5 * torch.sin(across * math.pi * 0.95))[None]
    out = crop_aligned(image, a_square(150.0, 150.0, 12 * step, angle), (12, 12))
    torch.testing.assert_close(out, torch.full((1, 12, 12), 0.5), atol=0.03, rtol=0)


def test_the_photo_is_reflected_at_its_edges():
    image = torch.rand(1, 12, 16).double()
    padded = torch.cat([image.flip(1), image, image.flip(1)], 1)
    padded = torch.cat([padded.flip(2), padded, padded.flip(2)], 2)
    out = crop_aligned(image, a_square(2.0, 11.0, 7.0, 33.0), (8, 8))
    expected = crop_aligned(padded, a_square(2.0 + 16, 11.0 + 12, 7.0, 33.0), (8, 8))
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize("angle", [0.0, 90.0, 20.0])
def test_refuses_what_cannot_be_cut(angle):
    square = a_square(4.0, 4.0, 6.0, angle)
    with pytest.raises(ValueError, match="of at least 1"):
        crop_aligned(torch.rand(3, 8, 10), square, (0, 5))
    with pytest.raises(ValueError, match="and pixels"):
        crop_aligned(torch.rand(3, 0, 10), square, (5, 5))
    with pytest.raises(ValueError, match="too many for an image of 10 x 8"):
        crop_aligned(torch.rand(3, 8, 10), a_square(4.0, 4.0, 1e6, angle), (5, 5))


@given(
    center=st.tuples(st.floats(0, 40), st.floats(0, 30)),
    side=st.floats(16, 40),
    angle=angles,
    shape=st.tuples(st.integers(10, 16), st.integers(10, 16)),
)
def test_laying_back_is_the_crop_at_the_place_of_each_pixel(center, side, angle, shape):
    picture = torch.rand(2, *shape).double()
    alignment = a_square(*center, side, angle)
    window = (slice(3, 12), slice(5, 17))
    out = to_photo(picture, alignment, window)
    pixels = torch.tensor([[x, y] for y in range(3, 12) for x in range(5, 17)]).double()
    upright = turned(pixels, -angle, center)
    corner = torch.tensor([c - side / 2 for c in center], dtype=torch.float64)
    places = (upright - corner) / side * torch.tensor([shape[1], shape[0]]) - 0.5
    expected = [sampled(picture.numpy(), x, y, alignment) for x, y in places.tolist()]
    torch.testing.assert_close(
        out, torch.tensor(np.array(expected)).T.reshape(2, 9, 12), atol=1e-9, rtol=0
    )
