"""FaceFinder: whatever a detector or a landmarker says, what comes out can be worked with."""

import pickle
from math import inf, nan

import pytest
import torch
from astronaut import portrait
from colored_faces import ColorDetector, ColorLandmarker, color_of, draw_face

from graphgan.faces import FaceFinder, Faces, Landmarks
from graphgan.faces._finder import MOST_FACES
from graphgan.landmarks import LandmarkDetector


class Says:
    """A detector that has made up its mind."""

    name, fingerprint = "says", "1"

    def __init__(self, *boxes, scores=None):
        self.boxes = torch.tensor(boxes, dtype=torch.float32).view(-1, 4)
        self.scores = torch.ones(len(self.boxes)) if scores is None else torch.tensor(scores)

    def __call__(self, image):
        return Faces(self.boxes, self.scores, torch.zeros(len(self.boxes), 0, 2))


class Places:
    """A landmarker that scales and moves what lies on the edges of a box, of some confidence."""

    name, fingerprint = "places", "1"

    def __init__(self, scale=1.0, shift=(0.0, 0.0), confidence=1.0, spoiled=None):
        self.scale, self.shift, self.confidence = scale, torch.tensor(shift), confidence
        self.spoiled, self.seen = spoiled, None

    def __call__(self, image, faces):
        self.seen = faces.boxes
        points, _ = ColorLandmarker()(image, faces)
        low, high = faces.boxes[:, None, :2], faces.boxes[:, None, 2:]
        middle = (low + high) / 2
        points = middle + (points - middle) * self.scale + self.shift * (high - low)
        if self.spoiled is not None:
            points[:, 5, 1] = self.spoiled
        return Landmarks(points, torch.full((len(points),), self.confidence))


IMAGE = torch.zeros(3, 80, 100, dtype=torch.uint8)
GOOD = [10.0, 20, 50, 70]


def found_at(detector, landmarker=None):
    return FaceFinder(detector, landmarker or Places())(IMAGE)


def test_a_photo_of_a_face():
    (found,) = FaceFinder()(portrait())
    assert found.landmarks.isfinite().all()
    edges = torch.cat([found.landmarks.amin(0), found.landmarks.amax(0)])
    assert (found.box - edges).abs().max() < 35  # its box holds the forehead, too


def test_it_is_a_landmark_detector_and_can_be_sent():
    finder = FaceFinder()
    assert isinstance(finder, LandmarkDetector) and finder.num_landmarks == 68
    (found,), (sent,) = finder(portrait()), pickle.loads(pickle.dumps(finder))(portrait())
    assert torch.equal(found.landmarks, sent.landmarks)


def test_tools_of_others():
    image, landmarks = draw_face(color_of(1), (20, 30, 80, 90))
    (found,) = FaceFinder(ColorDetector(), ColorLandmarker())(image)
    torch.testing.assert_close(found.landmarks, landmarks)
    assert found.box.tolist() == [20, 30, 80, 90]


# What detectors say


@pytest.mark.parametrize(
    "box",
    [
        [nan, 20, 50, 70],
        [10, 20, inf, 70],
        [-inf, -inf, inf, inf],
        [10, 20, 10, 70],
        [50, 20, 10, 70],
        [10, 70, 50, 20],
        [-50, 20, -10, 70],
        [100, 20, 140, 70],
        [10, 80, 50, 120],
        [10, -30, 50, -1],
    ],
    ids=str,
)
def test_boxes_that_are_none_are_left_out(box):
    """The good ones beside them stay, in their order."""
    other = [60.0, 20, 90, 60]
    found = found_at(Says(GOOD, box, other))
    assert [face.box.tolist() for face in found] == [GOOD, other]
    landmarker = Places()
    assert found_at(Says(box), landmarker) == [] and landmarker.seen is None


def test_boxes_are_cut_at_the_edges_of_the_image():
    """Which are half a pixel beyond the middles of the outermost pixels."""
    (left, right) = found_at(Says([-30, -1, 40, 50], [50, 40, 1e9, 1e9]))
    assert left.box.tolist() == [-0.5, -0.5, 40, 50]
    assert right.box.tolist() == [50, 40, 99.5, 79.5]


def test_of_too_many_none_is_left_out_in_silence():
    places = [(i % 90, i // 90) for i in range(MOST_FACES + 1)]
    many = [[x, y, x + 0.9, y + 0.9] for x, y in places]
    with pytest.raises(ValueError, match="expected at most 4096 faces in an image, got 4097"):
        found_at(Says([nan] * 4, *many), Places())
    landmarker = Places()
    assert len(found_at(Says([nan] * 4, *many[1:]), landmarker)) == MOST_FACES
    assert len(landmarker.seen) == MOST_FACES


# What landmarkers say


@pytest.mark.parametrize(
    ("landmarker", "known"),
    [
        (Places(), True),
        (Places(confidence=0.5), True),
        (Places(confidence=0.49), False),
        (Places(confidence=nan), False),
        (Places(scale=0.6), True),
        (Places(scale=0.3), False),
        (Places(scale=1.5), True),
        (Places(scale=2.0), False),
        (Places(scale=nan), False),
        (Places(shift=(0.2, 0.2)), True),
        (Places(shift=(0.0, 0.7)), False),
        (Places(shift=(-0.7, 0.0)), False),
        (Places(shift=(100.0, 100.0)), False),
        (Places(spoiled=nan), False),
        (Places(spoiled=inf), False),
    ],
    ids=lambda one: (
        str(one)
        if isinstance(one, bool)
        else f"{one.scale} {one.shift.tolist()} {one.confidence} {one.spoiled}"
    ),
)
def test_landmarks_that_are_none_of_the_face_are_not_known(landmarker, known):
    """Its box stays: it is still a face, and can be covered."""
    (found,) = found_at(Says(GOOD), landmarker)
    assert found.box.tolist() == GOOD
    assert found.landmarks.shape == (68, 2) and found.landmarks.dtype == torch.float32
    assert bool(found.landmarks.isfinite().all()) == known
    assert known or found.landmarks.isnan().all()


def test_a_head_around_a_face_that_has_landmarks_is_no_face_of_its_own():
    """Its box alone would be covered too, and so would all that is around the face."""

    class Some(Places):
        def __call__(self, image, faces):
            found = super().__call__(image, faces)
            sides = faces.boxes[:, 2] - faces.boxes[:, 0]
            return found._replace(confidences=(sides < 50).float())

    around, beside = [2.0, 8, 70, 78], [60.0, 2, 98, 40]
    found = found_at(Says(around, GOOD, scores=[0.6, 0.9]), Some())
    assert [face.box.tolist() for face in found] == [GOOD]
    found = found_at(Says(around, beside, scores=[0.6, 0.9]), Some())
    assert len(found) == 2 and not found[0].landmarks.isfinite().any()


@pytest.mark.parametrize("scores", [[0.9, 0.8], [0.8, 0.9]])
@pytest.mark.parametrize("part", [[20.0, 30, 38, 48], [12.0, 12, 58, 66], [14.0, 30, 56, 73]])
def test_a_box_whose_landmarks_lie_in_those_of_a_larger_face_is_a_part_of_it(part, scores):
    """Whatever is surer: two faces would be laid over each other. It is covered with the larger."""
    face = [10.0, 10, 60, 70]
    assert [found.box.tolist() for found in found_at(Says(face, part, scores=scores))] == [face]


class Round(Places):
    """Landmarks on an ellipse in the box: the corners of the box are beside the face."""

    def __call__(self, image, faces):
        angles = torch.linspace(0, 2 * torch.pi, 69)[:-1]
        circle = torch.stack([angles.cos(), angles.sin()], 1)
        low, high = faces.boxes[:, None, :2], faces.boxes[:, None, 2:]
        points = (low + high) / 2 + circle * (high - low) / 2
        return Landmarks(points, torch.ones(len(points)))


@pytest.mark.parametrize("scores", [[0.9, 0.8], [0.8, 0.9]])
@pytest.mark.parametrize(
    "behind",
    [
        [11.0, 62, 19, 69],  # beside the chin, in the box of the large face
        [58.0, 36, 63, 44],  # beside the cheek, at the edge of that box
    ],
)
def test_a_small_face_in_the_background_beside_a_large_one_stays(behind, scores):
    """Nothing covers it but its own box: it would be shown."""
    face = [10.0, 10, 60, 70]
    assert len(found_at(Says(face, behind, scores=scores), Round())) == 2
    inside = [30.0, 36, 38, 44]
    assert len(found_at(Says(face, inside, scores=scores), Round())) == 1


def test_a_surer_box_without_landmarks_in_a_face_stays():
    """It is not known what it is."""

    class Large(Places):
        def __call__(self, image, faces):
            found = super().__call__(image, faces)
            sides = faces.boxes[:, 2] - faces.boxes[:, 0]
            return found._replace(confidences=(sides > 30).float())

    boxes = [10.0, 10, 60, 70], [20.0, 30, 38, 48]
    assert len(found_at(Says(*boxes, scores=[0.7, 0.9]), Large())) == 2


def test_where_a_tall_box_shows_no_face_the_square_in_its_middle_is_looked_at():
    class SquaresAlone(Places):
        """Knows faces in square boxes."""

        def __call__(self, image, faces):
            points, _ = super().__call__(image, faces)
            sides = faces.boxes[:, 2:] - faces.boxes[:, :2]
            return Landmarks(points, (sides[:, 0] == sides[:, 1]).float())

    (found,) = found_at(Says([10.0, 10, 40, 70]), SquaresAlone())
    assert found.box.tolist() == [10, 10, 40, 70]
    assert found.landmarks.isfinite().all()
    (found,) = found_at(Says([10.0, 10, 40, 70]), Places(confidence=0.0))
    assert found.landmarks.isnan().all()


def test_eyes_that_are_none_do_not_turn_a_face():
    class WithEyes(Says):
        """Its eyes lie above each other."""

        def __call__(self, image):
            found = super().__call__(image)
            return found._replace(points=torch.tensor([[[30.0, 30], [30, 50]]]))

    class Upright(Places):
        """Finds something else, less confidently, in faces that are turned by their eyes."""

        def __call__(self, image, faces):
            points, sure = super().__call__(image, faces)
            tall = faces.boxes[0, 3] - faces.boxes[0, 1] > faces.boxes[0, 2] - faces.boxes[0, 0]
            if not faces.points.shape[1]:
                return Landmarks(points, sure)
            return Landmarks(points.flip(2), torch.full_like(sure, 0.1 if tall else 0.9))

    box = [10.0, 10, 40, 70]
    (turned,) = FaceFinder(WithEyes(box), Upright())(IMAGE)
    (upright,) = FaceFinder(Says(box), Upright())(IMAGE)
    square = Places()(IMAGE, Faces.of_boxes(torch.tensor([[10.0, 25, 40, 55]]))).points[0]
    assert torch.equal(turned.landmarks, square) and upright.landmarks.isfinite().all()


class SeesAt(Says):
    """A detector that sees its second box where that is at least so many pixels high."""

    def __init__(self, *boxes, least, size=600):
        super().__init__(*boxes)
        self.least, self.size = least, size

    def __call__(self, image):
        scale = image.shape[1] / self.size
        found = super().__call__(image)
        if image[0, 0, 0] > image[0, 0, -1]:
            boxes = found.boxes[:, [2, 1, 0, 3]]
            boxes[:, [0, 2]] = self.size - boxes[:, [0, 2]]
            found = found._replace(boxes=boxes)
        seen = (found.boxes[:, 3] - found.boxes[:, 1]) * scale >= torch.tensor([0, self.least])
        return found._replace(boxes=found.boxes * scale).at(seen)


@pytest.mark.parametrize(
    ("other", "least", "count"),
    [
        ([150.0, 400, 550, 600], 90, 1),  # a chest, that is seen at full size alone
        ([150.0, 400, 550, 600], 20, 2),  # somebody, whom smaller images show, too
        ([500.0, 400, 580, 480], 79, 2),  # too small to be looked at again
        ([240.0, 90, 320, 410], 100, 1),  # half the face: it is a part of the other one
    ],
)
def test_a_large_box_without_landmarks_that_vanishes_at_smaller_sizes_is_no_face(
    other, least, count
):
    class Knows(Places):
        def __call__(self, image, faces):
            points, sure = super().__call__(image, faces)
            face = (faces.boxes[:, 0] < 235) & (faces.boxes[:, 1] < 200)
            return Landmarks(points, torch.where(face, sure, 0.0))

    image = torch.zeros(3, 600, 600, dtype=torch.uint8)
    image[:, :, 300:] = 255  # tells which way it is flipped
    detector = SeesAt([230.0, 100, 450, 400], other, least=least)
    found = FaceFinder(detector, Knows())(image)
    assert len(found) == count
    assert found[0].landmarks.isfinite().all()
