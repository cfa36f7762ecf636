"""FaceNet on weights made here and drawn faces."""

import pickle

import pytest
import torch

from graphgan.data import SyntheticFaces
from graphgan.faces import FaceNet, InceptionResnetV1, NamingRecognizer


@pytest.fixture(scope="module")
def photo():
    """An image with much around the face, and its landmarks."""
    face = SyntheticFaces(1, 1, size=160)[0]
    image = torch.full((3, 320, 320), 90, dtype=torch.uint8)
    image[:, 80:240, 80:240] = face.image
    return image, face.landmarks + 80


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("facenet") / "weights.pt"
    torch.save(InceptionResnetV1(num_classes=5).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def recognize(weights):
    return FaceNet(weights, name="FaceNet test")


def test_gives_unit_vectors_and_classes(photo, recognize):
    assert isinstance(recognize, NamingRecognizer) and recognize.has_classes
    assert (recognize.name, recognize.threshold) == ("FaceNet test", None)
    image, landmarks = photo
    descriptors = recognize(image, landmarks[None])
    assert descriptors.shape == (1, 512)
    assert float(descriptors.norm()) == pytest.approx(1, abs=1e-4)
    assert recognize.logits(image, landmarks[None]).shape == (1, 5)


def test_several_faces_are_as_each_alone(photo, recognize):
    image, landmarks = photo
    several = torch.stack([landmarks, landmarks + 40, landmarks * 0.5])
    several[1, 7, 0] = torch.nan
    for tell in (recognize, recognize.logits):
        given = tell(image, several)
        alone = torch.cat([tell(image, one[None]) for one in several])
        torch.testing.assert_close(given, alone, atol=1e-5, rtol=1e-4, equal_nan=True)
        assert given.isnan().all(1).tolist() == [False, True, False]


def test_it_looks_at_the_face_and_not_beside_it(photo, recognize):
    image, landmarks = photo
    descriptor = recognize(image, landmarks[None])
    beside = image.clone()
    beside[:, :, -20:] = 0
    beside[:, -40:] = 0
    torch.testing.assert_close(recognize(beside, landmarks[None]), descriptor)
    hidden = image.clone()
    x, y = landmarks.mean(0).long().tolist()
    hidden[:, y - 15 : y + 15, x - 15 : x + 15] = 0
    assert (recognize(hidden, landmarks[None]) - descriptor).norm() > 1e-3


def test_it_can_be_sent_to_other_processes(photo, recognize):
    image, landmarks = photo
    sent = pickle.loads(pickle.dumps(recognize))
    assert torch.equal(sent(image, landmarks[None]), recognize(image, landmarks[None]))


def test_the_fingerprint_is_that_of_the_weights(recognize, weights, tmp_path):
    state = torch.load(weights, weights_only=True)
    state["last_linear.weight"] *= 2
    torch.save(state, tmp_path / "other.pt")
    assert FaceNet(tmp_path / "other.pt").fingerprint != recognize.fingerprint


def test_weights_that_are_none_are_refused_at_once(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"weights\.pt"):
        FaceNet(tmp_path / "weights.pt")
