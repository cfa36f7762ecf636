"""Clothed, nonexistent people, drawn from random numbers: no files, photos or networks.

A `Figure` says who is drawn and a `Scene` everything else, so any person can be drawn in another
one's pose, light and background: the true answer to "this person in that pose", which no set of
photographs holds. The 18 joints are exact; those that the body hides are missing.
"""

import numpy as np
import torch

from graphgan.data._pictures import Picture
from graphgan.data._synthetic.drawn_people import DrawnPeople, check_drawn_size
from graphgan.data._synthetic.person_geometry import pose_figure
from graphgan.data._synthetic.person_painter import PersonPainter
from graphgan.data._synthetic.person_parameters import Figure, Scene, sample_figure, sample_scene

_FIGURE_STREAM, _SCENE_STREAM = 3, 4  # keep a person's numbers apart from those of its images


def render_person(who: Figure, scene: Scene, size: tuple[int, int] = (128, 64)) -> Picture:
    """Draw a person in a scene.

    Args:
        size: height and width.
    Shapes:
        -> ``image: 3 h w``, ``landmarks: 18 2`` (OpenPose order, NaN where hidden)
    Raises:
        ValueError: a side below 16.
    """
    check_drawn_size(*size)
    posed = pose_figure(who, scene, size)
    pixels, visible = PersonPainter(who, scene, posed, size).paint()
    joints = np.where(visible[:, None], posed.points[:18], np.nan).astype(np.float32)
    image = torch.from_numpy((pixels * 255 + 0.5).astype(np.uint8))
    return Picture(image, torch.from_numpy(joints))


class SyntheticPersons(DrawnPeople):
    """A `PictureDataset` of drawn people, each in their own scenes.

    Image ``f`` of the ``p``-th person is number ``p * images_per_person + f``. An image depends
    on ``seed``, on the person's number ``first_person + p`` and on ``f`` alone. Sets of one seed
    whose ranges of person numbers do not meet have no person in common.

    Args:
        size: height and width.
        first_person: number of the first person.
    Raises:
        ValueError: a side below 16, less than one person or image, negative ``seed`` or
            ``first_person``.
    """

    num_landmarks = 18

    def __init__(
        self,
        num_people: int,
        images_per_person: int,
        *,
        size: tuple[int, int] = (128, 64),
        seed: int = 0,
        first_person: int = 0,
    ) -> None:
        check_drawn_size(*size)
        super().__init__(
            num_people, images_per_person, seed=seed, first_person=first_person, called="image"
        )
        self.size = size

    def __getitem__(self, index: int) -> Picture:
        return self.true_answer(index, index)

    def figure(self, index: int) -> Figure:
        """Who is in the image of this number."""
        return sample_figure(self.chance_of_person(_FIGURE_STREAM, index))

    def scene(self, index: int) -> Scene:
        """How the image of this number was taken."""
        return sample_scene(self.chance_of_picture(_SCENE_STREAM, index))

    def true_answer(self, condition_index: int, source_index: int) -> Picture:
        """The person of the condition in the scene of the source: what a generator should give."""
        return render_person(self.figure(condition_index), self.scene(source_index), self.size)
