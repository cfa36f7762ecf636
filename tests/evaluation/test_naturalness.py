"""Distances to real pictures."""

import pytest
import torch
from coloured_faces import (
    Grey,
)

from graphgan.evaluation.evaluate import evaluate
from graphgan.evaluation.examiner import Examiner
from graphgan.evaluation.study import Settings, Study
from graphgan.evaluation.systems import Original
from graphgan.evaluation.trials import make_trials


def test_naturalness_without_weights_says_so(evaluation):
    for system in evaluation.rows:
        assert evaluation.rows[system]["FID"].note == "not measured (weights missing)"


def test_the_frechet_distance_grows_with_what_is_lost(value):
    distances = {s: value(s, "FD-colour") for s in ("original", "grey", "shifted")}
    assert distances["original"] == pytest.approx(distances["shifted"], abs=1e-6)
    assert distances["grey"] > 5 * distances["original"]


def test_fid_and_kid_are_of_the_features_given(pictures, tools):
    study = Study(pictures, make_trials(pictures.pictures), Examiner(tools), Settings())

    class Means(torch.nn.Module):
        def forward(self, images):
            return images.float().mean((2, 3))

    evaluation = evaluate(study, [Original(), Grey()], features=Means())
    rows = evaluation.rows
    assert rows["grey"]["FID"].value > rows["original"]["FID"].value
    assert rows["grey"]["FID"].count == 12
    assert any("FID and KID of 12 pictures on each side" in line for line in evaluation.warnings)


def test_a_frechet_distance_of_fewer_pictures_than_features_is_refused(pictures, tools):
    study = Study(pictures, make_trials(pictures.pictures), Examiner(tools), Settings())

    class Corner(torch.nn.Module):
        def forward(self, images):
            return images[:, :, :2, :2].float().flatten(1)  # twelve numbers, of twelve pictures

    row = evaluate(study, [Grey()], features=Corner()).rows["grey"]
    assert "expected more than d = 12 pictures" in row["FID"].note
    assert row["KID"].value is not None
