import pytest
import torch

from graphgan.anonymize import Selection

BOXES = torch.tensor([[10.0, 10, 50, 50], [60.0, 10, 100, 50], [110.0, 10, 150, 50]])
NOBODY = [None] * 3


def test_nothing_is_kept_by_default():
    assert Selection().kept(BOXES, NOBODY) == [False] * 3
    assert Selection().kept(BOXES[:0], []) == []


def test_a_box_keeps_the_face_that_overlaps_it_most():
    near = (65.0, 12.0, 104.0, 52.0)
    assert Selection(keep=(near,)).kept(BOXES, NOBODY) == [False, True, False]
    assert Selection(keep=((300.0, 0.0, 340.0, 40.0),)).kept(BOXES, NOBODY) == [False] * 3
    half = (30.0, 10.0, 80.0, 50.0)  # touches two faces, is neither's
    assert Selection(keep=(half,)).kept(BOXES, NOBODY) == [False] * 3


def test_only_the_given_boxes_are_replaced_and_those_without_a_face_are_told():
    nowhere = (300.0, 0.0, 340.0, 40.0)
    selection = Selection(only=((10.0, 10.0, 50.0, 50.0), nowhere))
    assert selection.kept(BOXES, NOBODY) == [False, True, True]
    assert selection.unmatched(BOXES) == [nowhere]
    assert selection.unmatched(BOXES[:0]) == list(selection.only)


def test_a_person_is_one_face_of_a_picture_the_nearest():
    person = torch.zeros(4)
    descriptors = [torch.full((4,), v) for v in (0.2, 0.1, 5.0)]  # 0.4, 0.2 and 10 away
    assert Selection(people=(person,), threshold=0.5).kept(BOXES, descriptors) == [
        False,
        True,
        False,
    ]
    assert Selection(people=(person,), threshold=0.1).kept(BOXES, descriptors) == [False] * 3


def test_a_face_without_a_descriptor_is_never_kept_for_who_it_is():
    assert Selection(people=(torch.zeros(4),)).kept(BOXES, NOBODY) == [False] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": ((5.0, 0.0, 5.0, 9.0),)}, "left < right"),
        ({"only": ((5.0, 9.0, 9.0, 0.0),)}, "top < bottom"),
        ({"threshold": 0.0}, "threshold above 0"),
        ({"overlap": 1.5}, "overlap in 0 to 1"),
        ({"keep": ((0.0, 0.0, 1.0, 1.0),), "only": ((0.0, 0.0, 1.0, 1.0),)}, "got both"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Selection(**options)
