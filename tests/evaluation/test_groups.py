import copy

import pytest
import torch

from graphgan.evaluation import Original, Study, ToolRunner, evaluate, probe_groups, read_groups
from graphgan.landmarks import Crop


@pytest.fixture
def varied(study, tools):
    """The first half of the probes turned, the second large."""
    pictures = copy.copy(study.pictures)
    rows = list(pictures.pictures)
    half = len(study.protocol.probes) // 2
    for place, i in enumerate(study.protocol.probes):
        points = rows[i].landmarks.clone()
        middle = (points[0] + points[16]) / 2
        shift = 0.3 if place < half else 0.02
        points[30] = middle + (shift + 0.001 * place) * (points[16] - points[0])
        side = 64.0 if place < half else 200.0
        rows[i] = rows[i]._replace(landmarks=points, crop=Crop(0.0, 0.0, side + place, side))
    pictures.pictures = rows
    return Study(pictures, study.protocol, ToolRunner(tools))


def test_halves_are_told_by_pose_size_and_light(varied):
    groups = probe_groups(varied)
    half = len(varied.protocol.probes) // 2
    first = torch.arange(2 * half) < half
    named = {name.split(" (")[0].partition(": ")[2]: members for name, members in groups.items()}
    assert torch.equal(named["turned"], first) and torch.equal(named["from the front"], ~first)
    assert torch.equal(named["small"], first) and torch.equal(named["large"], ~first)
    assert not (named["dark"] & named["bright"]).any()


def test_a_group_is_measured_as_if_there_were_no_others(varied):
    half = len(varied.protocol.probes) // 2
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
    why = "not measured (no result with all landmarks)"
    assert own["half: first"]["color, pipeline: rank-1"].note == why
    note = "not measured (no pair of one person in two videos)"
    assert own["half: first"]["color, pipeline: pairs AUC"].note == note
    assert all(cell.note for cell in own["half: first"].values())


@pytest.fixture
def probes(pictures):
    """36 pictures of six people."""
    return pictures.pictures


def write(path, header, rows):
    path.write_text("\n".join([header, *rows, ""]))
    return path


@pytest.fixture
def few(monkeypatch):
    """There are six people here: groups of two will do."""
    monkeypatch.setattr("graphgan.evaluation._groups._LEAST_PEOPLE", 2)


def test_words_are_groups_and_numbers_are_thirds(probes, tmp_path, few):
    rows = [f"p{i},{20 + 10 * i},{'female' if i % 2 else 'male'}" for i in range(6)]
    path = write(tmp_path / "people.csv", "person,age,sex", rows)
    groups, remarks = read_groups(path, probes)
    assert remarks == []
    assert list(groups) == [
        *("age: below 40", "age: 40 to below 60", "age: 60 or more"),
        *("sex: female", "sex: male"),
    ]
    people = torch.tensor([int(picture.person[1]) for picture in probes])
    assert torch.equal(groups["sex: female"], people % 2 == 1)
    assert torch.equal(groups["age: 40 to below 60"], (people == 2) | (people == 3))


def test_values_of_few_people_are_no_groups_and_counted(probes, tmp_path):
    path = write(
        tmp_path / "x.csv", "person,tone", ["p0,dark", *(f"p{i},light" for i in range(1, 6))]
    )
    groups, remarks = read_groups(path, probes)
    assert list(groups) == ["tone: light"]
    assert remarks == ["groups: 1 values of tone have fewer than 5 people and are left out"]


def test_groups_are_measured(study, tmp_path, few):
    path = write(tmp_path / "x.csv", "person,tone", ["p2,dark", "p3,dark", "p4,light", "p5,light"])
    probes = [study.pictures.pictures[i] for i in study.protocol.probes]
    found = evaluate(study, [Original()], groups=read_groups(path, probes)[0]).groups["original"]
    for name in ("tone: dark", "tone: light"):
        assert found[name]["detected by colors"].count == 12
        assert found[name]["color, pipeline: rank-1"].count == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,sex\na,b\n", "expected a column image or person and others"),
        ("image\na\n", "expected a column image or person and others"),
        (
            "person,sex\nnobody,male\n",
            "expected lines for the probes, such as person p0, got nobody",
        ),
        ("person,sex\np0\n", "line 2: expected 2 values, got 1"),
        ("person,sex\n", "got no line"),
    ],
)
def test_a_file_of_something_else_is_refused(probes, tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_groups(tmp_path / "x.csv", probes)
