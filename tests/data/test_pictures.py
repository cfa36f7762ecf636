import pytest
import torch

from graphgan.data.batches import PicturesInMemory
from graphgan.data.pictures import JoinedPictures, Picture, PictureDataset
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.data.synthetic_persons import SyntheticPersons


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


# Several sets as one


@pytest.fixture(scope="module")
def parts():
    return SyntheticFaces(2, 2, size=32), SyntheticFaces(3, 1, size=32, first_person=5)


def test_joined_sets_keep_the_contract_and_their_order(parts):
    joined = JoinedPictures(*parts)
    assert isinstance(joined, PictureDataset)
    assert (joined.size, joined.num_landmarks, len(joined)) == ((32, 32), 68, 7)
    assert joined.names == [*parts[0].names, *parts[1].names]
    pictures = [part[i] for part in parts for i in range(len(part))]
    for i, expected in enumerate(pictures):
        assert torch.equal(joined[i].image, expected.image)
        assert torch.equal(joined[i].landmarks, expected.landmarks)


def test_people_of_several_sets_are_different_people(parts):
    assert JoinedPictures(*parts).persons == [0, 0, 1, 1, 2, 3, 4]
    assert JoinedPictures(*parts[::-1]).persons == [0, 1, 2, 3, 3, 4, 4]
    assert JoinedPictures(parts[0]).persons == list(parts[0].persons)


@pytest.mark.parametrize("index", [7, -1])
def test_joined_sets_have_no_other_numbers(parts, index):
    with pytest.raises(IndexError, match=f"a number from 0 to 6, got {index}"):
        JoinedPictures(*parts)[index]


@pytest.mark.parametrize(
    "others", [(), (SyntheticFaces(1, 1, size=32), SyntheticFaces(1, 1, size=48))]
)
def test_unlike_sets_and_none_are_not_joined(others):
    with pytest.raises(ValueError, match="expected sets of one size and as many landmarks, got"):
        JoinedPictures(*others)


def test_faces_and_persons_are_not_joined():
    with pytest.raises(ValueError, match=r"as many landmarks, got .*18"):
        JoinedPictures(SyntheticFaces(1, 1, size=32), SyntheticPersons(1, 1, size=(32, 32)))
