import pytest
import torch
from colored_faces import GRAY, Gray

from graphgan.evaluation import Original, ResultCache, Study, ToolRunner
from graphgan.evaluation._measures.features import PictureFeatures
from graphgan.evaluation._study import Subject


class Counting:
    """Mean colors, and how many images it was asked about."""

    name, fingerprint = "means", "1"

    def __init__(self):
        self.asked = 0

    def __call__(self, images):
        self.asked += len(images)
        return images.float().mean((2, 3))


def test_each_picture_is_asked_about_once(study):
    network = Counting()
    features = PictureFeatures(study, network)
    rows = features.of_pictures([3, 1, 3])
    assert network.asked == 2 and torch.equal(rows[0], rows[2])
    assert torch.equal(rows[1], study.images([1]).float().mean((2, 3))[0])
    subject = Subject(study, Gray())
    assert torch.equal(features.of_subject(subject), features.of_subject(subject))
    assert network.asked == 2 + len(study.protocol.probes)


def test_a_fingerprint_lets_answers_be_kept(pictures, study, tools, tmp_path):
    network = Counting()
    for _ in range(2):
        tool_runner = ToolRunner(tools, cache=ResultCache(tmp_path))
        PictureFeatures(Study(pictures, study.protocol, tool_runner), network).of_pictures([0, 1])
    assert network.asked == 2


def test_features_that_are_no_rows_are_refused(study):
    for network in (lambda images: images.float(), lambda images: images[:, :, 0, 0] / 0.0):
        with pytest.raises(ValueError, match="expected finite features n d"):
            PictureFeatures(study, network).of_pictures([0])


def test_a_network_of_close_ups_sees_the_face_and_little_else(study):
    class Shapes:
        name, fingerprint, of_close_ups = "shapes", "1", True

        def __call__(self, images):
            assert images.shape[1:] == (3, 260, 260)
            return (images == GRAY).float().mean((1, 2, 3))[:, None]

    features = PictureFeatures(study, Shapes())
    subject = Subject(study, Original())
    # Most of a whole image is gray; of a close-up, only what lies around the colored rectangle.
    assert features.of_subject(subject).max() < 0.5
    assert torch.equal(features.of_subject(subject), features.of_pictures(study.protocol.probes))
