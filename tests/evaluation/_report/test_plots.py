import pytest
import torch
from PIL import Image

from graphgan.evaluation import Evaluation, Measurement
from graphgan.evaluation._measurements import not_measured
from graphgan.evaluation._report.plots import draw_privacy_against_utility, draw_roc

RANK = Measurement(0.5, 0.4, 0.6)


def evaluation(count: int, **changes) -> Evaluation:
    row = {"pose error": Measurement(0.05, 0.04, 0.06), "dlib, pipeline: rank-1": RANK} | changes
    curve = (torch.tensor([0.0, 0.1, 1.0]), torch.tensor([0.3, 0.8, 1.0]))
    names = [f"system {i}" for i in range(count)]
    return Evaluation(
        {name: row for name in names}, {"pipeline": {n: curve for n in names}, "pose known": {}}, {}
    )


def ink(path) -> int:
    """Pixels that are not gray."""
    colors = Image.open(path).convert("RGB").getcolors(maxcolors=1 << 24)
    return sum(n for n, (r, g, b) in colors if max(r, g, b) - min(r, g, b) > 40)


@pytest.mark.parametrize("draw", [draw_privacy_against_utility, draw_roc])
def test_more_systems_are_more_ink(tmp_path, draw):
    for count in (2, 9):
        assert draw(evaluation(count), tmp_path / f"{count}.png")
    assert ink(tmp_path / "9.png") > ink(tmp_path / "2.png") > 0


def test_a_system_without_a_face_is_drawn_at_the_edge(tmp_path):
    unseen = {"pose error": not_measured("no face is detected")}
    assert draw_privacy_against_utility(evaluation(2, **unseen), tmp_path / "plot.png")
    assert ink(tmp_path / "plot.png") > 0


@pytest.mark.parametrize("draw", [draw_privacy_against_utility, draw_roc])
def test_where_nobody_can_be_recognized_nothing_is_drawn(tmp_path, draw):
    nobody = Evaluation({"original": {}}, {"pipeline": {}, "pose known": {}}, {})
    assert not draw(nobody, tmp_path / "plot.png")
    assert not (tmp_path / "plot.png").exists()
