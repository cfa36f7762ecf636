from dataclasses import replace

import pytest
import torch
from colored_faces import ColorRecognizer, Gray, color_of, colored_folder, open_folder

from graphgan.data._tables import write_table
from graphgan.evaluation import Original, Study, ToolRunner, draw_protocol, evaluate
from graphgan.evaluation._measures.folds import measure_classes_in_folds, read_fold_pairs
from graphgan.evaluation._study import Subject

COLUMNS = ("fold", "same", "image_a", "image_b")


@pytest.fixture
def listed(tmp_path):
    """Two folds, each of two pairs of one person and two pairs of two."""
    root = colored_folder(tmp_path, people=4, videos=2, frames=2, test_people=2)
    pictures = open_folder(root)
    of = {p: [r.image for r in pictures.pictures if r.person == f"p{p}"] for p in range(4)}
    rows = []
    for fold in (0, 1):
        one, two = 2 * fold, 2 * fold + 1
        rows += [(fold, 1, of[one][0], of[one][2]), (fold, 1, of[two][0], of[two][3])]
        rows += [(fold, 0, of[one][0], of[two][2]), (fold, 0, of[two][1], of[one][2])]
    write_table(root / "pairs.csv", COLUMNS, rows)
    return pictures


def test_pairs_are_verified_in_their_folds(listed, tools):
    pairs = read_fold_pairs(listed.root, listed.pictures)
    probes = sorted({pair.a for pair in pairs})
    protocol = draw_protocol(listed.pictures, split="all", probes=probes)
    rows = evaluate(Study(listed, protocol, ToolRunner(tools)), [Original(), Gray()]).rows
    same, different = (
        f"color, pose known, pairs in folds: {who} verified"
        for who in ("same person", "different people")
    )
    assert rows["original"][same].value == 1
    assert rows["original"][different].value == 0
    assert rows["original"][same].note == "mean of folds 100.00, standard deviation 0.00"
    assert rows["original"]["color, pipeline, pairs in folds: accuracy"].value == 1
    assert rows["gray"][same].value == 0
    # All distances are alike: all pairs of a fold are judged alike, and half of them rightly.
    assert rows["gray"]["color, pose known, pairs in folds: accuracy"].value == 0.5


class NamesPeople(ColorRecognizer):
    """A `NamingRecognizer`: a class is a person's color."""

    has_classes = True

    def logits(self, image, landmarks):
        colors = torch.stack([color_of(person) for person in range(4)]) / 255
        return -torch.cdist(self(image, landmarks), colors)


class HidesOne:
    """The condition for one person, the source for the others."""

    name, uses_conditions, fingerprint = "hides p1", True, "1"

    def __call__(self, request):
        hidden = torch.tensor([picture.person == "p1" for picture in request.pictures])
        return torch.where(hidden[:, None, None, None], request.condition, request.source)


def test_the_published_score_has_a_mean_and_a_deviation_over_folds(listed, tools):
    pairs = read_fold_pairs(listed.root, listed.pictures)
    protocol = draw_protocol(
        listed.pictures, split="all", probes=sorted({pair.a for pair in pairs})
    )
    names, nameless = NamesPeople(), ColorRecognizer()
    study = Study(listed, protocol, ToolRunner(replace(tools, recognizers=[names])))
    cells = measure_classes_in_folds(Subject(study, HidesOne()), names)
    cell = cells["color, pairs in folds: same class"]
    # In the first fold two of four are p1's, in the second none: 0.5 and 1.
    assert (cell.value, cell.note) == (0.75, "mean of folds 75.00, standard deviation 35.36")
    assert measure_classes_in_folds(Subject(study, HidesOne()), nameless) == {}


def test_pairs_to_learn_from_are_no_folds(listed):
    write_table(listed.root / "pairs.csv", ("split", "from", "to"), [])
    assert read_fold_pairs(listed.root, listed.pictures) == []


def test_a_folder_without_pairs_has_none(pictures):
    assert read_fold_pairs(pictures.root, pictures.pictures) == []


def test_a_pair_of_unknown_pictures_is_named_by_line(listed):
    write_table(listed.root / "pairs.csv", COLUMNS, [(0, 1, "x", "y")])
    with pytest.raises(ValueError, match=r"pairs.csv: line 2: expected a fold"):
        read_fold_pairs(listed.root, listed.pictures)
