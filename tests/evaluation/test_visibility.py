"""Told from real: where every number can be worked out."""

import torch
from colored_faces import Gray, Recolored

from graphgan.evaluation.features import PictureFeatures
from graphgan.evaluation.subject import Subject
from graphgan.evaluation.systems import Original
from graphgan.evaluation.visibility import measure_visibility


class Spread:
    """How much an image varies: nothing where it is all gray."""

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
