from pathlib import Path

import pytest

from graphgan.weights import SHIPPED, find_weights
from graphgan.weights._catalog import shipped_file
from graphgan.weights._finding import WEIGHTS, checkpoints_of


@pytest.fixture
def run(tmp_path):
    """A folder as a run leaves it, and what a killed one leaves beside."""
    for name in ("step-000009", "step-1000000", "step-999999", "step-2000000.bak", ".step-3.part"):
        (tmp_path / "run" / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / "run" / "checkpoints" / name / WEIGHTS).touch()
    return tmp_path / "run"


def test_checkpoints_follow_each_other_by_number(run):
    names = [path.name for path in checkpoints_of(run)]
    assert names == ["step-000009", "step-999999", "step-1000000"]


def test_a_file_a_run_and_one_of_its_checkpoints_are_found(run):
    newest = run / "checkpoints" / "step-1000000" / WEIGHTS
    for source in (newest, run, newest.parent, str(run)):
        assert find_weights(source) == newest


def test_a_string_is_the_shipped_name_and_a_path_the_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = shipped_file("people-128")
    assert find_weights("people-128") == find_weights(Path("people-128")) == shipped
    Path("people-128").touch()
    assert find_weights("people-128") == shipped
    assert find_weights(Path("people-128")) == Path("people-128")


@pytest.mark.parametrize(
    ("source", "network", "message"),
    [
        ("faces-128", "AnonyGAN", "for AnonyGAN: people-128; did you mean people-128?"),
        ("NOTHERE", "BiGraphGAN", "for BiGraphGAN: synthetic-persons"),
        ("centreface", None, f"{', '.join(w.name for w in SHIPPED)}; did you mean centerface?"),
        ("a/b.safetensors", "CIAGANGenerator", "no weights of CIAGANGenerator are shipped"),
    ],
)
def test_an_unknown_name_lists_the_known_ones_and_the_nearest(source, network, message):
    with pytest.raises(
        ValueError, match=f"found none at {source}, and no folder of a run"
    ) as error:
        find_weights(source, network=network)
    assert str(error.value).endswith(message)


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(ValueError, match=f"found none at {tmp_path / WEIGHTS}, and no checkpoint"):
        find_weights(tmp_path)
