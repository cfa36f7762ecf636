"""Turn one portrait per person into several images with other poses and expressions.

    python recipes/anonygan/pose_portraits.py --portraits FOLDER --out PHOTOS
    python recipes/anonygan/prepare.py --images PHOTOS --landmarks face-mesh --out PREPARED

The face mesh of each portrait is rotated in space and its expression changed; the portrait is then
warped to the new mesh. An opened mouth is filled with the inside of another portrait's mouth. No
data but the portraits is used.
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from kornia.filters import gaussian_blur2d
from layouts import list_photos
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import read_image, write_image
from graphgan.faces import FaceFinder, FaceMesh, Faces
from graphgan.landmarks import bend_to_landmarks, polygon_mask
from graphgan.metrics import landmark_box

# Vertices of the mesh. Lids and lips run from the right corner of the image to the left one.
_UPPER_LIP = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)  # inner edge, both corners
_LOWER_LIP = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
# The lower lip between its inner and its outer edge.
_OUTER_LIP = (146, 91, 181, 84, 17, 314, 405, 321, 375)
_OUTER_LIP += (77, 90, 180, 85, 16, 315, 404, 320, 307)
_UPPER_LIDS = (246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398)
_LOWER_LIDS = (7, 163, 144, 145, 153, 154, 155, 249, 390, 373, 374, 380, 381, 382)
_BROWS = (
    70,
    63,
    105,
    66,
    107,
    55,
    65,
    52,
    53,
    46,
    300,
    293,
    334,
    296,
    336,
    285,
    295,
    282,
    283,
    276,
)
_MOUTH_CORNERS = (61, 291)
_EYES = (33, 263)  # outer corners

# Standard deviations and limits of what is drawn.
_YAW, _PITCH, _ROLL = (20.0, 38.0), (8.0, 18.0), (8.0, 20.0)  # degrees
_OPEN_MOUTHS, _CLOSING_EYES, _MOVED_BROWS = 0.4, 0.25, 0.4  # shares of images
_DEPTH = 0.35  # of the axis of the neck behind the face, in distances between the eyes' corners
_TOOTHY = 0.14  # opening over width of the mouths that are taken for others
_SIDE = 256


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a folder for each person with generated images, ready for prepare.py."""

    portraits: Path
    """Folder of portraits, with one image (or one folder) per person."""
    out: Path
    """New folder for the images."""
    images: int = 24
    """Images per person, including the portrait."""
    seed: int = 0
    """Random seed for poses and expressions."""

    def __post_init__(self) -> None:
        if self.images < 1:
            raise ValueError(f"expected --images of at least 1, got {self.images}")
        if self.seed < 0:
            raise ValueError(f"expected --seed of at least 0, got {self.seed}")


class Portrait(NamedTuple):
    """A portrait around its face, 256 pixels a side.

    Args:
        image: 0 to 255.
        mesh: x, y and z in its pixels.
    """

    person: str
    image: Float[Tensor, "3 s s"]
    mesh: Float[Tensor, "468 3"]

    @property
    def opening(self) -> float:
        """Height of the mouth opening over its width."""
        return float(_mouth_height(self.mesh) / _mouth_width(self.mesh))

    @property
    def shows_teeth(self) -> bool:
        """Whether the mouth is open and its inside is bright and colorless."""
        if self.opening < _TOOTHY:
            return False
        mouth = polygon_mask(_lips(self.mesh)[None], (_SIDE, _SIDE))[0] > 0
        red, _, blue = (channel[mouth[0]].mean() for channel in self.image)
        face = self.image[:, _SIDE // 3 : _SIDE * 2 // 3, _SIDE // 3 : _SIDE * 2 // 3].mean()
        return bool(red > 0.8 * face and blue > 0.55 * red)


def main(options: Options) -> None:
    if options.out.exists() and any(options.out.iterdir()):
        raise ValueError(f"{options.out}: expected a new or empty folder")
    portraits = read_portraits(options.portraits)
    _check_people(options.portraits, portraits)
    donors = [portrait for portrait in portraits if portrait.shows_teeth]
    for number, portrait in enumerate(portraits):
        folder = options.out / portrait.person
        folder.mkdir(parents=True)
        write_image(folder / "00.png", to_8_bits(portrait.image))
        for i in range(1, options.images):
            rng = np.random.default_rng((options.seed, number, i))
            image = posed(portrait, donors, rng)
            write_image(folder / f"{i:02}.png", to_8_bits(image))
    print(f"  {len(portraits)} people, {options.images} images each, {len(donors)} open mouths")


def read_portraits(root: Path) -> list[Portrait]:
    """Those in which one face is found; others are named and left out."""
    finder, mesher = FaceFinder(), FaceMesh()
    portraits = []
    for photo in list_photos(root, "plain").photos:
        image = read_image(photo.path)
        found = [face.landmarks for face in finder(image) if face.landmarks.isfinite().all()]
        if not found:
            print(f"  {photo.source}: no face found, skipped")
            continue
        boxes = landmark_box(torch.stack(found))
        largest = (boxes[:, 2:] - boxes[:, :2]).prod(1).argmax()
        mesh = mesher.mesh(image, Faces.of_boxes(boxes[largest][None])).vertices[0]
        portraits.append(_around_face(photo.person, image, mesh))
    return portraits


def _check_people(root: Path, portraits: list[Portrait]) -> None:
    people = Counter(portrait.person for portrait in portraits)
    if not people:
        raise ValueError(f"{root}: expected a face in at least one portrait, found none")
    if several := [person for person, count in people.items() if count > 1]:
        raise ValueError(f"{root}: expected one portrait per person, got more of {several[0]}")


def _around_face(
    person: str, image: UInt8[Tensor, "3 h w"], mesh: Float[Tensor, "468 3"]
) -> Portrait:
    """The square of 2.4 times the mesh's longer side, or as much of it as the image has."""
    height, width = image.shape[1:]
    low, high = mesh[:, :2].amin(0), mesh[:, :2].amax(0)
    side = min(2.4 * float((high - low).max()), height, width)
    middle = (low + high) / 2 - torch.tensor([0, 0.12 * side])
    left, top = (
        min(max(float(middle[axis]) - side / 2, 0.0), length - side)
        for axis, length in enumerate((width, height))
    )
    box = [round(left), round(top), round(left + side), round(top + side)]
    part = image[:, box[1] : box[3], box[0] : box[2]].float()[None]
    scale = _SIDE / part.shape[-1]
    resized = torch.nn.functional.interpolate(
        part, (_SIDE, _SIDE), mode="bicubic", antialias=True, align_corners=False
    )
    moved = mesh.clone()
    moved[:, :2] = (mesh[:, :2] - torch.tensor(box[:2]) + 0.5) * scale - 0.5
    moved[:, 2] = mesh[:, 2] * scale
    return Portrait(person, resized[0].clamp(0, 255), moved)


def posed(
    portrait: Portrait, donors: list[Portrait], rng: np.random.Generator
) -> Float[Tensor, "3 s s"]:
    """The portrait in another pose and with another expression."""
    target, opened = _with_expression(portrait.mesh, rng, opens=bool(donors))
    target = _turned(target, rng)
    image = bend_to_landmarks(
        portrait.image[None], portrait.mesh[None, :, :2], target[None, :, :2]
    )[0]
    if opened:
        image = _with_inside_of_mouth(image, target, donors[rng.integers(len(donors))], rng)
    return image if rng.random() < 0.5 else image.flip(-1)


# --- expression and pose --------------------------------------------------------------------------


def _with_expression(
    mesh: Float[Tensor, "468 3"], rng: np.random.Generator, *, opens: bool
) -> tuple[Float[Tensor, "468 3"], bool]:
    """The mesh with mouth, eyes and brows moved, and whether the mouth was opened."""
    moved = mesh.clone()
    eyes = float((mesh[_EYES[1], :2] - mesh[_EYES[0], :2]).norm())
    opened = opens and rng.random() < _OPEN_MOUTHS
    if opened:
        _open_mouth(moved, float(rng.uniform(0.03, 0.24)) * eyes)
    if rng.random() < _CLOSING_EYES:
        share = float(rng.uniform(0.3, 1.0))
        upper, lower = list(_UPPER_LIDS), list(_LOWER_LIDS)
        moved[upper] = moved[upper].lerp(moved[lower], share)
    if rng.random() < _MOVED_BROWS:
        moved[list(_BROWS), 1] -= float(rng.uniform(-0.05, 0.1)) * eyes
    stretch = float(rng.normal(0, 0.03)) * eyes
    for corner, sign in zip(_MOUTH_CORNERS, (-1, 1), strict=True):
        near = (mesh[:, :2] - mesh[corner, :2]).square().sum(1).div(-2 * (0.15 * eyes) ** 2).exp()
        moved[:, 0] += sign * stretch * near
        moved[:, 1] -= 0.6 * stretch * near
    return moved, opened


def _open_mouth(mesh: Float[Tensor, "468 3"], amount: float) -> None:
    """The jaw falls by ``amount`` pixels; the upper lip rises by a tenth of it."""
    before = mesh.clone()
    corners = mesh[list(_MOUTH_CORNERS)]
    width = _mouth_width(mesh)
    middle = corners[:, :2].mean(0)
    # In halves of the mouth's width: lips are parted most in the middle.
    across = (before[:, 0] - middle[0]) / (width / 2)
    lips = (1 - across.square()).clamp(min=0)
    below = ((before[:, 1] - middle[1]) / width).clamp(0, 1)
    jaw = 0.9 * (3 * below.square() - 2 * below**3) + 0.1 * below
    mesh[:, 1] += amount * jaw * torch.exp(-across.square() / 8)
    for vertices, size in ((_LOWER_LIP, 1.0), (_UPPER_LIP, -0.1)):
        chosen = list(vertices)
        mesh[chosen, 1] = before[chosen, 1] + size * amount * lips[chosen].sqrt()
    outer = list(_OUTER_LIP)
    mesh[outer, 1] = before[outer, 1] + amount * lips[outer].sqrt()


def _turned(mesh: Float[Tensor, "468 3"], rng: np.random.Generator) -> Float[Tensor, "468 3"]:
    """Turned about the neck, at another place and of another size."""
    yaw, pitch, roll = (
        math.radians(float(np.clip(rng.normal(0, sigma), -most, most)))
        for sigma, most in (_YAW, _PITCH, _ROLL)
    )
    eyes = float((mesh[_EYES[1], :2] - mesh[_EYES[0], :2]).norm())
    axis = mesh.mean(0) + torch.tensor([0, 0, _DEPTH * eyes])
    turned = (mesh - axis) @ _rotation(yaw, pitch, roll).T
    return turned * float(rng.uniform(0.9, 1.1)) + axis


def _rotation(yaw: float, pitch: float, roll: float) -> Float[Tensor, "3 3"]:
    (c, s), (d, t), (e, u) = ((math.cos(a), math.sin(a)) for a in (yaw, pitch, roll))
    turn = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    nod = torch.tensor([[1, 0, 0], [0, d, t], [0, -t, d]])
    tilt = torch.tensor([[e, -u, 0], [u, e, 0], [0, 0, 1]])
    return tilt @ nod @ turn


# --- mouths ---------------------------------------------------------------------------------------


def _mouth_height(mesh: Float[Tensor, "468 3"]) -> Float[Tensor, ""]:
    return (mesh[_UPPER_LIP[5], :2] - mesh[_LOWER_LIP[5], :2]).norm()


def _mouth_width(mesh: Float[Tensor, "468 3"]) -> Float[Tensor, ""]:
    return (mesh[_UPPER_LIP[0], :2] - mesh[_UPPER_LIP[-1], :2]).norm()


def _lips(mesh: Float[Tensor, "468 3"]) -> Float[Tensor, "v 2"]:
    """The outline of the inside of the mouth."""
    return torch.cat([mesh[list(_UPPER_LIP), :2], mesh[list(_LOWER_LIP[-2:0:-1]), :2]])


def _with_inside_of_mouth(
    image: Float[Tensor, "3 s s"],
    mesh: Float[Tensor, "468 3"],
    donor: Portrait,
    rng: np.random.Generator,
) -> Float[Tensor, "3 s s"]:
    """Teeth of the donor below the upper lip, as high as they are there, and dark below them."""
    lips = _lips(mesh)
    upper, lower = (mesh[list(edge), :2] for edge in (_UPPER_LIP, _LOWER_LIP))
    high = min(1.0, donor.opening * float(_mouth_width(mesh) / _mouth_height(mesh).clamp(min=1e-3)))
    shown = upper.lerp(lower, max(high, 0.4) * float(rng.uniform(0.7, 1.0)))
    targets = torch.cat([upper, shown])
    sources = torch.cat([donor.mesh[list(edge), :2] for edge in (_UPPER_LIP, _LOWER_LIP)])
    teeth = bend_to_landmarks(donor.image[None], sources[None], targets[None])[0]
    size = (_SIDE, _SIDE)
    skin = image.mean((1, 2), keepdim=True)
    dark = torch.tensor([0.36, 0.17, 0.16]).view(3, 1, 1) * skin.mean()
    outline = torch.cat([upper, shown.flip(0)])
    row = gaussian_blur2d(polygon_mask(outline[None], size), (3, 3), (0.7, 0.7))[0]
    inside = dark + row * (float(rng.uniform(0.75, 1.05)) * teeth - dark)
    mouth = gaussian_blur2d(polygon_mask(lips[None], size), (3, 3), (0.8, 0.8))[0]
    return image + mouth * (inside - image)


def to_8_bits(image: Float[Tensor, "3 s s"]) -> UInt8[Tensor, "3 s s"]:
    return image.clamp(0, 255).round().to(torch.uint8)


if __name__ == "__main__":
    run_command(main, Options)
