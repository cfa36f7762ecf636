"""The published configurations give the published code's numbers, to rounding."""

from collections.abc import Iterator

import golden
import pytest
import torch
from dense_maps import convolve_maps
from golden.cases import CASES, WITH_EDGES, Way, anonygan, compare, published
from golden.training_step import GRADIENTS, PublishedStep

from graphgan.layers import _bipartite as bipartite
from graphgan.layers import _landmark_stem as landmark_stem
from graphgan.models import _discriminators as discriminators

TOLERANCE = 1e-4  # of an output's largest number, or of 1


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_every_way_gives_the_published_numbers(case, monkeypatch):
    """In either precision; generators also fused, by complete edge lists and from dense maps."""
    found = {"single": CASES[case](Way()), "double": CASES[case](Way(torch.float64))}
    assert compare(found["single"], found["double"]) < TOLERANCE
    if "generator" in case:
        found["fused"] = CASES[case](Way(fused=True))
    if case in WITH_EDGES:
        with monkeypatch.context() as patch:  # the dense path would be noticed
            patch.setattr(bipartite.BipartiteGraphConv, "receive_dense", None)
            found["edges"] = CASES[case](Way(edges=True))
    if case.startswith("anonygan_generator"):
        found["maps"] = anonygan(case, Way(), maps=True)
    expected = published(case)
    apart = {way: compare(numbers, expected) for way, numbers in found.items()}
    assert max(apart.values()) < TOLERANCE, apart


@pytest.mark.slow
@pytest.mark.parametrize("case", [name for name in CASES if "generator" in name])
@torch.no_grad()
def test_fused_generators_agree_in_double_precision(case):
    single, double = CASES[case](Way(fused=True)), CASES[case](Way(torch.float64, fused=True))
    assert compare(double, published(case)) < TOLERANCE
    assert compare(single, double) < TOLERANCE


# One training step


@pytest.fixture(scope="module", params=["coordinates", "dense maps", "message passing"])
def step(request) -> Iterator[PublishedStep]:
    """The step by each of the ways that lead to the same numbers."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "dense maps":
            for room in (landmark_stem, discriminators):
                patch.setattr(room, "landmark_convolution", convolve_maps)
        yield PublishedStep(edges=request.param == "message passing")


def test_the_published_step_s_picture(step):
    expected = golden.expected(step.case)["fake"]
    torch.testing.assert_close(step.fake, expected, rtol=0, atol=3e-4)


def test_the_published_step_s_losses(step):
    with torch.no_grad():
        losses = step.generator_losses() | step.other_losses() | step.discriminator_losses()
    found = {name: value.item() for name, value in losses.items()}
    wanted = {name: value for name, value in step.numbers.items() if name in found}
    assert found == pytest.approx(wanted, abs=1e-5)
    left = step.numbers.keys() - wanted.keys()
    assert all(name.startswith(("grad_norm/", "g_total")) for name in left)


def test_the_published_step_s_gradients(step):
    norms = step.gradient_norms()
    assert norms["total"] == pytest.approx(step.numbers["g_total_reference_code"], abs=1e-5)
    for theirs, mine in GRADIENTS.items():
        expected = step.numbers[f"grad_norm/{theirs}"]
        assert norms[mine] == pytest.approx(expected, rel=1e-3), mine
    # The gradient of the attention over one-hot maps is rounding noise, as published.
    assert norms["landmark_attention.gate.conv.weight"] < 1e-5
