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
def test_single_and_double_precision_agree_with_the_published_numbers(case):
    single, double = CASES[case](Way()), CASES[case](Way(torch.float64))
    assert compare(single, published(case)) < TOLERANCE
    assert compare(double, published(case)) < TOLERANCE
    assert compare(single, double) < TOLERANCE


@pytest.mark.parametrize("case", WITH_EDGES)
@torch.no_grad()
def test_message_passing_over_complete_edge_lists_agrees(case, monkeypatch):
    with monkeypatch.context() as patch:  # the dense path would be noticed
        patch.setattr(bipartite.BipartiteGraphConv, "receive_dense", None)
        found = CASES[case](Way(edges=True))
    assert compare(found, published(case)) < TOLERANCE


@pytest.mark.parametrize("case", [name for name in CASES if "generator" in name])
@torch.no_grad()
def test_fused_generators_agree(case):
    assert compare(CASES[case](Way(fused=True)), published(case)) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("case", [name for name in CASES if "generator" in name])
@torch.no_grad()
def test_fused_generators_agree_in_double_precision(case):
    single, double = CASES[case](Way(fused=True)), CASES[case](Way(torch.float64, fused=True))
    assert compare(double, published(case)) < TOLERANCE
    assert compare(single, double) < TOLERANCE


@pytest.mark.parametrize("case", [name for name in CASES if name.startswith("anonygan_generator")])
@torch.no_grad()
def test_dense_maps_agree(case):
    assert compare(anonygan(case, Way(), maps=True), published(case)) < TOLERANCE


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
