"""Tables, plots and exponents say what was measured."""

import json
import math

import pytest


@pytest.fixture(scope="module")
def timing(benchmark_modules):
    return benchmark_modules["timing"]


@pytest.fixture(scope="module")
def machine(benchmark_modules):
    rates = {"fp32": 1e9, "bf16": 4e9}
    return benchmark_modules["machine"].Machine("chip", 2, "2.13", "3.11", "abc", rates, 1e9)


def test_a_power_is_fitted_to_the_larger_half(benchmark_modules):
    exponent = benchmark_modules["scaling"].exponent
    assert exponent([1, 2, 4, 8], [5.0, 9.0, 3 * 4**1.5, 3 * 8**1.5]) == pytest.approx(1.5)


def test_the_floor_is_the_larger_time(timing, machine):
    assert timing.floor_seconds(machine, 2e9, 1e9) == 2
    assert timing.floor_seconds(machine, 1e9, 3e9) == 3
    assert timing.floor_seconds(machine, 2e9, precision="bf16") == 0.5


def test_a_slow_reference_is_refused(timing, machine):
    assert timing.check_reference(machine, 1e9, 1.5, "stem") == pytest.approx(2 / 3)
    with pytest.raises(timing.SlowReferenceError, match="stem: the reference reaches 50%"):
        timing.check_reference(machine, 1e9, 2.0, "stem")


def test_tables_and_plots(benchmark_modules, timing, machine, tmp_path):
    write = benchmark_modules["run"].write
    rows = [timing.Row("128", 2.0, 0.5, 4.0, 0.4, 0.8, "", (3 * 2**20, 2**20))]
    growth = timing.Growth("pixels", [1, 2], [0.1, 0.2], [10.0, 20.0], 1.0, 1.0)
    grown = [timing.Row("pixels", math.nan, 0.2, math.nan, growth=growth)]
    write(tmp_path, machine, {"generator": rows, "scaling": grown}, [])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"benchmarks.md", "benchmarks.json", "ratios.png", "growth.png"}
    table = (tmp_path / "benchmarks.md").read_text()
    line = "| 128 | 2 s | 500 ms | 4.00 | 400 ms | 1.25 | 80 % | 3 -> 1 MiB (0.33x) |  |"
    assert line in table.splitlines()
    content = json.loads((tmp_path / "benchmarks.json").read_text())
    assert content["tables"]["scaling"][0]["growth"]["seconds"] == [0.1, 0.2]
    assert content["machine"]["matrix_rate"]["bf16"] == 4e9

    write(tmp_path, machine, {"generator": rows}, [])
    assert not (tmp_path / "growth.png").exists()
