"""Faces of nonexistent people, drawn from random numbers: no files, photos or networks.

An `Identity` says who is drawn and a `View` everything else, so any person can be drawn in
another one's pose, expression, light and background: the true answer to "this person's face in
that image", which no set of photographs holds. The 68 landmarks are exact.
"""

import numpy as np
import torch

from graphgan.data._pictures import Picture
from graphgan.data._synthetic.drawn_people import DrawnPeople, check_drawn_size
from graphgan.data._synthetic.face_geometry import pose_head
from graphgan.data._synthetic.face_painter import FacePainter
from graphgan.data._synthetic.face_parameters import Identity, View, sample_identity, sample_view

_IDENTITY_STREAM, _VIEW_STREAM = 1, 2  # keep a person's numbers apart from those of its images


def render_face(identity: Identity, view: View, size: int = 128) -> Picture:
    """Draw a person in a view, cropped like aligned faces.

    The image is the square around the box of the landmarks, its center raised by 10 % of the box's
    height, its side twice the box's longer side, before ``view.scale`` and ``view.offset``.

    Shapes:
        -> ``image: 3 size size``, ``landmarks: 68 2`` (iBUG order)
    Raises:
        ValueError: ``size`` below 16.
    """
    check_drawn_size(size)
    posed = pose_head(identity, view, size)
    pixels = FacePainter(identity, view, posed, size).paint()
    image = torch.from_numpy((pixels * 255 + 0.5).astype(np.uint8))
    return Picture(image, torch.from_numpy(posed.landmarks.astype(np.float32)))


class SyntheticFaces(DrawnPeople):
    """A `PictureDataset` of drawn people, each in their own views.

    Face ``f`` of the ``p``-th person is number ``p * faces_per_person + f``. A face depends on
    ``seed``, on the person's number ``first_person + p`` and on ``f`` alone: not on how many others
    there are or on what was drawn before. Sets of one seed whose ranges of person numbers do not
    meet have no person in common.

    Args:
        first_person: number of the first person.
    Raises:
        ValueError: ``size`` below 16, less than one person or face, negative ``seed`` or
            ``first_person``.
    """

    num_landmarks = 68

    def __init__(
        self,
        num_people: int,
        faces_per_person: int,
        *,
        size: int = 128,
        seed: int = 0,
        first_person: int = 0,
    ) -> None:
        check_drawn_size(size)
        super().__init__(
            num_people, faces_per_person, seed=seed, first_person=first_person, called="face"
        )
        self.size = (size, size)

    def __getitem__(self, index: int) -> Picture:
        return render_face(self.identity(index), self.view(index), self.size[0])

    def identity(self, index: int) -> Identity:
        """Who is on the face of this number."""
        return sample_identity(self.chance_of_person(_IDENTITY_STREAM, index))

    def view(self, index: int) -> View:
        """How the face of this number is seen."""
        return sample_view(self.chance_of_picture(_VIEW_STREAM, index))

    def true_answer(self, condition_index: int, source_index: int) -> Picture:
        """The person of the condition in the view of the source: what a generator should give."""
        return render_face(self.identity(condition_index), self.view(source_index), self.size[0])
