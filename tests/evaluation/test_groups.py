import copy

import pytest
import torch

from graphgan.evaluation.evaluate import evaluate
from graphgan.evaluation.examiner import Examiner
from graphgan.evaluation.groups import probe_groups
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
    named = {name.split(" (")[0].partition(": ")[2]: members for name, members in groups.items()}
    assert torch.equal(named["turned"], first) and torch.equal(named["from the front"], ~first)
    assert torch.equal(named["small"], first) and torch.equal(named["large"], ~first)
    assert not (named["dark"] & named["bright"]).any()


def test_a_group_is_measured_as_if_there_were_no_others(varied):
    half = len(varied.trials.probes) // 2
    first = torch.arange(2 * half) < half
    groups = {"half: first": first, "half: both": torch.ones_like(first)}
    found = evaluate(varied, [Original()], groups=groups)
    own, whole = found.groups["original"], found.rows["original"]
    assert own["half: first"]["detected by colors"].count == half
    asked = int((varied.asked & first).sum())
    assert 0 < own["half: first"]["color, pipeline: rank-1"].count == asked < half
    assert own["half: first"]["color, pipeline: pairs AUC"].count < 3000
    for name, cell in own["half: both"].items():
        assert cell == whole[name]
    assert set(whole) - set(own["half: both"]) == {"FD-color", "FD-lite2", "KID-lite2"}  # of sets


def test_a_group_without_a_result_says_so(varied):
    class Half(Original):
        def __call__(self, request):
            made = request.source.clone()
            made[:12] = torch.nan
            return made

    first = torch.arange(24) < 12
    own = evaluate(varied, [Half()], groups={"half: first": first}).groups["original"]
    why = "not measured (no result with all landmarks to ask about)"
    assert own["half: first"]["color, pipeline: rank-1"].note == why
    note = "not measured (no pair of one person in two videos)"
    assert own["half: first"]["color, pipeline: pairs AUC"].note == note
    assert all(cell.note for cell in own["half: first"].values())


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
