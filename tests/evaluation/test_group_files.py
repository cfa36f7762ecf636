import pytest
import torch

from graphgan.evaluation.evaluate import evaluate
from graphgan.evaluation.group_files import parse_bins, read_groups
from graphgan.evaluation.systems import Original


@pytest.fixture
def probes(pictures):
    """36 images of six people."""
    return pictures.pictures


def write(path, header, rows):
    path.write_text("\n".join([header, *rows, ""]))
    return path


@pytest.fixture
def few(monkeypatch):
    """There are six people here: groups of two will do."""
    monkeypatch.setattr("graphgan.evaluation.group_files._LEAST_PEOPLE", 2)


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


def test_numbers_may_be_cut_elsewhere(probes, tmp_path, few):
    path = write(tmp_path / "people.csv", "person,age", [f"p{i},{20 + 10 * i}" for i in range(6)])
    groups, _ = read_groups(path, probes, bins=parse_bins(["age=40"]))
    assert [int(members.sum()) for members in groups.values()] == [12, 24]
    with pytest.raises(ValueError, match="expected bins of a column among age, got 'size'"):
        read_groups(path, probes, bins={"size": (1.0,)})


def test_pictures_are_named_by_path_or_photo(probes, tmp_path, few):
    names = [probes[0].image, probes[7].source, probes[14].name, probes[21].source[:-4]]
    path = write(tmp_path / "x.csv", "image,glasses", [f"{name},yes" for name in names])
    groups, remarks = read_groups(path, probes)
    assert torch.nonzero(groups["glasses: yes"]).flatten().tolist() == [0, 7, 14, 21]
    assert remarks == ["groups: 32 of 36 probes have no glasses"]


def test_values_of_few_people_are_no_groups_and_counted(probes, tmp_path):
    path = write(
        tmp_path / "x.csv", "person,tone", ["p0,dark", *(f"p{i},light" for i in range(1, 6))]
    )
    groups, remarks = read_groups(path, probes)
    assert list(groups) == ["tone: light"]
    assert remarks == ["groups: 1 values of tone stand for fewer than 5 people: they are no groups"]


def test_groups_are_measured(study, tmp_path, few):
    path = write(tmp_path / "x.csv", "person,tone", ["p2,dark", "p3,dark", "p4,light", "p5,light"])
    probes = [study.pictures.pictures[i] for i in study.trials.probes]
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


def test_a_missing_file_is_refused(probes, tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        read_groups(tmp_path / "x.csv", probes)


def test_bins_of_words_are_refused(probes, tmp_path):
    path = write(tmp_path / "x.csv", "person,sex", ["p0,male"])
    with pytest.raises(ValueError, match="expected numbers in the column sex"):
        read_groups(path, probes, bins={"sex": (1.0,)})


@pytest.mark.parametrize("text", ["age", "age=", "age=x", "=3", "age=50,30", "age=30,30"])
def test_bins_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match="expected bins such as age=30,50"):
        parse_bins([text])
