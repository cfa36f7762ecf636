import torch

from graphgan.evaluation import ResultCache


def counting(calls, value=1.0):
    def compute():
        calls.append(value)
        return {"x": torch.full((3,), value)}

    return compute


def test_the_same_inputs_are_computed_once(tmp_path):
    calls = []
    for _ in range(3):
        cache = ResultCache(tmp_path / "cache")
        kept = cache.fetch("kind", ("tool 1", torch.arange(4)), counting(calls))
        assert torch.equal(kept["x"], torch.ones(3))
    assert len(calls) == 1


def test_other_inputs_are_computed_anew(tmp_path):
    calls = []
    cache = ResultCache(tmp_path)
    inputs = [
        ("tool 1", torch.arange(4)),
        ("tool 2", torch.arange(4)),
        ("tool 1", torch.arange(5)),
        ("tool 1", torch.arange(4).float()),
        ("tool 1", torch.arange(4).view(2, 2)),
        ("tool ", "1", torch.arange(4)),
    ]
    for parts in inputs:
        cache.fetch("kind", parts, counting(calls))
    cache.fetch("other kind", inputs[0], counting(calls))
    assert len(calls) == len(inputs) + 1


def test_a_damaged_file_is_computed_again(tmp_path):
    calls = []
    cache = ResultCache(tmp_path)
    cache.fetch("kind", ("a",), counting(calls))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:20])
    assert torch.equal(cache.fetch("kind", ("a",), counting(calls))["x"], torch.ones(3))
    assert len(calls) == 2
