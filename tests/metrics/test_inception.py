import importlib.util

import pytest

from graphgan.extras import MissingExtraError
from graphgan.metrics.inception import torchmetrics_inception


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.pth: no such file"):
        torchmetrics_inception(tmp_path / "nowhere.pth")


def test_it_says_what_is_not_installed_or_that_weights_are_none(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"nothing")
    there = importlib.util.find_spec("torch_fidelity") is not None
    error = ValueError if there else MissingExtraError
    with pytest.raises(error, match="weights of Inception" if there else "takes torch-fidelity"):
        torchmetrics_inception(tmp_path / "weights.pth")
