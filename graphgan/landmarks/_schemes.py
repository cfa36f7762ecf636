"""Landmark schemes: number of points, mirroring, connections and face mask.

To add a scheme, only this file changes: add a `LandmarkScheme` with the rule of its face mask, and
its name in ``SCHEMES``. Recipes and prepared folders then support it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from graphgan.landmarks._mesh_mirror import PAIRS as MESH_PAIRS
from graphgan.landmarks._outlines import FaceOutline, JawAndBridge, JawAndBrows, MeanJaw


@dataclass(frozen=True)
class LandmarkScheme:
    """A fixed order of landmarks.

    Args:
        name: name in files and options.
        flip: for each landmark, the one it becomes in the mirrored image.
        edges: pairs of neighbors along the drawn outline or skeleton, each listed once.
        outline: rule of the face mask, see `FaceOutline`; None for schemes without
            one, such as those of persons.
        eyes: landmarks of the eye on the left of the image, and of the one on the right; empty if
            the scheme has none. They show whether a face is mirrored or upside down.
        mouth: landmarks of the mouth, likewise.
        inner_lips: those around the opening of the mouth, in order; empty if the scheme has none.

    Raises:
        ValueError: a flip that is not its own inverse, or edges with unknown landmarks.
    """

    name: str
    flip: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    outline: FaceOutline | None = None
    eyes: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    mouth: tuple[int, ...] = ()
    inner_lips: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        mirror = dict(enumerate(self.flip))
        if any(mirror.get(other) != i for i, other in mirror.items()):
            raise ValueError(f"expected a flip that is its own inverse in scheme {self.name!r}")
        if any(not 0 <= i < self.num_landmarks for edge in self.edges for i in edge):
            raise ValueError(f"expected edges between 0 and {self.num_landmarks - 1}")

    @property
    def num_landmarks(self) -> int:
        """The number of landmarks ``k``."""
        return len(self.flip)

    def edge_index(self) -> Tensor:
        """Both directions of every edge, in torch-geometric's format: ``2 e``."""
        forward = torch.tensor(self.edges, dtype=torch.long).reshape(-1, 2).T
        return torch.cat([forward, forward.flip(0)], dim=1)

    def subset(self, name: str, indices: Sequence[int]) -> "LandmarkScheme":
        """The scheme of a subset of landmarks in the given order, without face parts.

        Raises:
            ValueError: a landmark whose mirror image is not included.
        """
        position = {old: new for new, old in enumerate(indices)}
        if lonely := [i for i in indices if self.flip[i] not in position]:
            raise ValueError(f"expected mirrored landmarks in pairs, got unpaired {lonely}")
        return LandmarkScheme(
            name,
            flip=tuple(position[self.flip[i]] for i in indices),
            edges=tuple((position[i], position[j]) for i, j in self.edges if {i, j} <= {*position}),
        )


def _path(*nodes: int) -> tuple[tuple[int, int], ...]:
    return tuple(pairwise(nodes))


def _closed(*nodes: int) -> tuple[tuple[int, int], ...]:
    return _path(*nodes, nodes[0])


_IBUG_FLIP = (
    *range(16, -1, -1),  # jaw
    *range(26, 16, -1),  # brows
    *(27, 28, 29, 30),  # bridge of the nose
    *range(35, 30, -1),  # under the nose
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),  # eyes
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),  # outer lips
    *(64, 63, 62, 61, 60, 67, 66, 65),  # inner lips
)

IBUG_68 = LandmarkScheme(
    "ibug-68",
    flip=_IBUG_FLIP,
    edges=(
        *_path(*range(17)),
        *_path(*range(17, 22)),
        *_path(*range(22, 27)),
        *_path(*range(27, 31)),
        *_path(*range(31, 36)),
        *_closed(*range(36, 42)),
        *_closed(*range(42, 48)),
        *_closed(*range(48, 60)),
        *_closed(*range(60, 68)),
    ),
    outline=JawAndBrows(jaw=tuple(range(17)), brows=(19, 24)),
    eyes=(tuple(range(36, 42)), tuple(range(42, 48))),
    mouth=tuple(range(48, 68)),
    inner_lips=tuple(range(60, 68)),
)
"""The 68 points of the iBUG 300-W annotation, as dlib's predictor orders them."""

CIAGAN_29_INDICES = (*range(17), *range(27, 31), *range(60, 68))
"""The points of iBUG-68 that CIAGAN keeps: jaw, bridge of the nose, inner lips."""

CIAGAN_29 = replace(
    IBUG_68.subset("ciagan-29", CIAGAN_29_INDICES),
    outline=JawAndBridge(jaw=tuple(range(17)), bridge=(17, 20)),
    mouth=tuple(range(21, 29)),
    inner_lips=tuple(range(21, 29)),
)
"""The 29 of the 68 points that CIAGAN uses."""

POINTS_5 = LandmarkScheme(
    "points-5",
    flip=(1, 0, 2, 4, 3),
    edges=(*_closed(0, 1, 2), *_closed(2, 3, 4)),
    outline=MeanJaw(eyes=(0, 1), nose=2, mouth=(3, 4)),
    eyes=((0,), (1,)),
    mouth=(3, 4),
)
"""Eye, eye, tip of the nose, two corners of the mouth, what is on the left of the image first: the
order of the five points of most detectors."""

_RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
_OUTER_LIPS = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375),
    *(291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
)
_INNER_LIPS = (
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324),
    *(308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
)
_HALF_OVAL = (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148)
_CHIN = 152

_MESH_MIRROR = {a: b for pair in MESH_PAIRS for a, b in (pair, pair[::-1])}


def _mirrored(*nodes: int) -> tuple[int, ...]:
    return tuple(_MESH_MIRROR.get(node, node) for node in nodes)


_LEFT_EYE = _mirrored(*_RIGHT_EYE)
_MESH_JAW = (*_HALF_OVAL[7:], _CHIN, *_mirrored(*_HALF_OVAL[:6:-1]))

MESH_468 = LandmarkScheme(
    "mesh-468",
    flip=_mirrored(*range(468)),
    edges=(
        *_closed(*_HALF_OVAL, _CHIN, *_mirrored(*_HALF_OVAL[:0:-1])),
        *_closed(*_RIGHT_EYE),
        *_closed(*_LEFT_EYE),
        *_closed(*_OUTER_LIPS),
        *_closed(*_INNER_LIPS),
    ),
    outline=JawAndBrows(jaw=_MESH_JAW, brows=(105, 334)),
    eyes=(_RIGHT_EYE, _LEFT_EYE),
    mouth=(*_OUTER_LIPS, *_INNER_LIPS),
    inner_lips=_INNER_LIPS,
)
"""The vertices of MediaPipe's face mesh, without the irises; of its edges those of the oval, the
eyes and the lips. Its mask ends at the brows as that of the 68 points does."""

OPENPOSE_18 = LandmarkScheme(
    "openpose-18",
    flip=(0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16),
    edges=(
        *_path(0, 1),
        *_path(1, 2, 3, 4),
        *_path(1, 5, 6, 7),
        *_path(1, 8, 9, 10),
        *_path(1, 11, 12, 13),
        *_path(0, 14, 16),
        *_path(0, 15, 17),
    ),
)
"""Nose, neck, right arm, left arm, right leg, left leg, right eye, left eye, ears."""

OPENPOSE_18_JOINTS = (
    *("nose", "neck"),
    *("right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist"),
    *("right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle"),
    *("right eye", "left eye", "right ear", "left ear"),
)
"""What the joints of ``OPENPOSE_18`` are called; right and left are the person's own."""

SCHEMES = {scheme.name: scheme for scheme in (IBUG_68, CIAGAN_29, POINTS_5, MESH_468, OPENPOSE_18)}
"""By name."""


def face_scheme(num_landmarks: int) -> LandmarkScheme:
    """The face scheme with this number of landmarks.

    Raises:
        ValueError: no such scheme, or more than one.

    Example:
        >>> face_scheme(5).name
        'points-5'
    """
    known = [s for s in SCHEMES.values() if s.outline is not None]
    if len(found := [s for s in known if s.num_landmarks == num_landmarks]) == 1:
        return found[0]
    if found:
        names = ", ".join(scheme.name for scheme in found)
        raise ValueError(f"expected one scheme of {num_landmarks} landmarks, got {names}: name it")
    names = ", ".join(f"{s.num_landmarks} ({s.name})" for s in known)
    raise ValueError(
        f"expected the landmarks of a scheme with a face mask, {names}; got {num_landmarks} "
        "landmarks"
    )
