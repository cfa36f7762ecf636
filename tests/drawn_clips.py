"""Drawn clips whose faces are colored squares, so that what every frame must show is known."""

import torch
from colored_faces import GRAY, color_of, inner_hull, shape_of_a_face

from graphgan.anonymize import Condition
from graphgan.anonymize.video._clips import ClipFrame
from graphgan.landmarks import Detection, polygon_mask

H, W, SIDE = 120, 200, 50
FRAMES = 24


class Recolor:
    """Whole crops in the color of the condition."""

    name = "recolor"
    size = (32, 32)
    uses_conditions = True

    def __call__(self, faces, conditions):
        return torch.stack([c.image[:, :1, :1].expand(3, 32, 32) for c in conditions])


def person(number: int) -> Condition:
    image = (color_of(number).float() / 127.5 - 1)[:, None, None].expand(3, 32, 32)
    return Condition(f"p{number}", image, 31 * shape_of_a_face())


def corner(number: int, t: int) -> tuple[int, int]:
    """Person 0 goes to the right, person 1 downwards."""
    return (10 + 2 * t, 10) if number == 0 else (140, 20 + t)


def face_of(number: int, t: int) -> Detection:
    left, top = corner(number, t)
    box = torch.tensor([left, top, left + SIDE, top + SIDE]).float()
    return Detection(box, shape_of_a_face() * SIDE + box[:2])


def draw(t: int, people=(0, 1)) -> torch.Tensor:
    image = torch.full((3, H, W), GRAY, dtype=torch.uint8)
    for number in people:
        left, top = corner(number, t)
        image[:, top : top + SIDE + 1, left : left + SIDE + 1] = color_of(number)[:, None, None]
    return image


def frames():
    for t in range(FRAMES):
        yield ClipFrame(draw(t), t / 25)


class Found:
    """Finds what is there, but for the frames and people that it misses."""

    num_landmarks = 68

    def __init__(self, missed=()):
        self.missed, self.calls = set(missed), 0

    def __call__(self, image):
        t, self.calls = self.calls, self.calls + 1
        return [face_of(n, t) for n in (0, 1) if (t, n) not in self.missed]


class Jumping(Found):
    """Once, for person 0, the box is right and the landmarks are those of something else."""

    def __call__(self, image):
        t, faces = self.calls, super().__call__(image)
        if t == 10:
            faces[0] = Detection(faces[0].box, faces[0].landmarks + torch.tensor([25.0, 20.0]))
        return faces


class Sees:
    """Finds these people where a picture, whole or a part of a frame, shows all of their square."""

    def __init__(self, *people: int) -> None:
        self.people, self.sizes = people, []

    def __call__(self, image):
        self.sizes.append(tuple(image.shape[1:]))
        return [face for who in self.people for face in self._find(image, who)]

    def _find(self, image, who):
        rows, columns = (image == color_of(who)[:, None, None]).all(0).nonzero(as_tuple=True)
        if len(rows) == (SIDE + 1) ** 2:
            box = torch.stack([columns.min(), rows.min(), columns.max(), rows.max()]).float()
            yield Detection(box, shape_of_a_face() * SIDE + box[:2])


def shown(image: torch.Tensor, number: int, t: int) -> torch.Tensor:
    """The pixels in the place of a person's face, but for its rim, as one color a row."""
    hull = inner_hull(face_of(number, t).landmarks)[None].float()
    return image[:, polygon_mask(hull, (H, W))[0, 0] > 0].T.int()


def assert_shows(image, number, t, who):
    assert (shown(image, number, t) - color_of(who).int()).abs().max() <= 1, (number, t)
