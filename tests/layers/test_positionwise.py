import pytest
import torch

from graphgan.layers._aggregation import PositionwiseUpdate


def maps(size: tuple[int, int] = (3, 5)) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, 4, *size).double() for _ in range(2)]


@pytest.mark.parametrize("training", [True, False])
def test_agrees_with_the_formula(training):
    module = PositionwiseUpdate(4, 6).double().train(training)
    given = maps()
    for x, y, (state, _, extend, norm) in zip(given, module(*given), module.update, strict=True):
        hidden = torch.einsum("oc,bchw->bohw", state.weight[:, :, 0, 0], x)
        hidden = (hidden + state.bias[:, None, None]).relu()
        update = norm(torch.einsum("oc,bchw->bohw", extend.weight[:, :, 0, 0], hidden))
        torch.testing.assert_close(y, x + update)


def test_neither_another_position_nor_the_other_map_is_seen():
    module, (x_1, x_2) = PositionwiseUpdate(4, 6).double().eval(), maps()
    before = module(x_1, x_2)
    changed = x_1.clone()
    changed[:, :, 1, 2] += 1
    after = module(changed, x_2)
    assert torch.equal(after[1], before[1])
    differs = (after[0] != before[0]).any(1)
    assert differs[:, 1, 2].all()
    assert differs.sum() == 2  # once in each item
