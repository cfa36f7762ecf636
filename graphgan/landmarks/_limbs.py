"""Warp a person limb by limb to other joints, without learning.

Not in the papers. The parts and their affine maps follow Balakrishnan et al., "Synthesizing Images
of Humans in Unseen Poses", CVPR 2018, section 3.2, whose masks are learned; here a pixel belongs to
the limbs nearest to it.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._schemes import OPENPOSE_18
from graphgan.landmarks._similarity import check_pairs, turned

_NOSE, _NECK, _SHOULDERS, _HIPS, _EYES, _EARS = 0, 1, (2, 5), (8, 11), (14, 15), (16, 17)
_LEGS = ((8, 9, 10), (11, 12, 13))
_HIPS_TO_SHOULDERS = 0.6  # of the widths between their joints
_NECK_OF_HEAD = 0.27  # of the way from the middle of the head to the hips
_HIPS_OF_NECK = 0.57  # of the way from the neck to the knees
# How far a body is from front to back, as a share of the trunk's length: what is left of its width
# when it is seen from the side.
_DEPTH = 0.5
_TURNED = 1 / 50  # of the height: a nose so far beside the ears says where the face looks
_SHORTEST = 1 / 3  # of its length, of a limb that points at the viewer
_SHARPNESS = 3.0  # of the assignment of pixels, in reaches
_AROUND = 2.5  # reaches around the limbs, outside of which an image shows nobody
_FAINT = 0.02  # weight of the background's mean color, for where all belongs to other limbs


class _Limb(NamedTuple):
    """How a limb is drawn.

    Args:
        reach: half of its thickness, as a share of the image's height.
        before, beyond: where it begins and ends, as shares of its length before its first and
            beyond its second joint: heads, hands and feet go on, a neck is the trunk's.
        front: how many reaches nearer than others it counts as: what is seen of an arm is in front.
    """

    joints: tuple[int, int]
    reach: float
    before: float = 0.0
    beyond: float = 0.0
    front: float = 0.0


# Trunk and head end between the hips and in the middle of the head.
_TRUNK = _Limb((_NECK, _NECK), 0.03)  # beside half of the shoulders' width
_HEAD = _Limb((_NECK, _NECK), 0.055, before=-0.4, beyond=0.6, front=0.3)
_RIGHT = (
    _Limb((2, 3), 0.030, front=0.6),
    _Limb((3, 4), 0.024, beyond=0.25, front=0.6),
    _Limb((8, 9), 0.042),
    _Limb((9, 10), 0.034, beyond=0.2),
)
_LEFT = tuple(
    limb._replace(joints=(OPENPOSE_18.flip[limb.joints[0]], OPENPOSE_18.flip[limb.joints[1]]))
    for limb in _RIGHT
)
_LIMBS = (_TRUNK, _HEAD, *_RIGHT, *_LEFT)
_OTHER_SIDE = (0, 1, *range(6, 10), *range(2, 6))


class _Body(NamedTuple):
    """A person as segments, NaN where one is missing.

    Shapes:
        ``start, along: b n 2``, first joints and the ways to the second ones; ``shoulders,
        facing: b``, widths along the normals of trunk and head, with a sign
    """

    start: Float[Tensor, "b n 2"]
    along: Float[Tensor, "b n 2"]
    shoulders: Float[Tensor, "b"]
    facing: Float[Tensor, "b"]

    @property
    def there(self) -> Bool[Tensor, "b n"]:
        return (self.start + self.along).isfinite().all(-1)

    @property
    def length(self) -> Float[Tensor, "b n"]:
        length: Tensor = self.along.norm(dim=-1).clamp(min=1)
        return length

    @property
    def axes(self) -> tuple[Float[Tensor, "b n 2"], Float[Tensor, "b n 2"]]:
        """Of length 1: along the limbs, and across."""
        axis = self.along / self.length[..., None]
        return axis, turned(axis)


def bend_limbs(
    images: Float[Tensor, "b c h w"],
    joints: Float[Tensor, "b 18 2"],
    targets: Float[Tensor, "b 18 2"],
) -> Float[Tensor, "b c h w"]:
    """Warp ``images`` so that each limb moves to that limb of the targets.

    ``out at v = (sum_l w_l(v) image at T_l v + e c) / (sum_l w_l(v) + e)``: l trunk, head, upper
    and lower arms and legs. T_l takes the limb's segment in the targets to its segment in
    ``joints``; across, it stretches as much as whole persons differ in size, a trunk as much as its
    width, and it mirrors a trunk seen from the other side and a face that looks the other way.
    ``w_l = softmax_l(-3 d_l(v)) m_l(T_l v)``: d_l is the distance from the limb in half
    thicknesses, and ``m_l = exp(-3 (d'_l - min d'))`` says, of the same distances d' in the given
    image, 2.5 at most, how much a pixel there is this limb's and not another one's. Where all is
    another limb's, c is left, the mean color around the person; e is 0.02.

    A limb that is missing in ``joints`` is that of the other side; missing joints of the trunk and
    knees are guessed from their neighbors. A limb that is missing in the targets is not drawn.
    Beyond its edges an image goes on with its last pixels.

    Args:
        images: in any range.
        joints, targets: OpenPose-18 coordinates (x, y) in pixels, NaN where missing. An item
            without a limb in both stays as it is.
    Raises:
        ValueError: mismatched numbers of items, or joints of another scheme.

    Example:
        >>> images, joints = torch.rand(1, 3, 32, 16), 15 * torch.rand(1, 18, 2)
        >>> bend_limbs(images, joints, joints + 1).shape
        torch.Size([1, 3, 32, 16])
    """
    check_pairs(images, joints, targets)
    check_landmarks(joints, "joints", count=OPENPOSE_18.num_landmarks)
    dtype = torch.promote_types(images.dtype, torch.float32)
    with torch.autocast(images.device.type, enabled=False):
        return _bent(images.to(dtype), joints.to(dtype), targets.to(dtype)).to(images.dtype)


def _bent(images: Tensor, joints: Tensor, targets: Tensor) -> Float[Tensor, "b c h w"]:
    b, c, h, w = images.shape
    given, wanted = _body(joints), _body(targets)
    given = _completed(given)
    there = given.there & wanted.there
    given, wanted = (_without_nan(body, there) for body in (given, wanted))
    pixels = _pixels(images)
    where = _looked_up_at(pixels, given, wanted, _stretches(given, wanted, there, h))
    near = _closeness(*_places(pixels, wanted), wanted, there, h)
    near = near + _SHARPNESS * _column(images, "front")
    own, outside = _owners(pixels, given, there, h)
    around = (images * outside.view(b, 1, h, w)).sum((2, 3), keepdim=True)
    around = around / outside.sum(1)[:, None, None, None]
    column, row = (
        x.round().clamp(0, n - 1).long() for x, n in zip(where.unbind(-1), (w, h), strict=True)
    )
    weights = near.softmax(1) * own.gather(2, row * w + column)
    total = weights.sum(1).view(b, 1, h, w)
    grid = (where + 0.5) * (2 / where.new_tensor([w, h])) - 1
    # The limbs one below the other: no copy of the image is made for each of them.
    found = F.grid_sample(
        images, grid.view(b, -1, w, 2), padding_mode="border", align_corners=False
    )
    bent = (found.view(b, c, -1, h, w) * weights.view(b, 1, -1, h, w)).sum(2)
    bent = (bent + _FAINT * around) / (total + _FAINT)
    return torch.where(there.any(1)[:, None, None, None], bent, images)


def _owners(
    pixels: Float[Tensor, "p 2"], body: _Body, there: Bool[Tensor, "b n"], height: int
) -> tuple[Float[Tensor, "b n p"], Float[Tensor, "b p"]]:
    """How much every pixel is each limb's and not a nearer one's, and whether it is nobody's."""
    least = -_SHARPNESS * _AROUND
    near = _closeness(*_places(pixels, body), body, there, height).clamp(min=least)
    nearest = near.amax(1, keepdim=True)
    nobody = (nearest == least).to(near.dtype) + _FAINT  # so that there is a mean without any
    return (near - nearest).exp(), nobody[:, 0]


def _looked_up_at(
    pixels: Float[Tensor, "p 2"], given: _Body, wanted: _Body, stretches: tuple[Tensor, Tensor]
) -> Float[Tensor, "b n p 2"]:
    """Where in the given image each limb's map takes every pixel: T_l v."""
    pairs = zip(stretches, given.axes, wanted.axes, strict=True)
    outer = [stretch * x[..., :, None] * y[..., None, :] for stretch, x, y in pairs]
    matrix = outer[0] + outer[1]
    shift = given.start - (matrix @ wanted.start[..., None])[..., 0]
    return pixels @ matrix.mT + shift[:, :, None]


def _body(joints: Float[Tensor, "b 18 2"]) -> _Body:
    points = _guessed(joints)
    head = _head(points)
    start = torch.stack([points[limb.joints[0]] for limb in _LIMBS], 1)
    ends = [_mean(points, _HIPS), head, *(points[limb.joints[1]] for limb in _LIMBS[2:])]
    body = _Body(start, torch.stack(ends, 1) - start, head[:, 0], head[:, 0])
    _, normal = body.axes
    shoulders = points[_SHOULDERS[1]] - points[_SHOULDERS[0]]
    face = points[_NOSE] - _mean(points, _EARS)
    return body._replace(
        shoulders=(shoulders * normal[:, 0]).sum(-1).nan_to_num(0),
        facing=(face * normal[:, 1]).sum(-1).nan_to_num(0),
    )


def _guessed(joints: Float[Tensor, "b 18 2"]) -> list[Float[Tensor, "b 2"]]:
    """The joints one by one; shoulders, hips, neck and knees from others where they are missing."""
    points = list(joints.unbind(1))

    def guess(joint: int, place: Tensor) -> None:
        points[joint] = torch.where(points[joint].isfinite(), points[joint], place)

    hips = _mean(points, _HIPS)
    guess(_NECK, _mean(points, _SHOULDERS))
    guess(_NECK, torch.lerp(_head(points), hips, _NECK_OF_HEAD))
    for one, other in (_SHOULDERS, _SHOULDERS[::-1]):
        guess(one, 2 * points[_NECK] - points[other])
    width = _HIPS_TO_SHOULDERS * (points[_SHOULDERS[1]] - points[_SHOULDERS[0]])
    for one, other, way in ((*_HIPS, -width), (*_HIPS[::-1], width)):
        guess(one, points[other] + way)
        guess(one, points[other])
        knees = _mean(points, (_LEGS[0][1], _LEGS[1][1]))
        guess(one, torch.lerp(points[_NECK], knees, _HIPS_OF_NECK))
    for hip, knee, ankle in _LEGS:
        guess(knee, (points[hip] + points[ankle]) / 2)
    return points


def _head(points: list[Tensor]) -> Float[Tensor, "b 2"]:
    """The middle of the head: between the ears, or between the only one and the nose."""
    nose = torch.where(points[_NOSE].isfinite(), points[_NOSE], _mean(points, _EYES))
    ears = [points[i] for i in _EARS]
    both = sum(ears[1:], ears[0]) / 2
    return torch.where(both.isfinite(), both, _mean([_mean(points, _EARS), nose], (0, 1)))


def _mean(points: list[Tensor], chosen: tuple[int, int]) -> Float[Tensor, "b 2"]:
    """Of those that are there; NaN where none is."""
    return torch.stack([points[i] for i in chosen], 1).nanmean(1)


def _completed(body: _Body) -> _Body:
    there, others = body.there[..., None], list(_OTHER_SIDE)
    start, along = (torch.where(there, x, x[:, others]) for x in body[:2])
    return body._replace(start=start, along=along)


def _without_nan(body: _Body, there: Bool[Tensor, "b n"]) -> _Body:
    start, along = (torch.where(there[..., None], x, 0) for x in body[:2])
    return body._replace(start=start, along=along)


def _pixels(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "p 2"]:
    rows, columns = (
        torch.arange(n, device=images.device, dtype=images.dtype) for n in images.shape[2:]
    )
    h, w = images.shape[2:]
    return torch.stack([columns.expand(h, w), rows[:, None].expand(h, w)], -1).reshape(-1, 2)


def _places(
    pixels: Float[Tensor, "p 2"], body: _Body
) -> tuple[Float[Tensor, "b n p"], Float[Tensor, "b n p"]]:
    """Of every pixel along and across each limb, from its first joint on, in pixels."""
    along, across = (
        (axis @ pixels.T) - (axis * body.start).sum(-1, keepdim=True) for axis in body.axes
    )
    return along, across


def _stretches(
    given: _Body, wanted: _Body, there: Bool[Tensor, "b n"], height: int
) -> tuple[Float[Tensor, "b n 1 1"], Float[Tensor, "b n 1 1"]]:
    """How many pixels of the given image there are to one of the result, along and across."""
    before, after = (x.length * there for x in (given, wanted))
    size = (before.sum(1, keepdim=True) + 1) / (after.sum(1, keepdim=True) + 1)
    along = given.length / wanted.length
    along = along.clamp(min=_SHORTEST * size, max=size / _SHORTEST)
    across = size.expand_as(along)
    # The face is never seen from so far to the side that a head becomes narrow.
    looks_back = _opposite(given.facing, wanted.facing, _TURNED * height)
    head = torch.where(looks_back, -size[:, 0], size[:, 0])
    widths = [
        (x.shoulders.square() + (_DEPTH * x.length[:, 0]).square()).sqrt() for x in (given, wanted)
    ]
    trunk = widths[0] / widths[1]
    trunk = torch.where(_opposite(given.shoulders, wanted.shoulders, 0.0), -trunk, trunk)
    along = torch.cat([along[:, :1], size, along[:, 2:]], 1)
    across = torch.cat([trunk[:, None], head[:, None], across[:, 2:]], 1)
    return along[..., None, None], across[..., None, None]


def _opposite(x: Float[Tensor, "b"], y: Float[Tensor, "b"], least: float) -> Bool[Tensor, "b"]:
    return (x * y < 0) & (x.abs() > least) & (y.abs() > least)


def _closeness(
    along: Tensor, across: Tensor, body: _Body, there: Bool[Tensor, "b n"], height: int
) -> Float[Tensor, "b n p"]:
    """``-3`` times the distance from each limb in its reaches; hardly any of one that is not."""
    length = body.length[..., None]
    first, last = -length * _column(along, "before"), length * (1 + _column(along, "beyond"))
    gap = along - along.clamp(min=first, max=last)
    reach = (height * _column(along, "reach")).repeat(len(along), 1, 1)
    reach[:, 0, 0] += body.shoulders.abs() / 2
    distance = (gap.square() + across.square()).sqrt() / reach
    return (-_SHARPNESS * distance).masked_fill(~there[..., None], -1e4)


def _column(like: Tensor, name: str) -> Float[Tensor, "1 n 1"]:
    """A number of every limb."""
    return like.new_tensor([getattr(limb, name) for limb in _LIMBS])[None, :, None]
