import pytest
import torch
from open_faces import open_face as face

from graphgan.landmarks._openings import with_openings_of

PAIRS = {"mouth": ((61, 67), (62, 66), (63, 65)), "eye": ((37, 41), (38, 40))}
ENDS = {"mouth": (48, 54), "eye": (36, 39)}


def opening(points: torch.Tensor, part: str) -> float:
    above, below = (list(side) for side in zip(*PAIRS[part], strict=True))
    left, right = ENDS[part]
    gap = (points[:, below] - points[:, above]).norm(dim=-1).mean()
    return float(gap / (points[:, right] - points[:, left]).norm(dim=-1))


@pytest.mark.parametrize("part", ["mouth", "eye"])
@pytest.mark.parametrize("scale", [1.0, 0.7])
def test_lips_and_lids_are_as_far_apart_as_the_source_s(part, scale):
    source = face(mouth=12, eye=1, scale=scale)
    moved = with_openings_of(face(mouth=0, eye=5), source)
    assert opening(moved, part) == pytest.approx(opening(source, part), abs=0.01)


def test_an_opening_with_a_missing_landmark_stays():
    closed, source = face(0, 5), face(12, 1)
    source[:, 62] = torch.nan
    moved = with_openings_of(closed, source)
    assert torch.equal(moved[:, 48:], closed[:, 48:])
    assert opening(moved, "eye") == pytest.approx(opening(source, "eye"), abs=0.01)
