"""What the table of import times counts; the seconds themselves are no matter of tests."""

from collections import Counter

import pytest

LOG = """import time: self [us] | cumulative | imported package
import time:       500 |        500 |   zipimport
import time:      1000 |       1000 |   torch._C
import time:    200000 |     300000 | torch
import time:    150000 |     150000 |     kornia.filters
import time:     50000 |     200000 |   kornia
import time:     10000 |     210000 | graphgan.layers
other words on stderr
"""


def test_what_torch_needs_itself_is_not_counted(benchmark_modules):
    torch, beyond = benchmark_modules["import_time"].read_log(LOG)
    assert torch == 0.3
    assert beyond == {"kornia": pytest.approx(0.2), "graphgan": pytest.approx(0.01)}


def test_the_table_and_its_verdict(benchmark_modules, monkeypatch, capsys):
    module = benchmark_modules["import_time"]
    seconds = {"a": 0.5, "b": 1.75}
    monkeypatch.setattr(
        module, "import_log", lambda room: module.Log(3.0, Counter(kornia=seconds[room]))
    )
    assert module.main(module.Options(rooms=("a",))) == 0
    assert "| a | 0.50 s | 0.50 s | kornia 0.50 s |" in capsys.readouterr().out
    assert module.main(module.Options(rooms=("a", "b"))) == 1
    assert "target: 1.5 s; missed" in capsys.readouterr().out
    with pytest.raises(ValueError, match="repeats of at least 1, got 0"):
        module.Options(repeats=0)
