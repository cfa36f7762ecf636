from dataclasses import replace

import pytest
import torch
from colored_faces import (
    GRAY,
    SIZE,
    ColorDetector,
    ColorLandmarker,
    ColorRecognizer,
    color_of,
    draw_face,
)

from graphgan.evaluation import ResultCache, ToolRunner
from graphgan.faces import Faces, NamingRecognizer

BOXES = [(20, 30, 80, 90), (30, 20, 85, 75), (25, 25, 90, 90)]


@pytest.fixture(scope="module")
def faces():
    """Three faces and one image without any."""
    drawn = [draw_face(color_of(i), box) for i, box in enumerate(BOXES)]
    nothing = torch.full((3, SIZE, SIZE), GRAY, dtype=torch.uint8)
    images = torch.stack([*(image for image, _ in drawn), nothing])
    points = torch.stack([*(points for _, points in drawn), torch.full((68, 2), torch.nan)])
    return images, points


class Pointing(ColorDetector):
    """Scores, and two points of each face: its upper corners."""

    name = "points"

    def __call__(self, image):
        boxes = super().__call__(image).boxes
        points = torch.stack([boxes[:, :2], boxes[:, [2, 1]]], 1)
        return Faces(boxes, torch.full((len(boxes),), 0.75), points)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_image_gets_its_own_answer(tools, faces, workers):
    images, points = faces
    with ToolRunner(tools, workers=workers) as tool_runner:
        found = tool_runner.find(images, tools.detector)
        assert [own.boxes.tolist() for own in found] == [[list(box)] for box in BOXES] + [[]]
        landmarks = tool_runner.locate(images, found)
        torch.testing.assert_close(landmarks, points, equal_nan=True, rtol=0, atol=1e-4)
        described = tool_runner.describe(images, points, tools.recognizers[0])
    expected = torch.stack([color_of(i).float() / 255 for i in range(3)])
    torch.testing.assert_close(described[:3], expected)
    assert described[3].isnan().all()


def test_scores_and_points_reach_the_landmarker(tools, faces, tmp_path):
    """From the cache as from the detector; where nothing was found, other detectors stand in."""
    seen = []

    class Curious(ColorLandmarker):
        def __call__(self, image, faces):
            seen.append(faces)
            return super().__call__(image, faces)

    images, _ = faces
    detector = Pointing()
    tools = replace(tools, detector=detector, landmarker=Curious())
    for _ in range(2):
        tool_runner = ToolRunner(tools, cache=ResultCache(tmp_path))
        found = tool_runner.find(images, detector)
        assert [own.points.shape for own in found] == [(1, 2, 2)] * 3 + [(0, 2, 2)]
    anywhere = Faces.of_boxes(torch.tensor([[5.0, 6, 50, 60], [0, 0, 9, 9]]))
    tool_runner.locate(images, [*found[:3], anywhere])
    assert [own.points.shape[1] for own in seen] == [2, 2, 2, 0]
    assert [own.scores.tolist() for own in seen] == [[0.75]] * 3 + [[1.0]]
    assert seen[1].points[0].tolist() == [[30, 20], [85, 20]]
    assert seen[3].boxes.tolist() == [[5, 6, 50, 60]]


def test_small_images_are_enlarged_and_answers_brought_back(tools, faces):
    """Tools see 128 pixels and more; what they say is in the image's own."""
    images, _ = faces
    small = images[:, :, ::2, ::2]  # boxes of even edges become half as large

    class Sizes(Pointing):
        def __call__(self, image):
            assert image.shape == (3, SIZE, SIZE)
            points = torch.tensor([[[15.5, 31.5], [63.5, 31.5]]])
            return Faces(torch.tensor([[15.5, 31.5, 63.5, 95.5]]), torch.ones(1), points)

    class Same(ColorLandmarker):
        def __call__(self, image, faces):
            assert image.shape == (3, SIZE, SIZE)
            assert faces.points.tolist() == [[[15.5, 31.5], [63.5, 31.5]]]
            return super().__call__(image, faces)

    detector = Sizes()
    tool_runner = ToolRunner(replace(tools, detector=detector, landmarker=Same()))
    found = tool_runner.find(small, detector)
    # A pixel of the small image is two wide: its left edge, -0.5, stays where it is.
    assert found[0].boxes.tolist() == [[7.5, 15.5, 31.5, 47.5]]
    assert found[0].points.tolist() == [[[7.5, 15.5], [31.5, 15.5]]]
    landmarks = tool_runner.locate(small, found)
    low, high = torch.tensor([7.5, 15.5]), torch.tensor([31.5, 47.5])
    expected = ColorLandmarker()(small[0], found[0]).points[0]
    torch.testing.assert_close(landmarks[0], expected)
    assert (landmarks[0].amin(0) >= low).all() and (landmarks[0].amax(0) <= high).all()


def test_what_was_asked_before_is_remembered(tools, faces, tmp_path):
    images, points = faces
    asked = []

    class Counting(ColorRecognizer):
        def __call__(self, image, landmarks):
            asked.append(image)
            return super().__call__(image, landmarks)

    recognizer = Counting()
    for _ in range(2):
        tool_runner = ToolRunner(
            replace(tools, recognizers=[recognizer]), cache=ResultCache(tmp_path)
        )
        first = tool_runner.describe(images, points, recognizer)
    assert len(asked) == 3
    tool_runner.describe(images[:1], points[:1], recognizer)
    assert len(asked) == 4
    assert first.shape == (4, 3)


def test_who_names_people_is_asked_for_names(tools, faces):
    images, points = faces

    class Naming(ColorRecognizer):
        has_classes = True

        def logits(self, image, landmarks):
            return self(image, landmarks).repeat(1, 2)

    recognizer = Naming()
    assert isinstance(recognizer, NamingRecognizer)
    tool_runner = ToolRunner(replace(tools, recognizers=[recognizer]))
    logits = tool_runner.classify(images, points, recognizer)
    assert logits.shape == (4, 6)
    assert logits.isnan().all(1).tolist() == [False, False, False, True]


@pytest.mark.parametrize("recognizers", [[], [ColorRecognizer(), ColorRecognizer()]])
def test_no_recognizer_and_two_of_one_name_are_refused(tools, recognizers):
    with pytest.raises(ValueError, match="recognizers with different names"):
        replace(tools, recognizers=recognizers)
