import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.metrics import bootstrap_mean, mean_over_people, rate_over_people
from graphgan.metrics._intervals import correlation_over_people


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_the_interval_is_around_values_that_were_measured(values):
    interval = bootstrap_mean(values, draws=50)
    assert interval.mean == pytest.approx(np.mean(values))
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert min(values) - slack <= interval.low <= interval.high <= max(values) + slack


def test_its_width_is_that_of_the_normal_approximation():
    values = np.random.default_rng(1).normal(3, 2, 400)
    interval = bootstrap_mean(values)
    expected = 2 * 1.96 * values.std() / math.sqrt(400)
    assert interval.high - interval.low == pytest.approx(expected, rel=0.1)
    assert (interval.low + interval.high) / 2 == pytest.approx(interval.mean, abs=0.05)


def test_it_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    intervals = [bootstrap_mean(rng.exponential(1, 80), draws=300) for _ in range(200)]
    held = np.mean([i.low <= 1 <= i.high for i in intervals])
    assert 0.88 < held < 0.99


def test_values_of_one_group_are_drawn_together():
    rng = np.random.default_rng(3)
    per_person = rng.normal(0, 1, 20)
    values, groups = np.repeat(per_person, 30), np.repeat(np.arange(20), 30)
    alone, together = bootstrap_mean(values), bootstrap_mean(values, groups)
    assert alone.mean == together.mean
    # 30 images of a person that all say the same say it once.
    few = bootstrap_mean(per_person)
    assert together.high - together.low == pytest.approx(few.high - few.low, rel=0.05)
    assert together.high - together.low > 4 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        ([], None, "finite values"),
        ([1.0, math.nan], None, "finite values"),
        ([1.0, math.inf], None, "finite values"),
        ([1.0, 2.0], [0], "a group for each of 2 values, got 1"),
    ],
)
def test_refuses_what_has_no_mean(values, groups, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_mean(values, groups)


def test_what_was_not_found_is_left_out():
    values, people = torch.tensor([1.0, torch.nan, 3.0, 5.0]), torch.tensor([0, 0, 0, 1])
    expected = bootstrap_mean([1.0, 3.0, 5.0], [0, 0, 1])
    assert mean_over_people(values, people) == expected


def test_infinite_values_are_refused_and_not_left_out():
    with pytest.raises(ValueError, match="expected finite values"):
        mean_over_people(torch.tensor([1.0, torch.inf]), torch.tensor([0, 1]))


# rate_over_people


@pytest.mark.parametrize("people", [1, 5, 200])
def test_a_rate_of_nobody_is_bounded_by_the_number_of_people(people):
    groups = torch.arange(people).repeat(3)
    nobody = rate_over_people(torch.zeros(3 * people), groups)
    assert (nobody.mean, nobody.low) == (0, 0)
    # So many people would all be missed in 2.5 % of cases at the bound.
    assert (1 - nobody.high) ** people == pytest.approx(0.025)
    everybody = rate_over_people(torch.ones(3 * people), groups)
    assert everybody == pytest.approx((1, 1 - nobody.high, 1))


def test_a_correlation_is_pearson_s_and_its_interval_is_drawn_over_people():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(300, generator=rng)
    y = 0.6 * x + 0.8 * torch.randn(300, generator=rng)
    people = torch.arange(300) // 3
    interval = correlation_over_people(x, y, people)
    assert interval.mean == pytest.approx(
        float(torch.corrcoef(torch.stack([x, y]))[0, 1]), abs=1e-6
    )
    # Fisher's interval of 300 independent pairs; people whose samples are independent are no fewer.
    z, reach = math.atanh(interval.mean), 1.96 / math.sqrt(297)
    assert interval.low == pytest.approx(math.tanh(z - reach), abs=0.03)
    assert interval.high == pytest.approx(math.tanh(z + reach), abs=0.03)
    x[5], y[7] = math.nan, math.nan
    kept = torch.tensor([i not in (5, 7) for i in range(300)])
    assert correlation_over_people(x, y, people) == correlation_over_people(
        x[kept], y[kept], people[kept]
    )
