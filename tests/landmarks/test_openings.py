import pytest
import torch

from graphgan.landmarks.openings import open_mouths, with_openings_of

PAIRS = {"mouth": ((61, 67), (62, 66), (63, 65)), "eye": ((37, 41), (38, 40))}
ENDS = {"mouth": (48, 54), "eye": (36, 39)}


def face(mouth: float, eye: float, scale: float = 1.0) -> torch.Tensor:
    """Level mouth and eyes, opened by so many pixels."""
    points = torch.zeros(1, 68, 2)
    for first, y, x0, x1, gap in ((36, 40, 40, 52, eye), (42, 40, 76, 88, eye)):
        for i, (share, side) in enumerate(
            [(0, 0), (0.3, -1), (0.7, -1), (1, 0), (0.7, 1), (0.3, 1)]
        ):
            points[0, first + i] = torch.tensor([x0 + share * (x1 - x0), y + side * gap / 2])
    around = [(0, 0), (0.2, -1), (0.4, -1), (0.5, -1), (0.6, -1), (0.8, -1), (1, 0)]
    around += [(0.8, 1), (0.6, 1), (0.5, 1), (0.4, 1), (0.2, 1)]
    for i, (share, side) in enumerate(around):
        points[0, 48 + i] = torch.tensor([50 + 28 * share, 90 + side * (4 + mouth / 2)])
    inside = [(0.1, 0), (0.35, -1), (0.5, -1), (0.65, -1), (0.9, 0), (0.65, 1), (0.5, 1), (0.35, 1)]
    for i, (share, side) in enumerate(inside):
        points[0, 60 + i] = torch.tensor([50 + 28 * share, 90 + side * mouth / 2])
    return scale * points


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


def test_corners_jaw_and_nose_stay():
    closed = face(mouth=0, eye=5)
    moved = with_openings_of(closed, face(mouth=12, eye=1))
    stays = [*range(36), 36, 39, 42, 45, 48, 54, 60, 64]
    assert torch.equal(moved[:, stays], closed[:, stays])


def test_it_opens_along_the_face_that_lies_on_its_side():
    closed, source = (face(m, 5).flip(-1) for m in (0, 12))
    assert opening(with_openings_of(closed, source), "mouth") == pytest.approx(12 / 28, abs=0.01)


def test_an_opening_with_a_missing_landmark_stays():
    closed, source = face(0, 5), face(12, 1)
    source[:, 62] = torch.nan
    moved = with_openings_of(closed, source)
    assert torch.equal(moved[:, 48:], closed[:, 48:])
    assert opening(moved, "eye") == pytest.approx(opening(source, "eye"), abs=0.01)


def test_a_mouth_that_was_opened_is_dark_inside_and_lips_stay():
    image = torch.full((1, 3, 128, 128), 0.4)
    painted = open_mouths(image, face(12, 5), face(0, 5))
    assert (painted[0, :, 90, 64] < -0.2).all()
    changed = (painted != image).any(1)[0].nonzero()
    assert changed[:, 0].min() >= 82
    assert changed[:, 0].max() <= 98


@pytest.mark.parametrize(("now", "before"), [(12, 12), (0, 0), (1, 0), (0, 12)])
def test_a_mouth_that_was_open_before_or_is_closed_now_is_not_painted(now, before):
    image = torch.rand(1, 3, 128, 128)
    assert torch.equal(open_mouths(image, face(now, 5), face(before, 5)), image)


def test_a_missing_mouth_is_not_painted():
    image, there = torch.rand(1, 3, 128, 128), face(12, 5)
    there[:, 48:] = torch.nan
    assert torch.equal(open_mouths(image, there, face(0, 5)), image)


@pytest.mark.unhooked
def test_other_landmarks_are_refused():
    with pytest.raises(ValueError, match="expected 68 landmarks"):
        with_openings_of(torch.zeros(1, 29, 2), torch.zeros(1, 29, 2))
    with pytest.raises(ValueError, match="expected 68 landmarks"):
        open_mouths(torch.zeros(1, 3, 8, 8), torch.zeros(1, 29, 2), torch.zeros(1, 29, 2))
