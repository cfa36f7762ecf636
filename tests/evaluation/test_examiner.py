import pytest
import torch
from coloured_faces import GREY, SIZE, ColourDetector, ColourEmbedder, colour_of, draw_face

from graphgan.evaluation.cache import ResultCache
from graphgan.evaluation.examiner import Examiner, Tools

BOXES = [(20, 30, 80, 90), (30, 20, 85, 75), (25, 25, 90, 90)]


@pytest.fixture(scope="module")
def faces():
    """Three faces and one picture without any."""
    drawn = [draw_face(colour_of(i), box) for i, box in enumerate(BOXES)]
    nothing = torch.full((3, SIZE, SIZE), GREY, dtype=torch.uint8)
    images = torch.stack([*(image for image, _ in drawn), nothing])
    points = torch.stack([*(points for _, points in drawn), torch.full((68, 2), torch.nan)])
    return images, points


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_picture_gets_its_own_answer(tools, faces, workers):
    images, points = faces
    with Examiner(tools, workers=workers) as examiner:
        found = examiner.find(images, tools.pipeline)
        assert [boxes.tolist() for boxes in found.boxes] == [[list(box)] for box in BOXES] + [[]]
        boxes = torch.tensor([*BOXES, [torch.nan] * 4])
        landmarks = examiner.locate(images, boxes)
        torch.testing.assert_close(landmarks, points, equal_nan=True, rtol=0, atol=1e-4)
        described = examiner.describe(images, points, tools.embedders[0])
    expected = torch.stack([colour_of(i).float() / 255 for i in range(3)])
    torch.testing.assert_close(described[:3], expected)
    assert described[3].isnan().all()


def test_small_pictures_are_enlarged_and_answers_brought_back(tools, faces):
    """Tools see 128 pixels and more; what they say is in the picture's own."""
    images, _ = faces
    small = images[:, :, ::2, ::2]  # boxes of even edges become half as large

    class Sizes(ColourDetector):
        def __call__(self, image):
            assert image.shape == (3, SIZE, SIZE)
            return torch.tensor([[15.5, 31.5, 63.5, 95.5]])

    pipeline = Sizes()
    examiner = Examiner(Tools(pipeline, tools.embedders))
    found = examiner.find(small, pipeline)
    # A pixel of the small picture is two wide: its left edge, -0.5, stays where it is.
    assert found.boxes[0].tolist() == [[7.5, 15.5, 31.5, 47.5]]


def test_pictures_without_landmarks_alone_give_no_descriptor(tools, faces):
    images, points = faces
    described = Examiner(tools).describe(images[3:], points[3:], tools.embedders[0])
    assert described.isnan().all()


def test_what_was_asked_before_is_remembered(tools, faces, tmp_path):
    images, points = faces
    asked = []

    class Counting(ColourEmbedder):
        def __call__(self, image, landmarks):
            asked.append(image)
            return super().__call__(image, landmarks)

    embedder = Counting()
    for _ in range(2):
        examiner = Examiner(Tools(tools.pipeline, [embedder]), cache=ResultCache(tmp_path))
        first = examiner.describe(images, points, embedder)
    assert len(asked) == 3
    examiner.describe(images[:1], points[:1], embedder)
    assert len(asked) == 4
    assert first.shape == (4, 3)


def test_tools_of_one_fingerprint_do_not_share_answers(tools, faces, tmp_path):
    images, points = faces

    class Red(ColourEmbedder):
        name = "red"

        def __call__(self, image, landmarks):
            return super().__call__(image, landmarks)[:1]

    embedders = [tools.embedders[0], Red()]
    examiner = Examiner(Tools(tools.pipeline, embedders), cache=ResultCache(tmp_path))
    widths = [examiner.describe(images, points, embedder).shape[1] for embedder in embedders]
    assert widths == [3, 1]


def test_two_detectors_of_one_name_are_refused(tools):
    with pytest.raises(ValueError, match="detectors of different names"):
        Tools(tools.pipeline, tools.embedders, [ColourDetector()])


def test_two_embedders_of_one_name_are_refused(tools):
    with pytest.raises(ValueError, match="different names"):
        Tools(tools.pipeline, [ColourEmbedder(), ColourEmbedder()])
