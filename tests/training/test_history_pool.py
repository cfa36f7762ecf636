import pytest
import torch

from graphgan.training import HistoryPool


def numbered(*numbers):
    return torch.tensor(numbers, dtype=torch.float32)[:, None]


def test_then_half_are_old_and_each_is_seen_once_again():
    torch.manual_seed(0)
    pool, seen = HistoryPool(10), []
    for i in range(0, 4000, 4):
        seen.extend(pool(numbered(i, i + 1, i + 2, i + 3)).flatten().tolist())
    old = [number < 4 * (place // 4) for place, number in enumerate(seen)]
    assert 0.45 < sum(old) / len(old) < 0.55
    counts = torch.tensor(seen[10:]).unique(return_counts=True)[1]
    assert counts.max() == 1
    assert len({int(x) for x in pool.kept}) == 10


def test_what_is_kept_is_a_copy_without_gradient():
    pool, weights = HistoryPool(2), torch.ones(2, 1, requires_grad=True)
    items = 2 * weights
    assert not pool(items).requires_grad
    with torch.no_grad():
        items.zero_()
    assert [x.item() for x in pool.kept] == [2, 2]


def test_a_resumed_pool_goes_on_as_the_first_would_have():
    pool, again = HistoryPool(3), HistoryPool(3)
    pool(numbered(1, 2, 3))
    again.load_state_dict(pool.state_dict())
    results = []
    for one in (pool, again):
        torch.manual_seed(5)
        results.append(one(numbered(4, 5, 6, 7)))
    assert torch.equal(*results)
    assert torch.equal(torch.stack(pool.kept), torch.stack(again.kept))


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="size of at least 0, got -1"):
        HistoryPool(-1)
    with pytest.raises(ValueError, match="expected at most 1 items, got 2"):
        HistoryPool(1).load_state_dict({"kept": [torch.zeros(1)] * 2})
