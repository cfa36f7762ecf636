"""Robots that do not exist, drawn with Pillow; nine key points each."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from graphgan.data import Picture

# --8<-- [start:draw]
# Key points: 0 head, 1 neck, 2 hip, 3 and 4 left elbow and hand, 5 and 6 right ones, 7 and 8 feet.
LIMBS = [(1, 3), (3, 4), (1, 5), (5, 6), (2, 7), (2, 8)]
LOWEST = [-0.3, -2.6, -1.5, -2.6, -1.5, 0.0, 0.0]  # radians: the lean of the trunk, shoulder and
HIGHEST = [0.3, 0.3, 1.5, 0.3, 1.5, 0.7, 0.7]  # elbow of each side, both legs
GRAY = (200, 200, 200)


def pose_robot(chance: np.random.Generator) -> np.ndarray:
    """Its key points in a pose by chance, ``9 2``, in a picture of 1 x 1."""
    lean, left, left_bend, right, right_bend, left_leg, right_leg = chance.uniform(LOWEST, HIGHEST)

    def go(start: np.ndarray, angle: float, length: float) -> np.ndarray:
        return start + length * np.array([np.sin(angle), np.cos(angle)])  # 0 is downwards

    hip = np.array([0.5, 0.62]) + chance.uniform(-0.06, 0.06, 2)
    neck = go(hip, np.pi + lean, 0.28)
    head = go(neck, np.pi + lean, 0.11)
    elbows = go(neck, left, 0.17), go(neck, -right, 0.17)
    hands = go(elbows[0], left + left_bend, 0.16), go(elbows[1], -right - right_bend, 0.16)
    feet = go(hip, -left_leg, 0.28), go(hip, right_leg, 0.28)
    return np.stack([head, neck, hip, elbows[0], hands[0], elbows[1], hands[1], *feet])


def draw_robot(colors: np.ndarray, points: np.ndarray, size: int) -> Picture:
    """A robot of these colors: head, trunk, arms, legs."""
    points = size * points
    image = Image.new("RGB", (size, size), GRAY)
    pen = ImageDraw.Draw(image)
    head, trunk, arms, legs = (tuple(map(int, color)) for color in colors)
    for start, end in LIMBS:
        line = [tuple(points[start]), tuple(points[end])]
        pen.line(line, fill=legs if start == 2 else arms, width=size // 14)
    pen.line([tuple(points[1]), tuple(points[2])], fill=trunk, width=size // 6)
    pen.rectangle([*(points[0] - size / 12), *(points[0] + size / 12)], fill=head)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    return Picture(pixels, torch.from_numpy(points.astype(np.float32)))


# --8<-- [end:draw]


# --8<-- [start:dataset]
class Robots:
    """A `PictureDataset`: what the library asks of any set of pictures, and no more."""

    size, num_landmarks = (48, 48), 9

    def __init__(self, num_robots: int, pictures: int, first: int = 0) -> None:
        self.persons = [i for i in range(num_robots) for _ in range(pictures)]
        self.names = [f"robot{first + p}_{i}" for i, p in enumerate(self.persons)]
        self.first = first

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, index: int) -> Picture:
        robot = self.first + self.persons[index]
        colors = np.random.default_rng(robot).integers(0, 256, (4, 3))
        points = pose_robot(np.random.default_rng((robot, index)))
        return draw_robot(colors, points, self.size[0])


# --8<-- [end:dataset]
