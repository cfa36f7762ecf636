import pytest
import torch
import torch.nn.functional as F

from graphgan.data import SyntheticPersons, next_picture_pairs, read_pairs, to_person_batch
from graphgan.landmarks import OPENPOSE_18, bend_limbs, bend_to_landmarks, pose_mask
from graphgan.metrics import ssim

SIZE = (64, 48)
STANDING = torch.tensor(  # seen from the front
    [
        *([24.0, 8], [24, 14], [18, 14], [13, 22], [10, 30], [30, 14], [35, 22], [38, 30]),
        *([20, 32], [20, 44], [20, 56], [28, 32], [28, 44], [28, 56]),
        *([22.0, 7], [26, 7], [21, 8], [27, 8]),
    ]
)[None]
RIGHT_ARM, LEFT_ARM, RIGHT_LEG = (2, 3, 4), (5, 6, 7), (8, 9, 10)


def smooth_pictures(seed: int, batch: int = 1):
    coarse = torch.rand(batch, 3, 16, 12, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, SIZE, mode="bicubic", align_corners=False)


def marked(joints, start: int, end: int):
    """An image that is 1 around the middle of a limb."""
    x, y = (joints[0, start] + joints[0, end]) / 2
    rows, columns = torch.meshgrid(*(torch.arange(n).float() for n in SIZE), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4)[None, None].expand(1, 3, -1, -1)


def value_at(picture, point) -> float:
    column, row = point.round().long().tolist()
    return float(picture[0, 0, row, column])


def with_points(joints, points: dict[int, tuple[float, float]]):
    moved = joints.clone()
    for joint, place in points.items():
        moved[:, joint] = torch.tensor(place)
    return moved


def test_joints_that_stay_leave_the_picture_as_it_is():
    pictures = smooth_pictures(1)
    difference = (bend_limbs(pictures, STANDING, STANDING) - pictures).abs()
    assert difference.mean() < 0.01
    assert difference.max() < 0.1


def test_a_person_who_is_larger_is_enlarged():
    pictures = smooth_pictures(3)
    bent = bend_limbs(pictures, STANDING / 1.5, STANDING)
    theta = torch.tensor([[[1 / 1.5, 0, 0], [0, 1 / 1.5, 0]]])
    grid = F.affine_grid(theta, [1, 3, *SIZE], align_corners=False)
    half = torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    grid = grid + (0.5 / half + 1 / 1.5 - 1) - (0.5 / 1.5) / half  # joints are at pixel centers
    expected = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    # The one pixel in the scale keeps it finite where nothing is there.
    assert float((bent - expected).abs().mean()) < 0.02
    assert float((bent - pictures).abs().mean()) > 0.1


def test_an_arm_goes_where_its_joints_go_and_leaves_little_behind():
    raised = with_points(STANDING, {3: (9.0, 10.0), 4: (5.0, 4.0)})
    picture = marked(STANDING, 3, 4)
    bent = bend_limbs(picture, STANDING, raised)
    assert value_at(bent, (raised[0, 3] + raised[0, 4]) / 2) > 0.8
    assert value_at(bent, (STANDING[0, 3] + STANDING[0, 4]) / 2) < 0.6


@pytest.mark.parametrize("missing", [RIGHT_ARM[1:], RIGHT_ARM[2:]])
def test_a_limb_that_is_missing_is_that_of_the_other_side(missing):
    hidden = STANDING.clone()
    hidden[:, missing] = torch.nan
    bent = bend_limbs(marked(STANDING, 6, 7), hidden, STANDING)
    for arm in (RIGHT_ARM, LEFT_ARM):
        assert value_at(bent, (STANDING[0, arm[1]] + STANDING[0, arm[2]]) / 2) > 0.8


@pytest.mark.parametrize("missing", [(1,), (2, 5), (8, 11), (1, 2), (9,), (1, 2, 5), (0, 16)])
def test_joints_that_are_guessed_are_near_enough(missing):
    pictures, wanted = smooth_pictures(4), STANDING.clone()
    wanted[:, missing] = torch.nan
    inside = pose_mask(STANDING, SIZE)
    bent = bend_limbs(pictures, STANDING, wanted)
    error = ((bent - pictures).abs() * inside).sum() / inside.sum() / 3
    assert bent.isfinite().all()
    assert error < 0.12  # another image: 0.25


def test_a_trunk_and_a_face_that_look_the_other_way_are_mirrored():
    turned_round = STANDING[:, list(OPENPOSE_18.flip)]
    spot = with_points(STANDING, {4: (21.0, 24.0)})  # right in the trunk
    picture = marked(spot, 4, 4)
    bent = bend_limbs(picture, STANDING, turned_round)
    assert value_at(bent, torch.tensor([27.0, 24.0])) > 0.7
    assert value_at(bent, torch.tensor([21.0, 24.0])) < 0.3
    looking = [with_points(STANDING, {0: (x, 8.0)}) for x in (20.0, 28.0)]
    picture = marked(with_points(STANDING, {4: (21.0, 6.0)}), 4, 4)
    bent = bend_limbs(picture, *looking)
    assert value_at(bent, torch.tensor([27.0, 6.0])) > 0.7


@pytest.mark.parametrize("place", [torch.zeros(2), torch.tensor([1e4, -300.0])])
def test_joints_that_are_no_person_give_a_picture_all_the_same(place):
    joints = place.expand(1, 18, 2).clone()
    for given, wanted in ((joints, STANDING), (STANDING, joints), (joints, joints)):
        assert bend_limbs(smooth_pictures(7), given, wanted).isfinite().all()


def test_it_shows_drawn_persons_better_than_bending_the_picture_as_a_whole():
    persons = SyntheticPersons(6, 2)
    batch = to_person_batch(read_pairs(persons, next_picture_pairs(persons.persons)))
    mask = pose_mask(batch.target_joints, (128, 64))
    given = (batch.image, batch.joints, batch.target_joints)
    limbs, whole, image = (
        float(ssim(picture, batch.target, mask=mask).mean())
        for picture in (bend_limbs(*given), bend_to_landmarks(*given), batch.image)
    )
    assert limbs > whole + 0.03 > image + 0.03


@pytest.mark.unhooked
@pytest.mark.slow
def test_it_compiles():
    compiled = torch.compile(bend_limbs, fullgraph=True, backend="eager")
    pictures, wanted = smooth_pictures(8), STANDING + 2
    torch.testing.assert_close(
        compiled(pictures, STANDING, wanted), bend_limbs(pictures, STANDING, wanted)
    )
