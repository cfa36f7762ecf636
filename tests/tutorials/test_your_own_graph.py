"""The tutorial's graphs are what they are called, and hidden key points are learned over each."""

import pytest
import torch
from tutorial_scripts import load


@pytest.fixture(scope="module")
def tutorial():
    return load("your_own_graph")


def test_the_skeleton_of_a_hand_is_a_tree(tutorial):
    assert len(tutorial.BONES) == 20
    reached = {tutorial.WRIST}
    for start, end in tutorial.BONES:
        assert start in reached  # each bone begins where another one ends
        reached.add(end)
    assert reached == set(range(21))


def test_both_hands_of_a_pair_have_the_same_bones(tutorial):
    flat, bent = tutorial.draw_hands(4, torch.Generator().manual_seed(0))
    lengths = [
        torch.stack([(hand[:, a] - hand[:, b]).norm(dim=-1) for a, b in tutorial.BONES])
        for hand in (flat, bent)
    ]
    torch.testing.assert_close(*lengths)


def test_a_key_point_hears_of_no_other_finger_in_one_layer(tutorial):
    torch.manual_seed(0)
    flat, bent = tutorial.draw_hands(2, torch.Generator().manual_seed(0))
    hidden = torch.zeros(2, 21, 1, dtype=torch.bool)
    heard = {}
    for name, graph in tutorial.graphs().items():
        network = tutorial.Completion(1, 8, "batch").eval()
        given = bent.clone().requires_grad_()
        network(flat, given, hidden, graph)[:, 4].sum().backward()
        heard[name] = set(given.grad.abs().sum((0, 2)).nonzero()[:, 0].tolist())
    assert heard["skeleton"] == {3, 4}
    assert heard["complete"] == set(range(21))
    assert len(heard["shuffled skeleton"]) < 21


def test_the_skeleton_learns(tutorial):
    graph = tutorial.graphs()["skeleton"]
    error = tutorial.test(tutorial.train(graph, 2, 60, 0), graph)
    untrained = tutorial.test(tutorial.Completion(2).eval(), graph)
    assert error < 0.5 * untrained
