"""dlib's descriptor on a photo of the public domain; FaceNet on weights made here."""

import pickle

import pytest
import torch
from skimage.data import astronaut

from graphgan.faces.detectors import DlibFaces
from graphgan.faces.embedders import Classifier, DlibEmbedder, Embedder, FaceNet
from graphgan.landmarks.detection import DlibDetector
from graphgan.models.inception_resnet import InceptionResnetV1


@pytest.fixture(scope="module")
def photo():
    """A portrait, and the landmarks of its face."""
    image = torch.from_numpy(astronaut()[:256, 96:352]).permute(2, 0, 1).contiguous()
    faces = DlibFaces()
    return image, faces.landmarks_in(image, faces(image)[0])


def test_a_large_photo_around_a_face_changes_nothing():
    """dlib gets the surroundings of the face alone; it would see no more of the whole photo."""
    photo = torch.from_numpy(astronaut()).permute(2, 0, 1).contiguous()
    face = DlibDetector(0)(photo)[0]
    around = torch.nn.functional.pad(photo, (700, 300, 500, 200))
    describe = DlibEmbedder()
    moved = describe(around, face.landmarks + torch.tensor([700.0, 500.0]))
    assert (moved - describe(photo, face.landmarks)).norm() < 1e-5


def test_dlib_knows_a_face_again_when_it_is_dimmed_and_moved(photo):
    image, landmarks = photo
    embedder = DlibEmbedder()
    assert isinstance(embedder, Embedder)
    descriptor = embedder(image, landmarks)
    assert descriptor.shape == (128,)
    dimmed = (image.float() * 0.7).to(torch.uint8)
    moved = torch.roll(dimmed, (6, -4), (1, 2))
    again = embedder(moved, landmarks + torch.tensor([-4.0, 6.0]))
    assert (descriptor - again).norm() < embedder.threshold
    elsewhere = embedder(image, landmarks + torch.tensor([60.0, 90.0]))
    assert (descriptor - elsewhere).norm() > embedder.threshold


def test_embedders_can_be_sent_to_other_processes(photo, facenet_weights):
    image, landmarks = photo
    for embedder in (DlibEmbedder(), FaceNet(facenet_weights)):
        sent = pickle.loads(pickle.dumps(embedder))
        assert torch.equal(sent(image, landmarks), embedder(image, landmarks))


@pytest.fixture(scope="module")
def facenet_weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("facenet") / "weights.pt"
    torch.save(InceptionResnetV1(num_classes=5).state_dict(), path)
    return path


def test_facenet_gives_unit_vectors_and_classes(photo, facenet_weights):
    embedder = FaceNet(facenet_weights, name="FaceNet test")
    assert isinstance(embedder, Classifier) and embedder.has_classes
    image, landmarks = photo
    descriptor = embedder(image, landmarks)
    assert descriptor.shape == (512,)
    assert float(descriptor.norm()) == pytest.approx(1, abs=1e-4)
    assert embedder.logits(image, landmarks).shape == (5,)
    assert embedder.name == "FaceNet test"


def test_facenet_looks_at_the_face_and_not_beside_it(photo, facenet_weights):
    image, landmarks = photo
    embedder = FaceNet(facenet_weights)
    descriptor = embedder(image, landmarks)
    beside = image.clone()
    beside[:, :, -20:] = 0
    beside[:, -40:] = 0
    torch.testing.assert_close(embedder(beside, landmarks), descriptor)
    hidden = image.clone()
    x, y = landmarks.mean(0).long().tolist()
    hidden[:, y - 15 : y + 15, x - 15 : x + 15] = 0
    assert (embedder(hidden, landmarks) - descriptor).norm() > 1e-3


def test_weights_without_a_last_layer_have_no_classes(tmp_path):
    torch.save(InceptionResnetV1().state_dict(), tmp_path / "weights.pt")
    assert not FaceNet(tmp_path / "weights.pt").has_classes


def test_weights_that_are_none_are_refused_at_once(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"weights\.pt"):
        FaceNet(tmp_path / "weights.pt")
