import math

import pytest
import torch

from graphgan.landmarks import Crop, crop_image, face_crop, person_crop


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


def test_the_square_is_twice_the_box_and_raised_by_a_tenth():
    landmarks = torch.tensor([[10.0, 20.0], [50.0, 20.0], [30.0, 100.0], [math.nan, math.nan]])
    assert face_crop(landmarks) == Crop(30.0 - 80, 60.0 - 8 - 80, 160.0, 160.0)


@pytest.mark.parametrize("finer", [1, 2])
def test_reflection_repeats_at_the_picture_s_edge(finer):
    """Whole pixels are picked, others resampled."""
    image = torch.rand(1, 4, 4)
    out = crop_image(image, Crop(-12.5, -12.5, 28.0, 28.0), (28 * finer, 28 * finer))
    mirrored = torch.cat([image, image.flip(2)], 2)
    mirrored = torch.cat([mirrored, mirrored.flip(1)], 1)
    # 12 pixels to the left of the image is one and a half periods of 8.
    tiled = mirrored.roll((4, 4), (1, 2)).repeat(1, 6, 6)
    expected = crop_image(tiled, Crop(7.5, 7.5, 28.0, 28.0), (28 * finer, 28 * finer))
    if finer == 1:
        assert torch.equal(expected, tiled[:, 8:36, 8:36])
    torch.testing.assert_close(out, expected)


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
