"""One detector, one face and one method for all tests of the page: loading takes its time."""

import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from graphgan.anonymize import Anonymizer, drawn_conditions
from graphgan.faces import CenterFace, FaceFinder


class Shown:
    """The condition itself."""

    name = "shown"
    size = (128, 128)
    uses_conditions = True

    def __call__(self, faces, conditions):
        return torch.stack([condition.image for condition in conditions])


class Counted:
    """The default tools, and how often they were asked."""

    def __init__(self):
        self.find, self.count = FaceFinder(CenterFace(60)), 0

    def __call__(self, image):
        self.count += 1
        return self.find(image)


@pytest.fixture(scope="session")
def portrait():
    """A photo of one face."""
    return Image.fromarray(astronaut()[:256, 96:352])


@pytest.fixture(scope="session")
def detector():
    return Counted()


@pytest.fixture(scope="session")
def shown(detector):
    """An anonymizer that pastes one of two drawn people as they are."""
    return Anonymizer(Shown(), detector, drawn_conditions(2))
