import pytest
import torch
import torch.nn.functional as F

from graphgan.data import to_float_image
from graphgan.landmarks import CIAGAN_29, draw_lines, face_mask
from graphgan.landmarks._schemes import CIAGAN_29_INDICES
from graphgan.models import CIAGANGenerator, ciagan_inputs


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return CIAGANGenerator(5, width=4, num_blocks=1).eval()


# Smaller images


@torch.no_grad()
def test_at_64_pixels_the_innermost_blocks_are_left_out(tmp_path):
    small = CIAGANGenerator(5, width=4, num_blocks=1, size=64).eval()
    assert (len(small.down), len(small.up)) == (4, 4)
    image, identity = torch.rand(2, 3, 64, 64), torch.tensor([0, 4])
    assert small.down(torch.cat([image, image], 1)).shape == (2, 32, 4, 4)
    assert small(image, image, identity).shape == (2, 3, 64, 64)
    small.save_pretrained(tmp_path / "a.safetensors")
    again = CIAGANGenerator.from_pretrained(tmp_path / "a.safetensors")
    assert again.size == 64
    assert torch.equal(again(image, image, identity), small(image, image, identity))
    # What is left is what the larger one has outside.
    large = CIAGANGenerator(5, width=4, num_blocks=1)
    widths = {name: p.shape for name, p in large.named_parameters()}
    for name, parameter in small.named_parameters():
        room, number, *rest = name.split(".")
        if room == "up":
            number = str(int(number) + 1)
        assert widths[".".join([room, number, *rest])] == parameter.shape


# People


def test_people_have_names_and_numbers(tmp_path):
    CIAGANGenerator(3, width=2, num_blocks=1, people=["anna", "007", "2"]).save_pretrained(
        tmp_path / "a.safetensors"
    )
    generator = CIAGANGenerator.from_pretrained(tmp_path / "a.safetensors")
    assert generator.people == ("anna", "007", "2")
    assert [generator.number_of(name) for name in generator.people] == [0, 1, 2]
    with pytest.raises(ValueError, match=r"one of the 3 people .* such as anna, 007, 2; got 'eve'"):
        generator.number_of("eve")


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (["a", "b"], "expected the names of 3 people or none, got 2"),
        (["a", "b", "a"], "expected different names, got 1 duplicates"),
    ],
)
def test_names_that_do_not_fit_are_refused(people, message):
    with pytest.raises(ValueError, match=message):
        CIAGANGenerator(3, width=2, people=people)


# What it sees


def test_it_sees_a_drawing_and_a_hole(drawn_faces):
    images = torch.stack([to_float_image(face.image) for face in drawn_faces])
    landmarks = torch.stack([face.landmarks for face in drawn_faces])
    masks = face_mask(landmarks, (64, 64))
    drawing, masked = ciagan_inputs(images, landmarks, masks, size=64)
    expected = draw_lines(landmarks[:, CIAGAN_29_INDICES], CIAGAN_29, (64, 64))
    torch.testing.assert_close(drawing, (expected + 1) / 2)
    inside = (masks == 1).expand_as(images)
    assert (masked[inside] == 0).all()
    torch.testing.assert_close(masked[~inside], ((images + 1) / 2)[~inside])


def test_at_another_size_the_landmarks_move_with_the_pixels(drawn_faces):
    face = drawn_faces[0]
    image, landmarks = to_float_image(face.image)[None], face.landmarks[None]
    masks = face_mask(landmarks, (64, 64))
    drawing, masked = ciagan_inputs(image, landmarks, masks, size=128)
    expected = draw_lines(2 * landmarks[:, CIAGAN_29_INDICES] + 0.5, CIAGAN_29, (128, 128))
    torch.testing.assert_close(drawing, (expected + 1) / 2)
    smaller = F.avg_pool2d(masked, 2)
    within = F.max_pool2d(1 - masks, 3, 1, 1) - F.max_pool2d(masks, 3, 1, 1) == 1
    difference = (smaller - (image + 1) / 2 * (1 - masks)).abs()
    assert difference[within.expand_as(difference)].mean() < 0.03


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_what_it_sees_has_the_precision_of_the_images(drawn_faces, dtype):
    image, landmarks = to_float_image(drawn_faces[0].image)[None], drawn_faces[0].landmarks[None]
    masks = face_mask(landmarks, (64, 64))
    expected = ciagan_inputs(image, landmarks, masks, size=128)
    for given, single in zip(
        ciagan_inputs(image.to(dtype), landmarks, masks, size=128), expected, strict=True
    ):
        assert given.dtype == dtype
        torch.testing.assert_close(given.float(), single, rtol=0, atol=0.01)
