"""The curves of a run's discriminators are drawn from its metrics."""

import sys
from pathlib import Path

from graphgan.data import read_image

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import draw_training_curves as curves


def write_metrics(folder: Path, count: int) -> Path:
    rows = [f"{20 * (i + 1)},{2 - 0.1 * i},{0.5 + 0.05 * i}" for i in range(count)]
    (folder / "metrics.csv").write_text("\n".join(["step,d_app,told_app", *rows]) + "\n")
    return folder


def test_a_picture_is_drawn_of_means_over_rows(tmp_path):
    run = write_metrics(tmp_path, 8)
    curves.main(curves.Options(run, out=tmp_path / "curves.png"))
    image = read_image(tmp_path / "curves.png")
    assert image.shape == (3, 300, 900) and image.float().std() > 1
    rows = [{"step": 20.0 * i, "d_app": float(i)} for i in range(1, 7)]
    assert curves.smoothed(rows, "d_app") == ([60.0, 80.0], [3.0, 4.0])
