import numpy as np
import pytest
import torch

from graphgan.data import SyntheticFaces
from graphgan.data._degradation import degrade, light_anew

SEEDS = range(60)


@pytest.fixture(scope="module")
def face() -> torch.Tensor:
    return SyntheticFaces(1, 1, size=64)[0].image


def results(change, image) -> list[torch.Tensor]:
    return [change(image, np.random.default_rng(seed)) for seed in SEEDS]


class Chances(np.random.Generator):
    """A generator whose chances are all 1 but for the n-th ones, which are 0: they happen."""

    def __init__(self, *happen: int) -> None:
        super().__init__(np.random.PCG64(0))
        self.happen, self.asked = happen, 0

    def random(self) -> float:
        self.asked += 1
        return 0.0 if self.asked - 1 in self.happen else 1.0


SMALL, BLURRED, NOISY, COMPRESSED = range(4)


def fine(image: torch.Tensor) -> float:
    """How much next pixels differ."""
    return float(image.float().diff(dim=-1).abs().mean())


def spread_of_colors(image: torch.Tensor) -> float:
    """How unlike the shares of red, green and blue are from pixel to pixel, without dark pixels."""
    bright = image.float().flatten(1)[:, (image > 16).all(0).flatten()]
    return float((bright / bright.sum(0)).std(1).max())


@pytest.mark.parametrize("change", [light_anew, degrade])
def test_the_same_chance_gives_the_same_image(change, face):
    before = face.clone()
    for first, again in zip(results(change, face), results(change, face), strict=True):
        assert torch.equal(first, again)
    assert torch.equal(face, before)


def test_seven_of_ten_are_lit_anew_and_some_become_gray(face):
    changed = results(light_anew, face)
    same = sum(torch.equal(image, face) for image in changed)
    assert 0.15 < same / len(changed) < 0.45
    colored = light_anew(face, Chances(0))
    assert not torch.equal(colored, face)
    assert spread_of_colors(light_anew(face, Chances(0, 1))) < 0.01 < spread_of_colors(colored)


def test_light_does_not_move_anything(face):
    """What was brighter in a row and a color stays so where light has no slope."""

    class Flat(Chances):
        def uniform(self, low, high):
            return 0.0

    lit = light_anew(face, Flat(0))
    for before, after in zip(face, lit, strict=True):
        order = before.flatten().argsort()
        assert (after.flatten()[order].int().diff() >= 0).all()


def test_each_kind_of_harm_is_what_it_is_called(face):
    small, blurred, noisy = (degrade(face, Chances(i)) for i in (SMALL, BLURRED, NOISY))
    assert fine(small) < fine(face) and fine(blurred) < fine(face) < fine(noisy)
    flat = torch.full((3, 64, 64), 100, dtype=torch.uint8)
    harmed = degrade(flat, Chances(NOISY)).float() - 100
    assert abs(float(harmed.mean())) < 1 < float(harmed.std()) < 8
    assert torch.equal(degrade(face, Chances()), face)


def test_about_one_in_ten_stays_as_it_is(face):
    changed = results(degrade, face)
    same = sum(torch.equal(image, face) for image in changed)
    assert 0.02 < same / len(changed) < 0.2
