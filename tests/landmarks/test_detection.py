import torch

from graphgan.landmarks import Detection, LandmarkDetector


class Middle:
    """One point in the middle of every image."""

    num_landmarks = 1

    def __call__(self, image):
        height, width = image.shape[1:]
        edges = torch.tensor([0.0, 0, width - 1, height - 1])
        return [Detection(edges, edges[None, 2:] / 2)]


def test_any_class_with_this_call_is_a_detector():
    assert isinstance(Middle(), LandmarkDetector)
    assert not isinstance(lambda image: [], LandmarkDetector)  # it does not say how many landmarks
