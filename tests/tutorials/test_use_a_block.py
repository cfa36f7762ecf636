"""The tutorial's script in short: the blocks give what its page says, in the same order."""

import pytest
import torch
from tutorial_scripts import load


@pytest.fixture(scope="module")
def tutorial():
    return load("use_a_block")


def test_the_squares_color_is_wanted_where_the_plan_has_its_shape(tutorial):
    picture, plan, wanted = tutorial.draw_batch(8, torch.Generator().manual_seed(0))
    assert plan.flatten(1).sum(-1).unique().tolist() == [tutorial.SIDE**2]
    assert not plan[..., : tutorial.RIGHT].any()
    assert (picture[..., tutorial.LEFT :] == 0.5).all()
    for i in range(8):
        color = (wanted[i] * plan[i]).amax((1, 2))
        assert torch.equal(wanted[i], color[:, None, None] * plan[i])
        assert ((picture[i] == color[:, None, None]).all(0)).sum() == tutorial.SIDE**2


def test_what_decides_is_out_of_sight_of_a_plain_unet(tutorial):
    torch.manual_seed(0)
    network = tutorial.UNet(4).eval()
    picture = torch.rand(1, 3, tutorial.HEIGHT, tutorial.WIDTH, requires_grad=True)
    plan = torch.rand(1, 1, tutorial.HEIGHT, tutorial.WIDTH)
    network(picture, plan)[..., tutorial.RIGHT :].sum().backward()
    seen = picture.grad.abs().amax((0, 1, 2)) > 0
    assert seen[tutorial.RIGHT :].all()
    assert not seen[: tutorial.LEFT].any()


def test_with_blocks_it_is_in_sight(tutorial):
    torch.manual_seed(0)
    network = tutorial.UNetWithBlocks(4).eval()
    picture = torch.rand(1, 3, tutorial.HEIGHT, tutorial.WIDTH, requires_grad=True)
    plan = torch.rand(1, 1, tutorial.HEIGHT, tutorial.WIDTH)
    network(picture, plan)[..., tutorial.RIGHT :].sum().backward()
    assert (picture.grad.abs().amax((0, 1, 2)) > 0).all()


@pytest.mark.slow
def test_reasoning_learns_in_a_few_steps_what_a_plain_unet_cannot(tutorial):
    """A plain one gives gray at best, which is 0.25: no color is in its sight, as shown above."""
    torch.manual_seed(0)
    network = tutorial.NETWORKS["with bipartite reasoning"]()
    tutorial.train(network, 80, 0)
    assert tutorial.test(network) < 0.2


def test_the_wider_unet_has_more_parameters_than_any_with_blocks(tutorial):
    counts = {
        n: sum(p.numel() for p in make().parameters()) for n, make in tutorial.NETWORKS.items()
    }
    assert max(counts, key=counts.get) == "plain U-Net, wider"
