import pytest
import torch

from graphgan.evaluation import Measurement
from graphgan.evaluation._measurements import mean_measurement, not_measured


def test_a_cell_shows_value_and_interval():
    cell = Measurement(0.8184, 0.7629, 0.8694)
    assert cell.text(percent=True) == "81.8 [76.3, 86.9]"
    assert Measurement(0.04451, 0.0412, 0.0479).text() == "0.0445 [0.0412, 0.0479]"
    assert Measurement(0.5).text() == "0.5"
    assert not_measured("weights missing").text() == "not measured (weights missing)"
    assert Measurement().text() == "-"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_cell_never_holds_what_is_no_number(value):
    with pytest.raises(ValueError, match="expected finite numbers"):
        Measurement(value)


def test_a_mean_leaves_out_what_is_missing_and_says_how_many_are_left():
    values = torch.tensor([1.0, torch.nan, 0.0, 0.5])
    cell = mean_measurement(values, torch.tensor([0, 0, 1, 2]), note="1 not detected")
    assert (cell.value, cell.count, cell.note) == (0.5, 3, "1 not detected")
    assert cell.low is not None and cell.low <= 0.5 <= cell.high


def test_nothing_at_all_is_not_measured():
    cell = mean_measurement(
        torch.tensor([torch.nan]), torch.tensor([0]), empty="no face is detected"
    )
    assert cell == not_measured("no face is detected")
