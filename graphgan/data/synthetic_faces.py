"""Faces of people who do not exist, drawn from numbers: no file, no photograph, no network.

An `Identity` says who is drawn and a `View` everything else, so any person can be drawn in
another one's pose, expression, light and background: the true answer to "this person's face in
that picture", which no set of photographs holds. The 68 landmarks are exact.
"""

import numpy as np
import torch

from graphgan.data._face_geometry import pose_head
from graphgan.data._face_painter import FacePainter
from graphgan.data._face_parameters import Identity as Identity
from graphgan.data._face_parameters import View as View
from graphgan.data._face_parameters import sample_identity as sample_identity
from graphgan.data._face_parameters import sample_view as sample_view
from graphgan.data.faces import Face

_SMALLEST = 16
_IDENTITY_STREAM, _VIEW_STREAM = 1, 2  # keep a person's numbers apart from those of its pictures


def render_face(identity: Identity, view: View, size: int = 128) -> Face:
    """Draw a person as seen in a view, cropped as the project aligns faces.

    The image is the square around the box of the landmarks, its centre raised by 10 % of the box's
    height, its side twice the box's longer side, before ``view.scale`` and ``view.offset``.

    Shapes:
        -> ``image: 3 size size``, ``landmarks: 68 2`` (iBUG order)
    Raises:
        ValueError: ``size`` below 16.
    """
    _check_size(size)
    posed = pose_head(identity, view, size)
    pixels = FacePainter(identity, view, posed, size).paint()
    image = torch.from_numpy((pixels * 255 + 0.5).astype(np.uint8))
    return Face(image, torch.from_numpy(posed.landmarks.astype(np.float32)))


class SyntheticFaces:
    """A `FaceDataset` of drawn people, each in views of their own.

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
        _check_size(size)
        counts = {"num_people": (num_people, 1), "faces_per_person": (faces_per_person, 1)}
        counts |= {"seed": (seed, 0), "first_person": (first_person, 0)}
        for name, (value, least) in counts.items():
            if value < least:
                raise ValueError(f"expected {name} of at least {least}, got {value}")
        self.size = size
        self.seed = seed
        self.first_person = first_person
        self.faces_per_person = faces_per_person
        self.persons = [p for p in range(num_people) for _ in range(faces_per_person)]
        self.names = [
            f"person{first_person + person:06d}_face{index % faces_per_person:04d}"
            for index, person in enumerate(self.persons)
        ]

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, index: int) -> Face:
        return render_face(self.identity(index), self.view(index), self.size)

    def identity(self, index: int) -> Identity:
        """Who is on the face of this number."""
        self._check_index(index)
        person = self.first_person + self.persons[index]
        return sample_identity(np.random.default_rng((self.seed, _IDENTITY_STREAM, person)))

    def view(self, index: int) -> View:
        """How the face of this number is seen."""
        self._check_index(index)
        person = self.first_person + self.persons[index]
        face = index % self.faces_per_person
        return sample_view(np.random.default_rng((self.seed, _VIEW_STREAM, person, face)))

    def true_answer(self, condition_index: int, source_index: int) -> Face:
        """The person of the condition in the view of the source: what a generator should give."""
        return render_face(self.identity(condition_index), self.view(source_index), self.size)

    def _check_index(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise IndexError(f"expected a face number from 0 to {len(self) - 1}, got {index}")


def _check_size(size: int) -> None:
    if size < _SMALLEST:
        raise ValueError(f"expected a size of at least {_SMALLEST}, got {size}")
