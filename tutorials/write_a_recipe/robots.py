"""Robots that do not exist, drawn with Pillow; nine key points each."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from graphgan.data import Picture

# --8<-- [start:skeleton]
HEAD, NECK, HIP, ELBOW_L, HAND_L, ELBOW_R, HAND_R, FOOT_L, FOOT_R = range(9)
LIMBS = [(NECK, ELBOW_L), (ELBOW_L, HAND_L), (NECK, ELBOW_R), (ELBOW_R, HAND_R)]
LIMBS += [(HIP, FOOT_L), (HIP, FOOT_R)]
GREY = (200, 200, 200)  # of the background
# --8<-- [end:skeleton]


# --8<-- [start:draw]
def draw_robot(colours: np.ndarray, chance: np.random.Generator, size: int) -> Picture:
    """A robot of these colours (head, trunk, arms, legs) in a pose by chance."""
    angles = chance.uniform(
        [-0.3, -2.6, -1.5, -2.6, -1.5, 0.0, 0.0], [0.3, 0.3, 1.5, 0.3, 1.5, 0.7, 0.7]
    )
    lean, left, left_bend, right, right_bend, left_leg, right_leg = angles

    def go(start: np.ndarray, angle: float, length: float) -> np.ndarray:
        return start + size * length * np.array([np.sin(angle), np.cos(angle)])  # 0 is downwards

    hip = size * (np.array([0.5, 0.62]) + chance.uniform(-0.06, 0.06, 2))
    neck = go(hip, np.pi + lean, 0.28)
    elbows = go(neck, left, 0.17), go(neck, -right, 0.17)
    hands = go(elbows[0], left + left_bend, 0.16), go(elbows[1], -right - right_bend, 0.16)
    feet = go(hip, -left_leg, 0.28), go(hip, right_leg, 0.28)
    points = np.stack(
        [go(neck, np.pi + lean, 0.11), neck, hip, elbows[0], hands[0], elbows[1], hands[1], *feet]
    )

    image = Image.new("RGB", (size, size), GREY)
    pen = ImageDraw.Draw(image)
    head, trunk, arms, legs = (tuple(map(int, colour)) for colour in colours)
    for start, end in LIMBS:
        line = [tuple(points[start]), tuple(points[end])]
        pen.line(line, fill=legs if start == HIP else arms, width=size // 14)
    pen.line([tuple(neck), tuple(hip)], fill=trunk, width=size // 6)
    reach = size / 12
    pen.rectangle([*(points[HEAD] - reach), *(points[HEAD] + reach)], fill=head)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    return Picture(pixels, torch.from_numpy(points.astype(np.float32)))


# --8<-- [end:draw]


# --8<-- [start:dataset]
class Robots:
    """A `PictureDataset`: what the library asks of any set of pictures, and no more."""

    num_landmarks = 9

    def __init__(self, num_robots: int, pictures: int, *, size: int = 48, first: int = 0) -> None:
        self.size = (size, size)
        self.persons = [i for i in range(num_robots) for _ in range(pictures)]
        self.names = [f"robot{first + p}_{i}" for i, p in enumerate(self.persons)]
        self.first = first

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, index: int) -> Picture:
        robot = self.first + self.persons[index]
        colours = np.random.default_rng(robot).integers(0, 256, (4, 3))
        return draw_robot(colours, np.random.default_rng((robot, index)), self.size[0])


# --8<-- [end:dataset]
