"""Landmark schemes: how many points, what they are called, how they mirror and connect."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class LandmarkScheme:
    """A fixed order of landmarks.

    Args:
        name: what files and options call it.
        flip: for each landmark the one whose place it takes in the mirrored image.
        edges: pairs of neighbours along the drawn outline or skeleton, each named once.

    Raises:
        ValueError: a flip that does not undo itself, or edges that name unknown landmarks.
    """

    name: str
    flip: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        mirror = dict(enumerate(self.flip))
        if any(mirror.get(other) != i for i, other in mirror.items()):
            raise ValueError(f"expected a flip that undoes itself in scheme {self.name!r}")
        if any(not 0 <= i < self.num_landmarks for edge in self.edges for i in edge):
            raise ValueError(f"expected edges between 0 and {self.num_landmarks - 1}")

    @property
    def num_landmarks(self) -> int:
        """How many points there are: ``k``."""
        return len(self.flip)

    def edge_index(self) -> Tensor:
        """Both directions of every edge, as torch-geometric wants them: ``2 e``."""
        forward = torch.tensor(self.edges, dtype=torch.long).reshape(-1, 2).T
        return torch.cat([forward, forward.flip(0)], dim=1)

    def subset(self, name: str, indices: Sequence[int]) -> "LandmarkScheme":
        """The scheme of some of the landmarks, in the given order.

        Raises:
            ValueError: a chosen landmark whose mirror image is not chosen.
        """
        position = {old: new for new, old in enumerate(indices)}
        if lonely := [i for i in indices if self.flip[i] not in position]:
            raise ValueError(f"expected mirrored landmarks in pairs, got {lonely} alone")
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
)
"""The 68 points of the iBUG 300-W annotation, as dlib's predictor orders them."""

CIAGAN_29_INDICES = (*range(17), *range(27, 31), *range(60, 68))
"""The points of iBUG-68 that CIAGAN keeps: jaw, bridge of the nose, inner lips."""

CIAGAN_29 = IBUG_68.subset("ciagan-29", CIAGAN_29_INDICES)
"""The 29 of the 68 points that CIAGAN uses."""

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

SCHEMES = {scheme.name: scheme for scheme in (IBUG_68, CIAGAN_29, OPENPOSE_18)}
"""By name."""
