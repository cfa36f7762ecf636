import pickle

import pytest
import torch
from skimage.data import astronaut

from graphgan.faces.detectors import DlibFaces, FaceDetector, FacePipeline, MTCNNFaces
from graphgan.landmarks.detection import DlibDetector
from graphgan.models.mtcnn import MTCNN


@pytest.fixture(scope="module")
def photo():
    return torch.from_numpy(astronaut()[:256, 96:352]).permute(2, 0, 1).contiguous()


@pytest.fixture(scope="module")
def mtcnn_weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("mtcnn") / "weights.pt"
    torch.save(MTCNN().state_dict(), path)
    return path


def test_dlib_finds_a_face_and_its_landmarks(photo):
    faces = DlibFaces()
    assert isinstance(faces, FacePipeline)
    boxes = faces(photo)
    assert boxes.shape == (1, 4)
    landmarks = faces.landmarks_in(photo, boxes[0])
    (detection,) = DlibDetector()(photo)
    assert torch.equal(landmarks, detection.landmarks)


def test_dlib_finds_nothing_where_there_is_nothing():
    assert DlibFaces()(torch.full((3, 128, 128), 90, dtype=torch.uint8)).shape == (0, 4)


def test_mtcnn_speaks_the_same_language(photo, mtcnn_weights):
    faces = MTCNNFaces(mtcnn_weights)
    assert isinstance(faces, FaceDetector)
    boxes = faces(photo)
    assert boxes.ndim == 2 and boxes.shape[1] == 4
    assert torch.equal(boxes, MTCNN.from_weights(mtcnn_weights)(photo).boxes)


def test_detectors_can_be_sent_to_other_processes(photo, mtcnn_weights):
    for faces in (DlibFaces(), MTCNNFaces(mtcnn_weights)):
        sent = pickle.loads(pickle.dumps(faces))
        assert torch.equal(sent(photo), faces(photo))


def test_the_fingerprint_is_that_of_the_weights_and_settings(mtcnn_weights, tmp_path):
    torch.manual_seed(1)
    torch.save(MTCNN().state_dict(), tmp_path / "other.pt")
    prints = [MTCNNFaces(path).fingerprint for path in (mtcnn_weights, tmp_path / "other.pt")]
    assert prints[0] != prints[1]
    assert DlibFaces().fingerprint != DlibFaces(upsample=2).fingerprint


def test_weights_that_are_none_are_refused_at_once(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"weights\.pt"):
        MTCNNFaces(tmp_path / "weights.pt")
