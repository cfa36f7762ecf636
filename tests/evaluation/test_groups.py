import copy

import pytest
import torch

from graphgan.evaluation.evaluate import evaluate
from graphgan.evaluation.examiner import Examiner
from graphgan.evaluation.groups import measure_groups, probe_groups
from graphgan.evaluation.study import Study
from graphgan.evaluation.systems import Original
from graphgan.landmarks.align import Crop


@pytest.fixture
def varied(study, tools):
    """The first half of the probes turned, the second large."""
    pictures = copy.copy(study.pictures)
    rows = list(pictures.pictures)
    half = len(study.trials.probes) // 2
    for place, i in enumerate(study.trials.probes):
        points = rows[i].landmarks.clone()
        middle = (points[0] + points[16]) / 2
        shift = 0.3 if place < half else 0.02
        points[30] = middle + (shift + 0.001 * place) * (points[16] - points[0])
        side = 64.0 if place < half else 200.0
        rows[i] = rows[i]._replace(landmarks=points, crop=Crop(0.0, 0.0, side + place, side))
    pictures.pictures = rows
    return Study(pictures, study.trials, Examiner(tools))


def test_halves_are_told_by_pose_size_and_light(varied):
    groups = probe_groups(varied)
    half = len(varied.trials.probes) // 2
    first = torch.arange(2 * half) < half
    named = {name.split(" (")[0]: members for name, members in groups.items()}
    assert torch.equal(named["turned"], first) and torch.equal(named["from the front"], ~first)
    assert torch.equal(named["small"], first) and torch.equal(named["large"], ~first)
    assert not (named["dark"] & named["bright"]).any()


def test_a_group_is_measured_as_if_there_were_no_others(varied):
    half = len(varied.trials.probes) // 2
    first = torch.arange(2 * half) < half
    own = measure_groups(varied, Original(), {"first": first, "all": torch.ones_like(first)})
    assert own["first"]["detected by colours"].count == half
    assert own["first"]["colour, pipeline: rank-1"].count == half
    whole = evaluate(varied, [Original()]).rows["original"]
    for name, cell in own["all"].items():
        assert cell == whole[name]


def test_probes_that_are_all_alike_make_no_groups(study, tools):
    pictures = copy.copy(study.pictures)
    same = pictures.pictures[study.trials.probes[0]]
    rows = list(pictures.pictures)
    for i in study.trials.probes:
        rows[i] = rows[i]._replace(landmarks=same.landmarks, crop=same.crop)
    pictures.pictures = rows
    names = probe_groups(Study(pictures, study.trials, Examiner(tools)))
    assert not any("turned" in name or "large" in name for name in names)


def test_a_missing_landmark_leaves_a_probe_out_of_pose_and_light(varied):
    rows = list(varied.pictures.pictures)
    first = varied.trials.probes[0]
    rows[first] = rows[first]._replace(landmarks=torch.full((68, 2), torch.nan))
    varied.pictures.pictures = rows
    for name, members in probe_groups(varied).items():
        assert not members[0] or "crop" in name


def test_the_report_shows_them(varied, tmp_path):
    from graphgan.evaluation.report import tables

    found = evaluate(varied, [Original()], by_group=True)
    assert set(found.groups) == {"original"}
    text = "\n".join(tables(found))
    assert "## By group" in text and "| turned (more) |" in text
    assert "## By group" not in "\n".join(tables(evaluate(varied, [Original()])))
