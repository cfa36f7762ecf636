"""What is in front of a face stays, and nothing that might be the face."""

import math

import pytest
import torch

from graphgan.anonymize import Patch, paste_faces
from graphgan.anonymize.compositor import AlignedFaces
from graphgan.anonymize.compositor._constants import MOST_OCCLUDED, RIM_WIDTH
from graphgan.anonymize.compositor._occluders import occluders, skinless_rim
from graphgan.landmarks import Alignment, face_regions
from graphgan.landmarks._alignment import align_face
from graphgan.landmarks._crop import whole_crop
from graphgan.landmarks._masks import shrink_mask

SKIN, HAIR = torch.tensor([0.6, 0.2, 0.0]), torch.tensor([-0.8, -0.85, -0.9])


@pytest.fixture
def face(drawn_faces):
    """A face of skin alone, its region and landmarks: (image, region, points) of 128 pixels."""
    points = drawn_faces[0].landmarks
    size = (128, 128)
    points = align_face(points).to_crop(points, size).float()
    image = SKIN.view(3, 1, 1).expand(3, *size) + 0.02 * torch.randn(
        3, *size, generator=torch.Generator().manual_seed(0)
    )
    return image, face_regions(points[None], size, forehead=0.35)[0], points


def kept(image, region, points):
    return occluders(image[None], region[None], points[None])[0]


def columns(region):
    return region[0].amax(0).nonzero().flatten()


def test_bare_skin_is_replaced_altogether(face):
    assert kept(*face).sum() == 0


@pytest.mark.parametrize("color", [HAIR, torch.tensor([0.9, 0.95, 1.0])], ids=["hair", "sky"])
def test_hair_and_background_at_the_rim_stay(face, color):
    image, region, points = face
    left, brow = int(columns(region)[0]), float(points[17:27, 1].mean())
    image = image.clone()
    image[:, :, : left + 8] = color.view(3, 1, 1)
    stays = kept(image, region, points)[0] > 0
    inside = region[0] > 0
    row = int(brow)
    assert stays[row, : left + 6][inside[row, : left + 6]].all()
    assert not stays[:, left + 11 :].any()


def test_below_the_mouth_nothing_stays_since_it_may_be_a_beard(face):
    image, region, points = face
    image = image.clone()
    mouth = int(points[[48, 54], 1].mean())
    image[:, mouth + 3 :] = HAIR.view(3, 1, 1)
    assert kept(image, region, points)[0, mouth + 6 :].sum() == 0


def test_what_touches_no_edge_or_crosses_the_eyes_is_replaced(face):
    image, region, points = face
    spot, bar = image.clone(), image.clone()
    x, y = points[[2, 31]].mean(0).round().int().tolist()
    spot[:, y - 3 : y + 4, x - 3 : x + 4] = HAIR.view(3, 1, 1)
    assert kept(spot, region, points).sum() == 0
    top, bottom = int(points[36:48, 1].min()), int(points[36:48, 1].max())
    bar[:, top - 2 : bottom + 3] = HAIR.view(3, 1, 1)
    stays = kept(bar, region, points)[0]
    first, last = int(points[36:48, 0].min()), int(points[36:48, 0].max())
    assert stays[:, first : last + 1].sum() == 0


def test_what_does_not_go_on_beyond_the_face_is_replaced(face):
    """An eye or a brow at the rim, where landmarks are wrong, and skin around."""
    image, region, points = face
    image = image.clone()
    brow = int(points[17:27, 1].mean())
    for row in range(brow - 6, brow + 7):
        left = int(region[0, row].nonzero()[0])
        image[:, row, left : left + 9] = HAIR[:, None]
    stays = kept(image, region, points)
    assert stays.sum() < 0.2 * 13 * 9


def test_where_most_would_stay_or_landmarks_lack_all_is_replaced(face):
    image, region, points = face
    dark = image.clone()
    middle = int(points[[0, 16], 0].mean())
    dark[:, : int(points[27, 1]), :] = HAIR.view(3, 1, 1)
    dark[:, :, : middle - 12] = HAIR.view(3, 1, 1)
    dark[:, :, middle + 12 :] = HAIR.view(3, 1, 1)
    share = kept(dark, region, points).sum() / region.sum()
    assert share <= MOST_OCCLUDED
    side = image.clone()
    side[:, :, : int(columns(region)[0]) + 8] = HAIR.view(3, 1, 1)
    both = torch.stack([points, torch.full_like(points, math.nan)])
    stays = occluders(torch.stack([side, side]), torch.stack([region, region]), both)
    assert stays[0].sum() > 0 and stays[1].sum() == 0


def test_it_is_the_same_at_the_resolution_of_large_crops(face):
    image, region, points = face
    image = image.clone()
    image[:, :, : int(columns(region)[0]) + 8] = HAIR.view(3, 1, 1)
    small = kept(image, region, points)
    large = kept(
        *(x.repeat_interleave(4, 1).repeat_interleave(4, 2) for x in (image, region)),
        (points + 0.5) * 4 - 0.5,
    )
    shrunk = torch.nn.functional.avg_pool2d(large[None], 4)[0]
    assert (shrunk - small).abs().mean() < 0.002


def test_masks_end_where_something_stays_and_it_need_not_be_covered(face):
    image, region, points = face
    image = image.clone()
    image[:, :, : int(columns(region)[0]) + 8] = HAIR.view(3, 1, 1)
    faces = AlignedFaces(image[None], points[None], region[None]).behind_occluders()
    assert faces.kept is not None and faces.kept.sum() > 0
    stays = occluders(image[None], region[None], points[None])
    assert torch.equal(faces.masks, region[None] * (1 - stays))
    assert (faces.kept >= stays).all() and faces.kept.max() <= 1
    photo = ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    alignment = Alignment(whole_crop((128, 128)))
    whole = Patch(torch.zeros_like(image), faces.masks[0], alignment, points)
    without, told = (
        paste_faces(photo, [patch]).covered[0]
        for patch in (whole, whole._replace(kept=faces.kept[0]))
    )
    assert told is not None and without is not None and told > without


def rim(image, region, points):
    """Inside the region."""
    return skinless_rim(image[None], region[None], points[None])[0] * region


def test_at_the_rim_the_line_of_a_jaw_stays_and_skin_is_replaced(face):
    image, region, points = face
    assert rim(*face).max() < 0.1
    image = image.clone()
    chin = int(points[8, 1])
    image[:, chin - 2 :] = HAIR.view(3, 1, 1)
    stays = rim(image, region, points)[0]
    assert stays[chin - 1 :].max() > 0.5
    assert stays[: chin - 5].max() < 0.1


def test_deeper_than_the_rim_beyond_skin_and_in_features_nothing_stays(face):
    image, region, points = face
    dark = image.clone()
    dark[:, :, : int(columns(region)[0]) + 20] = HAIR.view(3, 1, 1)
    # The middle is skin: all of the dark side is told apart from it.
    stays = rim(dark, region, points)
    deep = shrink_mask(region[None], 2.5 * RIM_WIDTH)[0] > 0
    assert stays[deep].max() == 0
    spot = image.clone()
    x, y = points[4].round().int().tolist()  # skin lies between it and the edge
    spot[:, y - 4 : y - 1, x + 5 : x + 8] = HAIR.view(3, 1, 1)
    assert rim(spot, region, points).max() < 0.15
    brows = rim(image - 0.5 * (torch.arange(128) % 8 < 4), region, points)
    assert brows.max() > 0.5
    for part in (range(17, 22), range(22, 27), range(36, 48)):
        for x, y in points[list(part)].round().int().tolist():
            assert brows[0, y, x] == 0


def test_without_landmarks_or_at_large_sizes_the_rim_is_the_same(face):
    image, region, points = face
    assert rim(image - 2 * region, region, torch.full_like(points, math.nan)).max() == 0
    image = image.clone()
    image[:, int(points[8, 1]) - 2 :] = HAIR.view(3, 1, 1)
    small = rim(image, region, points)
    large = rim(
        *(x.repeat_interleave(4, 1).repeat_interleave(4, 2) for x in (image, region)),
        (points + 0.5) * 4 - 0.5,
    )
    assert (torch.nn.functional.avg_pool2d(large[None], 4)[0] - small).abs().mean() < 0.004


def test_where_no_skin_is_known_or_most_would_stay_nothing_stays_at_the_rim(face):
    _, region, points = face
    noise = torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(1)) * 2 - 1
    thin = region * (torch.arange(128) < columns(region)[0] + 8)  # nothing lies deep in it
    assert rim(noise, thin, points).max() == 0
    narrow = region * (torch.arange(128) < columns(region)[0] + 26)
    deep = shrink_mask(narrow[None], 1.6 * RIM_WIDTH)[0]
    assert deep.sum() > 0
    ring = SKIN.view(3, 1, 1) * deep + HAIR.view(3, 1, 1) * (1 - deep)
    assert rim(ring, narrow, points + 500).max() == 0  # no features in it: most would stay


def test_an_eye_at_the_rim_with_skin_beyond_does_not_stay(face):
    image, region, points = face
    eye = image.clone()
    row = int(points[3, 1])
    left = int(region[0, row].nonzero()[0])
    eye[:, row - 2 : row + 3, left + 2 : left + 9] = HAIR.view(3, 1, 1)
    assert rim(eye, region, points).max() < 0.15
    strand = eye.clone()
    strand[:, row - 2 : row + 3, : left + 9] = HAIR.view(3, 1, 1)
    assert rim(strand, region, points).max() > 0.5
