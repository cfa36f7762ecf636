from pathlib import Path

import pytest
from help_texts import without_help

from graphgan.training import OptimizerOptions, RunOptions


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (OptimizerOptions, {"lr_g": 0.0}, "lr_g between 0 and 1, got 0.0"),
        (OptimizerOptions, {"lr_d": float("nan")}, "lr_d between 0 and 1, got nan"),
        (OptimizerOptions, {"beta1": 1.0}, "beta1 from 0 to below 1, got 1.0"),
        (OptimizerOptions, {"ema": -0.1}, "ema from 0 to below 1, got -0.1"),
        (OptimizerOptions, {"decay": 1.5}, "decay from 0 to 1, got 1.5"),
        (RunOptions, {"devices": 0}, "--devices of at least 1, got 0"),
        (RunOptions, {"workers": -1}, "--workers of at least 0, got -1"),
        (RunOptions, {"seed": -1}, r"--seed from 0 to below 2\^32, got -1"),
        (RunOptions, {"seed": 2**32}, "--seed from 0"),
        (RunOptions, {"more": 5}, "--more together with --resume"),
        (RunOptions, {"resume": Path("a"), "more": 0}, "--more of at least 1, got 0"),
        (RunOptions, {"resume": Path("a"), "out": Path("b")}, "--resume or --out, got both"),
    ],
)
def test_values_out_of_range_are_named(kind, values, message):
    with pytest.raises(ValueError, match=message):
        kind(**values)


@pytest.mark.parametrize("kind", [OptimizerOptions, RunOptions])
def test_every_option_has_a_help_text(kind):
    assert without_help(kind) == []
