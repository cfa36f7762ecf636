import torch

from graphgan.anonymize import Condition, ObscuredFaces
from graphgan.anonymize._faces import Attempt, as_box


def test_a_stage_says_what_is_tried():
    person = Condition("ada.jpg", torch.zeros(3, 4, 4), torch.zeros(68, 2))
    assert str(Attempt(ObscuredFaces("blur"))) == "blur"
    assert str(Attempt(ObscuredFaces("blur"), person)) == "as ada.jpg"


def test_a_box_becomes_plain_numbers():
    assert as_box(torch.tensor([1.0, 2.5, 3.0, 4.0])) == (1.0, 2.5, 3.0, 4.0)
