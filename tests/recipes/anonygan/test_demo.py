import json

import demo
import pytest
import torch

from graphgan.commands import run_command
from graphgan.data import read_image, write_image
from graphgan.faces import FaceFinder


def run(out, *more):
    with pytest.raises(SystemExit) as exit_:
        run_command(demo.main, demo.Options, ["--out", str(out), *more])
    return exit_.value.code


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    assert run(out) == 0
    return out


@pytest.mark.slow
def test_the_astronaut_becomes_somebody_else_in_the_same_pose(shown):
    (face,) = json.loads((shown / "metrics.json").read_text())
    assert face["shown by"] == "people"
    assert face["found again"] and face["pose error / eye distance"] < 0.1
    assert face["descriptor distance"] > face["same person below"] == 0.6


@pytest.mark.slow
def test_nothing_but_the_face_changes(shown):
    before, after = (read_image(shown / f"{name}.png") for name in ("before", "after"))
    assert torch.equal(before, read_image(demo.PORTRAIT))
    changed = (before != after).any(0)
    assert 0.01 < changed.float().mean() < 0.1
    both = read_image(shown / "both.png")
    assert both.shape[2] > 2 * before.shape[2]


@pytest.mark.slow
def test_every_one_of_many_heads_becomes_somebody_else(shown):
    many = read_image(shown / "many.png")
    heads, made = (part[:, :-2] for part in many[:, 2:].chunk(2, 1))
    faces = FaceFinder()(heads)
    assert len(faces) == 8
    for face in faces:
        left, top, right, bottom = face.box.round().int().tolist()
        changed = (heads != made)[:, top:bottom, left:right].any(0)
        assert changed.float().mean() > 0.5


def test_a_photo_without_a_face_leaves_nothing(tmp_path, capsys):
    write_image(tmp_path / "gray.png", torch.full((3, 80, 80), 128, dtype=torch.uint8))
    assert run(tmp_path / "out", "--photo", str(tmp_path / "gray.png")) == 2
    assert capsys.readouterr().err.endswith("gray.png: no face found\n")
    assert not (tmp_path / "out").exists()
