import pytest
import torch

from graphgan.data import Picture, PictureDataset, SyntheticFaces, SyntheticPersons
from graphgan.data._batches import PicturesInMemory


@pytest.fixture(params=[lambda drawn: drawn, PicturesInMemory], ids=["drawn", "in memory"])
def held(request):
    return request.param


@pytest.fixture(params=[SyntheticFaces(2, 2, size=32), SyntheticPersons(2, 2, size=(32, 16))])
def pictures(request, held):
    return held(request.param)


def test_sets_of_pictures_keep_the_contract(pictures):
    assert isinstance(pictures, PictureDataset)
    assert len(pictures) == len(pictures.persons) == len(pictures.names) == 4
    assert sorted(set(pictures.persons)) == list(range(max(pictures.persons) + 1))
    assert len(set(pictures.names)) == 4
    for i in range(len(pictures)):
        picture = pictures[i]
        assert isinstance(picture, Picture)
        assert picture.image.shape == (3, *pictures.size)
        assert picture.image.dtype == torch.uint8
        assert picture.landmarks.shape == (pictures.num_landmarks, 2)


def test_a_number_is_always_the_same_picture(pictures):
    first, again = pictures[2], pictures[2]
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.landmarks.nan_to_num(-1), again.landmarks.nan_to_num(-1))


def test_what_lacks_people_is_no_set_of_pictures():
    assert not isinstance(
        [Picture(torch.zeros(3, 4, 4).byte(), torch.zeros(68, 2))], PictureDataset
    )
