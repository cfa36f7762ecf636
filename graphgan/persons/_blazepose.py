"""BlazePose: joints of persons in photos, by a network that finds them and one that looks closer.

Source: Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", CVPR workshop 2020,
https://arxiv.org/abs/2006.10204; the weights are those of MediaPipe's detector and of its "full"
model of landmarks (Apache-2.0).
"""

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor

from graphgan.landmarks import Detection
from graphgan.models import ConvGraph
from graphgan.persons._candidates import Candidates, decode, merge, same_person

_DETECTOR, _LANDMARKS = "blazepose-detector", "blazepose-landmarks"

_DETECTOR_SIDE, _SIDE = 224, 256  # pixels that the networks take
_MOST_DOUBLINGS = 3
_POINTS = 39
_HEAD, _BODY = slice(11), slice(33)  # of these
_PLACE = [33, 34]  # hips, and a point above as far away as the body reaches
_MARGIN = 1.25  # of a square around the circle that a body fills
_LARGEST = 2048  # pixels of an image's longer side, more than the networks look at
# Mean distance of the points of a head or of a body, for the distance of those of `_PLACE`: closer
# ones are those of one person.
_SAME = 0.15
_AT_ONCE, _MOST = 16, 64  # persons of a batch, of an image: they bound time and memory

# Where OpenPose's 18 joints are among the points; the neck is the middle of two.
_JOINTS = (
    *((0, 0), (11, 12)),
    *((12, 12), (14, 14), (16, 16), (11, 11), (13, 13), (15, 15)),
    *((24, 24), (26, 26), (28, 28), (23, 23), (25, 25), (27, 27)),
    *((5, 5), (2, 2), (8, 8), (7, 7)),
)


class Squares(NamedTuple):
    """Squares in an image, in pixels from its outer edge (centers of pixels are at halves).

    Args:
        centers: (x, y) of their middles.
        ups: (x, y) from there to the middle of their upper side.
    """

    centers: Float[Tensor, "n 2"]
    ups: Float[Tensor, "n 2"]

    @classmethod
    def around(cls, points: Float[Tensor, "n 2 2"], margin: float) -> "Squares":
        """Squares around first points, with second points above them and so much more room."""
        return cls(points[:, 0], margin * (points[:, 1] - points[:, 0]))

    def split(self, count: int) -> list["Squares"]:
        """At most so many at a time."""
        starts = range(0, len(self.centers), count)
        return [Squares(*(values[i : i + count] for values in self)) for i in starts]

    def to_image(self, points: Float[Tensor, "n k 2"]) -> Float[Tensor, "n k 2"]:
        """Points of the squares, whose sides are at -1 and 1, to pixels of the image."""
        rights = torch.stack([-self.ups[:, 1], self.ups[:, 0]], dim=1)
        axes = torch.stack([rights, -self.ups], dim=1)  # of x and of y
        return self.centers[:, None] + points @ axes

    def pixels(self, image: Float[Tensor, "3 h w"], size: int) -> Float[Tensor, "n 3 s s"]:
        """What the squares show, ``size`` pixels a side; edges go on beyond the image."""
        middles = (torch.arange(size) + 0.5) * (2 / size) - 1
        y, x = torch.meshgrid(middles, middles, indexing="ij")
        grid = torch.stack([x, y], dim=2).view(1, -1, 2).expand(len(self.centers), -1, 2)
        places = self.to_image(grid).view(-1, size, size, 2)
        cut = [
            _sampled(image, place, 2 * float(up.norm()) / size)
            for place, up in zip(places, self.ups, strict=True)
        ]
        return torch.stack(cut) if cut else image.new_zeros(0, 3, size, size)


def _sampled(
    image: Float[Tensor, "3 h w"], places: Float[Tensor, "s s 2"], step: float
) -> Float[Tensor, "3 s s"]:
    """The image at these places, so many pixels apart; halved first, so that none is missed."""
    extent = image.new_tensor([image.shape[2], image.shape[1]])
    while step >= 2 and min(image.shape[1:]) > 1:
        image, step = F.avg_pool2d(image, 2, ceil_mode=True), step / 2
    grid = 2 * places.to(image.device) / extent - 1
    return F.grid_sample(
        image[None], grid[None], mode="bilinear", padding_mode="border", align_corners=False
    )[0]


class _Poses(NamedTuple):
    """What the second network says of persons, in pixels from the outer edge of an image.

    Args:
        points: of each person.
        visible: how sure it is that a point can be seen, in [0, 1].
        scores: how sure it is that this is a person, in [0, 1].
    """

    points: Float[Tensor, "n 39 2"]
    visible: Float[Tensor, "n 39"]
    scores: Float[Tensor, "n"]

    def at(self, where: Tensor) -> "_Poses":
        return _Poses(*(values[where] for values in self))


class BlazePose:
    """A `LandmarkDetector` of persons: 18 joints in the order of ``OPENPOSE_18``.

    Persons are looked for in the whole photo, made 224 pixels large: many that are smaller than
    half of it are missed. Whoever is found is cut out upright at 256 pixels, and 33 points are
    located in that. 17 of them are joints of OpenPose; the neck is the middle of the shoulders.
    A joint is NaN where it lies outside the photo, and where the network takes it for hidden; the
    neck where one of these holds for a shoulder.

    Differences to MediaPipe: points are not refined by heat maps, nothing is smoothed over time,
    several persons are found, and what is found several times is known by its shoulders, not by
    boxes.

    Args:
        upsample: how many times the 224 pixels are doubled, to find smaller persons besides, and
            more that are none; each time takes four times as long as the one before.
        threshold: score in (0, 1) from which something is a person, for both networks.
        visibility: score in [0, 1) from which a joint is not hidden; 0 keeps those that are
            guessed.
        passes: how often persons are cut out, each time after the first as their own points say.
        device: where the networks run.
    Raises:
        ValueError: options out of range; at the first photo, weights that are missing or damaged.

    Example:
        >>> BlazePose()(torch.zeros(3, 64, 64, dtype=torch.uint8))
        []
    """

    name = "blazepose"
    num_landmarks = 18

    def __init__(
        self,
        upsample: int = 0,
        *,
        threshold: float = 0.5,
        visibility: float = 0.5,
        passes: int = 2,
        device: str | torch.device = "cpu",
    ) -> None:
        if not 0 <= upsample <= _MOST_DOUBLINGS:
            raise ValueError(f"expected to upsample 0 to {_MOST_DOUBLINGS} times, got {upsample}")
        if not 0 < threshold < 1:
            raise ValueError(f"expected a threshold between 0 and 1, got {threshold}")
        if not 0 <= visibility < 1:
            raise ValueError(f"expected a visibility from 0 to below 1, got {visibility}")
        if passes < 1:
            raise ValueError(f"expected passes of at least 1, got {passes}")
        self.upsample, self.passes = upsample, passes
        self.threshold, self.visibility = threshold, visibility
        self.device = str(device)
        options = f"{upsample} doublings, {threshold}, {visibility}, {passes} passes"
        self.fingerprint = f"blazepose 1, {options}"

    @torch.inference_mode()
    def __call__(self, image: UInt8[Tensor, "3 h w"]) -> list[Detection]:
        """All persons of a photo, the surest first; a box is that of the joints that are there.

        Raises:
            ValueError: not an 8-bit image of three channels.
        """
        if image.ndim != 3 or len(image) != 3 or image.dtype != torch.uint8:
            got = f"{tuple(image.shape)}, {image.dtype}"
            raise ValueError(f"expected an 8-bit image of shape (3, h, w), got {got}")
        if not image.numel():
            return []
        pixels, scale = _shrunk(image.to(self.device))
        poses = self._poses(pixels, self._places(pixels))
        poses = poses.at(poses.scores.argsort(descending=True, stable=True))
        poses = poses.at(_different(poses.points))
        points = poses.points / scale - 0.5  # edges of pixels to their centers
        joints = _joints(points, poses.visible > self.visibility, image)
        return [Detection(_box(one), one) for one in joints if not one.isnan().all()]

    def _places(self, pixels: Float[Tensor, "3 h w"]) -> Float[Tensor, "n 2 2"]:
        """Where persons are, see `Candidates`: large ones, then those that only show later."""
        found = self._candidates(pixels, _DETECTOR_SIDE)
        for doubling in range(1, self.upsample + 1):
            more = self._candidates(pixels, _DETECTOR_SIDE << doubling)
            more = more.at(~same_person(more, found))
            found = Candidates(*(torch.cat(values) for values in zip(found, more, strict=True)))
        return found.places[:_MOST]

    def _candidates(self, pixels: Float[Tensor, "3 h w"], side: int) -> Candidates:
        """Persons in the image at so many pixels."""
        letter, scale, corner = _letter(pixels, side)
        outputs = _network(_DETECTOR, self.device)(letter[None] * 2 - 1)
        return merge(decode(outputs, side, self.threshold)).in_image(scale, corner)

    def _poses(self, pixels: Float[Tensor, "3 h w"], places: Float[Tensor, "n 2 2"]) -> _Poses:
        """The persons at these places, without those that are none."""
        poses = _Poses(
            places.new_zeros(0, _POINTS, 2), places.new_zeros(0, _POINTS), places[:0, 0, 0]
        )
        for _ in range(self.passes if len(places) else 0):
            squares = Squares.around(places, _MARGIN)
            parts = [self._look(pixels, part) for part in squares.split(_AT_ONCE)]
            poses = _Poses(*(torch.cat(values) for values in zip(*parts, strict=True)))
            places = poses.points[:, _PLACE]
        return poses.at(poses.scores > self.threshold)

    def _look(self, pixels: Float[Tensor, "3 h w"], squares: Squares) -> _Poses:
        """Points in the squares."""
        numbers, scores = _network(_LANDMARKS, self.device)(squares.pixels(pixels, _SIDE))
        numbers = numbers.view(-1, _POINTS, 5).cpu()  # x, y, depth, visible, inside the square
        points = squares.to_image(numbers[:, :, :2] * (2 / _SIDE) - 1)
        return _Poses(points, numbers[:, :, 3].sigmoid(), scores.view(-1).cpu().sigmoid())


def _shrunk(image: UInt8[Tensor, "3 h w"]) -> tuple[Float[Tensor, "3 h2 w2"], Float[Tensor, "2"]]:
    """The image in [0, 1], not larger than it has to be, and how many pixels one became (x, y)."""
    height, width = image.shape[1:]
    ratio = min(_LARGEST / max(height, width), 1.0)
    return _resized(image, ratio)


def _resized(
    image: UInt8[Tensor, "3 h w"] | Float[Tensor, "3 h w"], ratio: float
) -> tuple[Float[Tensor, "3 h2 w2"], Float[Tensor, "2"]]:
    height, width = image.shape[1:]
    size = (max(round(height * ratio), 1), max(round(width * ratio), 1))
    if size != (height, width):
        image = F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
    pixels = image if image.is_floating_point() else image / 255
    return pixels, torch.tensor([size[1] / width, size[0] / height])


def _letter(
    pixels: Float[Tensor, "3 h w"], side: int
) -> tuple[Float[Tensor, "3 {side} {side}"], Float[Tensor, "2"], Float[Tensor, "2"]]:
    """The image in the middle of a black square, how large a pixel is there, and (x, y) of it."""
    small, scale = _resized(pixels, side / max(pixels.shape[1:]))
    down, across = (side - length for length in small.shape[1:])
    top, left = down // 2, across // 2
    letter = F.pad(small, (left, across - left, top, down - top))
    return letter, scale, torch.tensor([float(left), float(top)])


def _different(points: Float[Tensor, "n 39 2"]) -> Bool[Tensor, "n"]:
    """Whose points are not those of somebody before."""
    reach = (points[:, _PLACE[1]] - points[:, _PLACE[0]]).norm(dim=1)
    apart = (points[:, None] - points).norm(dim=3)
    apart = torch.minimum(apart[:, :, _HEAD].mean(2), apart[:, :, _BODY].mean(2)) / reach
    kept = torch.ones(len(points), dtype=torch.bool)
    for i in range(len(points)):
        kept[i] = not (kept[:i] & (apart[i, :i] < _SAME)).any()
    return kept


def _joints(
    points: Float[Tensor, "n 39 2"], visible: Bool[Tensor, "n 39"], image: UInt8[Tensor, "3 h w"]
) -> Float32[Tensor, "n 18 2"]:
    first, second = torch.tensor(_JOINTS).T
    edge = torch.tensor([image.shape[2], image.shape[1]]) - 0.5
    seen = visible & ((points >= -0.5) & (points <= edge)).all(2)
    joints = (points[:, first] + points[:, second]) / 2
    return joints.masked_fill(~(seen[:, first] & seen[:, second])[:, :, None], torch.nan)


def _box(joints: Float32[Tensor, "18 2"]) -> Float[Tensor, "4"]:
    there = joints[joints.isfinite().all(1)]
    return torch.cat([there.amin(0), there.amax(0)])


@cache  # of all detectors of a process, and never sent to another one
def _network(name: str, device: str) -> ConvGraph:
    return ConvGraph.from_pretrained(name).for_inference().to(device)
