import csv
import re
import shutil
from dataclasses import replace

import evaluate
import persons
import pytest
import torch
from options import PRESETS
from running import failure
from torch import nn

from graphgan.data import PreparedPictures
from graphgan.data._synthetic import drawn_people as held_out
from graphgan.training import RunFolder
from graphgan.training._resuming import write_options


@pytest.fixture
def run(run_of, weights, person_folder):
    usual = {"checkpoint": weights, "data": person_folder, "device": "cpu"}
    return lambda *more, **changes: run_of(evaluate, *more, **(usual | changes))


class Features(nn.Module):
    """Means of four strips: features, or logits of four classes."""

    def forward(self, x):
        return nn.functional.adaptive_avg_pool2d(x.float(), (4, 1)).flatten(1)[:, :4]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "features.pt2"
    example = torch.zeros(2, 3, 128, 64, dtype=torch.uint8)
    batch = torch.export.Dim.AUTO
    exported = torch.export.export(Features(), (example,), dynamic_shapes=({0: batch},))
    torch.export.save(exported, path)
    return path


def table(out):
    """Means of the rows by name."""
    rows = re.findall(r"^  (\S.*?\S)\s{2,}(.*)$", out, flags=re.MULTILINE)
    return {
        name: [float(x) for x in re.findall(r"(-?[\d.e-]+) \[", cells)] for name, cells in rows[:4]
    }


def test_every_pair_is_measured_whatever_the_batch(run, person_folder, tmp_path):
    whole = run("--out", tmp_path / "table.txt")
    assert (whole.status, whole.errors) == (0, [])
    pairs = PreparedPictures(person_folder, "test").listed_pairs()
    assert f"{len(pairs.source)} pairs of 2 people" in whole.out
    assert (tmp_path / "table.txt").read_text() == whole.out
    single = run("--batch-size", "1")
    for name, values in table(whole.out).items():
        assert values == pytest.approx(table(single.out)[name], rel=2e-3)
    assert list(table(whole.out)) == [*("BiGraphGAN", "source copied", "source bent", "mean image")]


@pytest.mark.unhooked  # it exports
def test_a_given_network_s_features_give_distance_and_score(run, program):
    out = run("--features", program, "--classifier", program).out
    assert re.search(r"Frechet distance of .*features\.pt2: [\d.]+", out)
    assert re.search(r"inception score of .*features\.pt2: [\d.]+ \+- ", out)


def write_rows(path, names, joints):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *(f"{a}{i}" for i in range(joints.shape[1]) for a in "xy")])
        for name, points in zip(names, joints, strict=True):
            writer.writerow([name, *("" if x != x else x for x in points.flatten().tolist())])


@pytest.fixture
def perfect(person_folder):
    """Names of the samples, and the joints that a perfect image would have."""
    test = PreparedPictures(person_folder, "test")
    pairs = test.listed_pairs()
    names = [f"{name}.png" for name in persons.sample_names(test, pairs)]
    return names, torch.stack([test[i].landmarks for i in pairs.source.tolist()])


def test_key_points_of_a_detector_give_pckh(run, perfect, tmp_path):
    names, joints = perfect
    write_rows(tmp_path / "found.csv", [*names, "stranger.png"], torch.cat([joints, joints[:1]]))
    out = run("--detected", tmp_path / "found.csv").out
    assert re.search(r"PCKh 1 \[1, 1\]; .*wrong: 0 of", out)
    assert "rows of other images: 1" in out


def test_pictures_without_a_row_count_as_wrong(run, perfect, tmp_path):
    names, joints = perfect
    write_rows(tmp_path / "found.csv", names[:1], joints[:1])
    out = run("--detected", tmp_path / "found.csv", "--count", 4).out
    assert "counted as wrong: 3 of 4" in out
    assert 0 < float(re.search(r"PCKh ([\d.]+)", out)[1]) < 1


@pytest.mark.unhooked  # its program is exported
def test_too_few_pairs_for_a_score_are_refused_before_the_work(run, program):
    line = failure(run("--classifier", program, "--count", "9"))
    assert "expected at least 10 pairs to measure, got 9" in line


def test_the_folder_of_a_run_knows_what_it_was_tested_on(run_of, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    options = replace(PRESETS["smoke"], size=(32, 16), people=2, images_per_person=2)
    folder = RunFolder.create(tmp_path / "run", write_options(options))
    folder.save(1, {}, lambda checkpoint: shutil.copy(weights, checkpoint))

    assert "16 pairs of 2 people" in run_of(evaluate, checkpoint=folder.path, device="cpu").out
    assert "expected --data with a weights file" in failure(run_of(evaluate, checkpoint=weights))


def test_training_pictures_are_not_passed_off_as_test_pictures(run, person_folder, tmp_path):
    data = shutil.copytree(person_folder, tmp_path / "data")
    pairs = (data / "pairs.csv").read_text().splitlines()
    (data / "pairs.csv").write_text("\n".join(p for p in pairs if "test" not in p[:4]) + "\n")
    manifest = (data / "manifest.csv").read_text()
    (data / "manifest.csv").write_text(manifest.replace(",test,", ",train,"))
    out = run("--count", 4, data=data).out
    assert "measured on training images, since no test images form pairs" in out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--features none.pt2", "none.pt2: no such file; expected a program of torch.export"),
        ("--count 0", "expected --batch-size and --count of at least 1"),
        ("--data none", "none: no such folder"),
        ("--joints coco-18", "--joints"),
    ],
)
def test_bad_input_is_one_line(run, flags, message):
    assert message in failure(run(*flags.split()))
