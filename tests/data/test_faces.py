import pytest
import torch

from graphgan.data.batches import FacesInMemory
from graphgan.data.faces import Face, FaceDataset
from graphgan.data.synthetic_faces import SyntheticFaces


@pytest.fixture(params=[lambda faces: faces, FacesInMemory], ids=["drawn", "in memory"])
def faces(request):
    return request.param(SyntheticFaces(2, 2, size=32))


def test_sets_of_faces_keep_the_contract(faces):
    assert isinstance(faces, FaceDataset)
    assert len(faces) == len(faces.persons) == len(faces.names) == 4
    assert sorted(set(faces.persons)) == list(range(max(faces.persons) + 1))
    assert len(set(faces.names)) == 4
    for i in range(len(faces)):
        face = faces[i]
        assert isinstance(face, Face)
        assert face.image.shape == (3, faces.size, faces.size)
        assert face.image.dtype == torch.uint8
        assert face.landmarks.shape == (faces.num_landmarks, 2)


def test_a_number_is_always_the_same_face(faces):
    first, again = faces[2], faces[2]
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.landmarks, again.landmarks)


def test_what_lacks_people_is_no_set_of_faces():
    assert not isinstance([Face(torch.zeros(3, 4, 4).byte(), torch.zeros(68, 2))], FaceDataset)
