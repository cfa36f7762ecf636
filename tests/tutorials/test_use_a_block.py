"""The tutorial's script in short: the blocks give what its page says, in the same order."""

import pytest
import torch
from tutorial_scripts import load


@pytest.fixture(scope="module")
def tutorial():
    return load("use_a_block")


def test_colours_are_wanted_where_the_plan_has_its_shapes(tutorial):
    picture, plan, wanted = tutorial.draw_batch(8, torch.Generator().manual_seed(0))
    assert plan.flatten(2).sum(-1).unique().tolist() == [tutorial.SHAPE**2]
    assert plan.sum(1).max() == 1  # the two shapes do not meet
    assert not wanted[plan.sum(1, keepdim=True).expand_as(wanted) == 0].any()
    assert picture.shape == wanted.shape


def test_what_decides_is_out_of_sight_of_a_plain_unet(tutorial):
    torch.manual_seed(0)
    network = tutorial.UNet(4).eval()
    picture = torch.rand(1, 3, tutorial.HEIGHT, tutorial.WIDTH, requires_grad=True)
    plan = torch.rand(1, 2, tutorial.HEIGHT, tutorial.WIDTH)
    network(picture, plan)[..., tutorial.RIGHT :].sum().backward()
    seen = picture.grad.abs().amax((0, 1, 2)) > 0
    assert seen[tutorial.RIGHT :].all()
    assert not seen[: tutorial.LEFT].any()


def test_with_blocks_it_is_in_sight(tutorial):
    torch.manual_seed(0)
    network = tutorial.UNetWithBlocks(4).eval()
    picture = torch.rand(1, 3, tutorial.HEIGHT, tutorial.WIDTH, requires_grad=True)
    plan = torch.rand(1, 2, tutorial.HEIGHT, tutorial.WIDTH)
    network(picture, plan)[..., tutorial.RIGHT :].sum().backward()
    assert (picture.grad.abs().amax((0, 1, 2)) > 0).all()


def test_reasoning_learns_in_a_few_steps_what_a_plain_unet_cannot(tutorial):
    errors = {}
    for name in ("plain U-Net", "with both"):
        torch.manual_seed(0)
        network = tutorial.NETWORKS[name]()
        tutorial.train(network, 200, 0)
        errors[name] = tutorial.test(network)
    assert errors["plain U-Net"] > 0.22  # grey is 0.25
    assert errors["with both"] < 0.75 * errors["plain U-Net"]


def test_the_wider_unet_has_more_parameters_than_any_with_blocks(tutorial):
    counts = {
        n: sum(p.numel() for p in make().parameters()) for n, make in tutorial.NETWORKS.items()
    }
    assert max(counts, key=counts.get) == "plain U-Net, wider"
