from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from graphgan.data import SyntheticPersons
from graphgan.data._synthetic.persons import render_person
from graphgan.landmarks import OPENPOSE_18, polygon_mask, pose_mask

H, W = 40, 30
SHOULDERS_AND_HIPS = [2, 5, 11, 8]
LINES = [*OPENPOSE_18.edges, *pairwise([*SHOULDERS_AND_HIPS, 2]), *[(1, 16), (1, 17), (16, 17)]]
seeds = st.integers(0, 9999)


def people(seed, count=1, *, missing=0.0):
    """Joints all over the place, and beyond it."""
    torch.manual_seed(seed)
    joints = torch.rand(count, 18, 2, dtype=torch.float64) * torch.tensor([W + 10, H + 10]) - 5
    joints[torch.rand(count, 18) < missing] = torch.nan
    return joints


def alone(**points):
    """A person of whom all but the given joints is missing, as ``p4=(x, y)``."""
    joints = torch.full((1, 18, 2), torch.nan, dtype=torch.float64)
    for name, point in points.items():
        joints[0, int(name[1:])] = torch.tensor(point, dtype=torch.float64)
    return joints


def gap(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How far each pixel's center lies from the segment."""
    pixels = np.stack(np.meshgrid(np.arange(W), np.arange(H)), axis=-1).astype(float)
    along = end - start
    share = ((pixels - start) @ along / max(along @ along, 1e-12)).clip(0, 1)
    return np.linalg.norm(pixels - start - share[..., None] * along, axis=-1)


@given(seed=seeds, missing=st.floats(0, 1), thickness=st.floats(1, 9), dilation=st.floats(0, 4))
def test_it_is_all_that_is_near_to_a_limb_and_the_trunk(seed, missing, thickness, dilation):
    joints = people(seed, missing=missing)
    mask = pose_mask(joints, (H, W), thickness=thickness, dilation=dilation)[0, 0].numpy() == 1
    points, nearest = joints[0].numpy(), np.full((H, W), np.inf)
    for i, j in LINES + [(i, i) for i in range(18)]:
        if not np.isnan(points[[i, j]]).any():
            nearest = np.minimum(nearest, gap(points[i], points[j]))
    trunk = polygon_mask(joints[:, SHOULDERS_AND_HIPS], (H, W))[0, 0].numpy() == 1
    reach = thickness / 2 + dilation
    clear = np.abs(nearest - reach) > 1e-9
    assert (mask == ((nearest <= reach) | trunk))[clear].all()


def test_a_limb_with_a_missing_end_is_left_out():
    whole = alone(p8=(15, 5), p9=(15, 20), p10=(15, 35))
    cut = whole.clone()
    cut[0, 9] = torch.nan
    masks = pose_mask(torch.cat([whole, cut]), (H, W), thickness=4.0, dilation=0.0)[:, 0]
    assert masks[0, 5:36, 15].all()
    assert masks[1, [5, 35], 15].all() and not masks[1, 8:33, 15].any()


@pytest.mark.parametrize("lost", [None, 2, 5, 8, 11])
def test_the_belly_is_inside_where_its_corners_are_known(lost):
    joints = alone(p2=(5, 5), p5=(25, 5), p8=(5, 30), p11=(25, 30))
    if lost is not None:
        joints[0, lost] = torch.nan
    mask = pose_mask(joints, (H, W), thickness=2.0, dilation=0.0)[0, 0]
    assert mask[12:24, 10:20].all() if lost is None else not mask[12:24, 10:20].any()


@given(seed=seeds, missing=st.floats(0, 1))
def test_a_mirrored_person_has_the_mirrored_mask(seed, missing):
    joints = people(seed, 2, missing=missing)
    mirrored = joints[:, list(OPENPOSE_18.flip)] * torch.tensor([-1, 1]) + torch.tensor([W - 1, 0])
    assert torch.equal(pose_mask(mirrored, (H, W)), pose_mask(joints, (H, W)).flip(-1))


@given(seed=seeds, dilation=st.floats(1.5, 6))
def test_it_is_dilated_by_a_disc(seed, dilation):
    joints = people(seed, missing=0.3)
    large = (3 * H, 3 * W)  # what lies beyond the border widens into the image as well
    bare = pose_mask(joints + torch.tensor([W, H]), large, thickness=3.0, dilation=0.0)
    wide = pose_mask(joints, (H, W), thickness=3.0, dilation=dilation)[0, 0].numpy()
    away = distance_transform_edt(bare[0, 0].numpy() == 0)[H : 2 * H, W : 2 * W]
    assert wide[away <= dilation - 1e-9].all()
    assert not wide[away > dilation + 2**0.5 + 1e-9].any()  # the rim of the bare one, in pixels


@pytest.fixture(scope="module")
def drawn():
    """Joints of forty drawn people, and where they are: what a changed background leaves alone."""
    persons, joints, bodies = SyntheticPersons(20, 2), [], []
    for i in range(40):
        scene = replace(persons.scene(i), background="gradient")
        green, violet = (
            render_person(persons.figure(i), replace(scene, background_colors=(color, color)))
            for color in ((0.0, 1.0, 0.0), (1.0, 0.0, 1.0))
        )
        joints.append(green.landmarks)
        bodies.append((green.image.int() - violet.image.int()).abs().sum(0) < 300)
    return torch.stack(joints), torch.stack(bodies)


def test_it_covers_drawn_people_and_little_else(drawn):
    joints, bodies = drawn
    masks = pose_mask(joints, (128, 64))[:, 0].bool()
    both, mask, body = (x.flatten(1).sum(1) for x in (masks & bodies, masks, bodies))
    corners = joints[:, SHOULDERS_AND_HIPS].isfinite().flatten(1).all(1)
    assert (both / body).mean() > 0.9
    assert (both / body)[corners].min() > 0.85  # a side view hides the corners of the trunk
    assert (both / mask).mean() > 0.65
