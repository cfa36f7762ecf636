"""Persons and their joints: drawn ones are found, alone, in company, turned and cut off."""

import pickle

import pytest
import torch
import torch.nn.functional as F
from foreign_networks import TfliteNetwork

from graphgan.data import SyntheticPersons
from graphgan.landmarks import OPENPOSE_18, LandmarkDetector
from graphgan.models import ConvGraph
from graphgan.persons import BlazePose
from graphgan.persons._blazepose import Squares
from graphgan.persons._candidates import Candidates, decode, merge, same_person


@pytest.fixture(scope="module")
def drawn():
    """A person that is seen from the front, all of it."""
    return SyntheticPersons(1, 1, size=(256, 128), seed=1)[0]


def torso(joints):
    return (joints[[2, 5]].mean(0) - joints[[8, 11]].mean(0)).norm()


def assert_near(found, true, *, parts=0.3):
    """Every joint is there, and near in lengths of the torso."""
    apart = (found - true).norm(dim=1) / torso(true)
    seen = true.isfinite().all(1)
    assert apart[seen].max() < parts  # also false where a joint is missing
    assert apart[seen].mean() < parts / 2


def test_a_drawn_person_is_found(drawn):
    (found,) = BlazePose()(drawn.image)
    assert found.landmarks.shape == (18, 2) and found.landmarks.dtype == torch.float32
    assert_near(found.landmarks, drawn.landmarks)
    torch.testing.assert_close(found.box[:2], found.landmarks.amin(0))
    torch.testing.assert_close(found.box[2:], found.landmarks.amax(0))


def test_the_neck_is_the_middle_of_the_shoulders(drawn):
    joints = BlazePose()(drawn.image)[0].landmarks
    torch.testing.assert_close(joints[1], (joints[2] + joints[5]) / 2)


def test_two_persons_are_found_side_by_side(drawn):
    other = SyntheticPersons(2, 1, size=(256, 128), seed=2)[0]
    left, right = sorted(
        BlazePose()(torch.cat([drawn.image, other.image], 2)), key=lambda found: found.box[0]
    )
    assert_near(left.landmarks, drawn.landmarks)
    assert right.box[0] > 128 and right.box[2] < 256


def test_each_is_as_without_the_others(drawn):
    """More than a batch of crops of one person and of another one, in turn."""
    detector, pixels = BlazePose(passes=1), drawn.image / 255
    place = torch.tensor([[64.0, 128.0], [64.0, 20.0]])
    places = torch.stack([place, place + 4] * 10)
    many = detector._poses(pixels, places)
    for i in (0, 1, 19):
        one = detector._poses(pixels, places[i : i + 1])
        torch.testing.assert_close(many.points[i : i + 1], one.points, atol=1e-2, rtol=0)


@pytest.mark.parametrize("turns", [1, 3])
def test_who_lies_is_found_too(drawn, turns):
    lying = drawn.image.rot90(turns, (1, 2)).contiguous()
    (found,) = BlazePose()(lying)
    x, y = drawn.landmarks.T
    true = torch.stack([y, 127 - x] if turns == 1 else [255 - y, x], dim=1)
    assert_near(found.landmarks, true)


def test_a_mirrored_person_has_its_sides_changed(drawn):
    (found,) = BlazePose()(drawn.image.flip(2))
    mirrored = drawn.landmarks[list(OPENPOSE_18.flip)]
    mirrored[:, 0] = 127 - mirrored[:, 0]
    assert_near(found.landmarks, mirrored)


def test_the_size_of_a_photo_does_not_matter(drawn):
    """Beyond the size at which photos are shrunk first."""
    large = drawn.image.repeat_interleave(10, 1).repeat_interleave(10, 2)
    (found,), (same,) = BlazePose()(large), BlazePose()(drawn.image)
    apart = (found.landmarks + 0.5) / 10 - 0.5 - same.landmarks
    assert apart.abs().max() < 2


def test_joints_beside_the_photo_are_missing(drawn):
    """The photo ends above the knees."""
    knees = drawn.landmarks[[9, 12], 1].min()
    cut = drawn.image[:, : int(knees) - 10]
    (found,) = BlazePose(visibility=0.0)(cut)
    assert found.landmarks[[9, 10, 12, 13]].isnan().all()
    there = found.landmarks[found.landmarks.isfinite().all(1)]
    assert len(there) >= 12
    assert (there >= -0.5).all() and (there <= torch.tensor([127.5, int(knees) - 10.5])).all()


def test_what_is_hidden_is_missing_unless_asked_for():
    """A person seen from the side, whose one arm is behind the body."""
    image = SyntheticPersons(20, 1, size=(256, 128), seed=1)[3].image
    counts = [
        int(BlazePose(visibility=v)(image)[0].landmarks.isfinite().all(1).sum())
        for v in (0.0, 0.5, 0.95)
    ]
    assert counts[0] == 18 and counts[0] > counts[1] > counts[2]


def test_small_persons_are_found_when_asked_for(drawn):
    """One that takes a fifth of the photo's height."""
    photo = torch.full((3, 1280, 1280), 128, dtype=torch.uint8)
    photo[:, 500:756, 300:428] = drawn.image
    assert not BlazePose()(photo)
    (found,) = BlazePose(2)(photo)
    assert_near(found.landmarks - torch.tensor([300, 500]), drawn.landmarks)


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (3, 900), (0, 5)])
def test_nobody_gives_nothing(size):
    assert BlazePose()(torch.zeros(3, *size, dtype=torch.uint8)) == []
    noise = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    assert BlazePose(1)(noise) == []


def test_it_is_a_detector_and_can_be_sent(drawn):
    detector = BlazePose(1, threshold=0.6)
    assert isinstance(detector, LandmarkDetector) and detector.num_landmarks == 18
    sent = pickle.loads(pickle.dumps(detector))
    assert sent.fingerprint == detector.fingerprint != BlazePose().fingerprint
    for a, b in zip(sent(drawn.image), detector(drawn.image), strict=True):
        assert torch.equal(a.landmarks, b.landmarks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"upsample": -1}, "expected to upsample 0 to 3 times, got -1"),
        ({"upsample": 4}, "expected to upsample 0 to 3 times, got 4"),
        ({"threshold": 0.0}, "threshold between 0 and 1, got 0.0"),
        ({"threshold": 1.0}, "threshold between 0 and 1, got 1.0"),
        ({"visibility": 1.0}, "visibility from 0 to below 1, got 1.0"),
        ({"visibility": -0.1}, "visibility from 0 to below 1, got -0.1"),
        ({"passes": 0}, "passes of at least 1, got 0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        BlazePose(**options)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    "image",
    [torch.zeros(3, 9, 9), torch.zeros(1, 9, 9).byte(), torch.zeros(1, 3, 9, 9).byte()],
    ids=["float", "gray", "batch"],
)
def test_other_images_are_refused(image):
    with pytest.raises(ValueError, match=r"8-bit image of shape \(3, h, w\), got"):
        BlazePose()(image)


@pytest.mark.slow
def test_most_of_fifty_drawn_persons_are_found():
    """The numbers of the recipe's page."""
    persons, errors = SyntheticPersons(50, 1, size=(256, 128), seed=1), []
    for i in range(len(persons)):
        image, true = persons[i]
        if found := BlazePose()(image):
            middle = torch.tensor([63.5, 127.5])
            near = min(found, key=lambda one: float((one.box.view(2, 2).mean(0) - middle).norm()))
            length = (true[[2, 5]].nanmean(0) - true[[8, 11]].nanmean(0)).norm()
            errors.append(((near.landmarks - true).norm(dim=1) / length).nanmean())
    errors = torch.stack(errors)
    assert len(errors) == 46
    assert round(float(errors.nanmean()), 2) == 0.09
    assert round(float(errors.nanmedian()), 2) == 0.07


# From maps to places


def maps(side=224):
    """Output maps in which nothing is found."""
    shapes = [(2, side // 8), (2, side // 16), (6, side // 32)]
    return [
        *(torch.zeros(1, 12 * n, cells, cells) for n, cells in shapes),
        *(torch.full((1, n, cells, cells), -9.0) for n, cells in shapes),
    ]


def test_numbers_are_relative_to_the_middle_of_their_cell():
    """One place in each map, in different rows, columns and anchors."""
    outputs = maps()
    for level, (row, column, anchor) in enumerate([(3, 20, 1), (0, 13, 0), (6, 2, 5)]):
        outputs[3 + level][0, anchor, row, column] = 3.0 - level
        outputs[level][0, 12 * anchor : 12 * anchor + 12, row, column] = torch.arange(12.0)
    found = decode(outputs, 224, 0.5)
    torch.testing.assert_close(found.scores, torch.tensor([3.0, 2.0, 1.0]).sigmoid())
    middles = torch.tensor([[20.5 * 8, 3.5 * 8], [13.5 * 16, 0.5 * 16], [2.5 * 32, 6.5 * 32]])
    torch.testing.assert_close(found.places[:, 0], middles + torch.tensor([4.0, 5.0]))
    torch.testing.assert_close(found.places[:, 1], middles + torch.tensor([6.0, 7.0]))
    torch.testing.assert_close(found.shoulders, middles + torch.tensor([8.0, 9.0]))


def test_no_place_is_sure_enough():
    found = decode(maps(448), 448, 0.5)
    assert found.places.shape == (0, 2, 2)
    assert merge(found).shoulders.shape == (0, 2)


def candidates(*rows):
    """Of (score, x, y of the hips, height)."""
    scores, x, y, height = torch.tensor(rows).T
    hips, reach = torch.stack([x, y], 1), torch.stack([x, y - height], 1)
    return Candidates(scores, torch.stack([hips, reach], 1), (hips + reach) / 2)


def test_places_of_one_person_become_their_mean():
    merged = merge(
        candidates((0.9, 50.0, 80.0, 40.0), (0.8, 90.0, 80.0, 40.0), (0.3, 54.0, 84, 40))
    )
    torch.testing.assert_close(merged.scores, torch.tensor([0.9, 0.8]))
    torch.testing.assert_close(merged.places[:, 0], torch.tensor([[51.0, 81.0], [90.0, 80.0]]))


def test_people_in_a_row_stay_apart():
    """Half of their reach, as shoulder to shoulder."""
    row = candidates(*((0.9, 20.0 * i, 80.0, 40.0) for i in range(5)))
    assert len(merge(row).scores) == 5
    assert same_person(row, row.at(slice(2))).tolist() == [True, True, False, False, False]


def test_a_square_shows_what_lies_where_it_says():
    """An image of coordinates, cut out at an angle, without and with being halved first."""
    y, x = torch.meshgrid(torch.arange(256.0) + 0.5, torch.arange(256.0) + 0.5, indexing="ij")
    image = torch.stack([x, y, x + y])
    for reach in (20.0, 90.0):
        up = reach * torch.tensor([[0.6, -0.8], [0.0, -1.0]])
        squares = Squares(torch.tensor([[128.0, 128.0], [120.0, 131.0]]), up)
        pixels = squares.pixels(image, 32)
        middles = (torch.arange(32) + 0.5) / 16 - 1
        grid = torch.stack(torch.meshgrid(middles, middles, indexing="xy"), 2).view(1, -1, 2)
        places = squares.to_image(grid.expand(2, -1, 2)).view(2, 32, 32, 2)
        torch.testing.assert_close(pixels[:, :2].permute(0, 2, 3, 1), places, atol=1e-2, rtol=0)
    torch.testing.assert_close(squares.to_image(torch.tensor([[[0.0, -1.0]]] * 2))[:, 0],
                               squares.centers + up)  # fmt: skip


# The networks are those of MediaPipe


@pytest.mark.parametrize("name", ["blazepose-detector", "blazepose-landmarks"])
def test_the_files_hold_nothing_that_their_outputs_do_not_need(name):
    network = ConvGraph.from_pretrained(name)
    used = {value for node in network.nodes for value in node["inputs"]} | {*network.outputs}
    assert used == set(range(len(network.nodes) + 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "member", "side", "low"),
    [
        ("blazepose-detector", "pose_detection/pose_detection", 224, -1),
        ("blazepose-landmarks", "pose_landmark/pose_landmark_full", 256, 0),
    ],
)
@torch.no_grad()
def test_the_networks_give_the_numbers_of_the_original(tmp_path, drawn, name, member, side, low):
    original = TfliteNetwork(member, tmp_path)
    network = ConvGraph.from_pretrained(name)
    person = F.interpolate(drawn.image[None] / 255, (side, side), mode="bilinear")
    for image in (person, torch.rand(1, 3, side, side)):
        image = image * (1 - low) + low
        expected = original(image)[:2]
        given = network(image)
        if name == "blazepose-detector":
            flat = [m.permute(0, 2, 3, 1).reshape(1, -1, 12) for m in given[:3]]
            sure = [m.permute(0, 2, 3, 1).reshape(1, -1, 1) for m in given[3:]]
            given = [torch.cat(flat, 1), torch.cat(sure, 1)]
        else:
            given = [given[0].view(1, 195), given[1].view(1, 1).sigmoid()]
        for a, b in zip(given, expected, strict=True):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)
