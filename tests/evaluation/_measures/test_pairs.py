"""Pairs of one person and of two."""

import pytest
import torch
from colored_faces import Gray, Recolored

from graphgan.evaluation import Original, Settings
from graphgan.evaluation._measures.pairs import (
    draw_pairs,
    measure_links,
    measure_pairs,
    measure_separation,
    probe_pairs,
)
from graphgan.evaluation._measures.privacy import attack_of
from graphgan.evaluation._study import Subject
from graphgan.metrics import roc

PEOPLE, VIDEOS = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([0, 0, 1, 2, 3, 4])


def test_mated_pairs_are_of_one_person_in_two_videos():
    pairs = draw_pairs(PEOPLE, VIDEOS, 100, ordered=True)
    assert sorted(pairs.mated.tolist()) == [[0, 2], [1, 2], [2, 0], [2, 1], [3, 4], [4, 3]]
    others = pairs.others.tolist()
    assert len(others) == len({tuple(pair) for pair in others}) == 36 - 9 - 4 - 1
    assert all(PEOPLE[a] != PEOPLE[b] for a, b in others)


def test_without_an_order_each_pair_is_drawn_once():
    pairs = draw_pairs(PEOPLE, VIDEOS, 100, ordered=False)
    assert sorted(pairs.mated.tolist()) == [[0, 2], [1, 2], [3, 4]]
    assert len(pairs.others) == 11


def test_the_count_bounds_both_kinds_and_the_seed_draws_them():
    people, videos = torch.arange(50).repeat_interleave(4), torch.arange(200)
    pairs = draw_pairs(people, videos, 70, ordered=True, seed=1)
    assert (len(pairs.mated), len(pairs.others)) == (70, 70)
    again, other = (draw_pairs(people, videos, 70, ordered=True, seed=i) for i in (1, 2))
    assert all(torch.equal(a, b) for a, b in zip(pairs, again, strict=True))
    assert not torch.equal(pairs.mated, other.mated)


def test_pairs_are_told_by_color_and_not_without_it(study, tools):
    attack = attack_of(study, tools.recognizers[0], "pose known")
    expected = {"original": (1, 1), "gray": (0.5, 2 / 3)}
    for system in (Original(), Gray()):
        cells = measure_pairs(attack, Subject(study, system))
        auc, f1 = cells["color, pose known: pairs AUC"], cells["color, pose known: pairs F1"]
        assert (auc.value, f1.value) == pytest.approx(expected[system.name])
        assert f1.reference == pytest.approx(2 / 3)
        assert auc.note == "72 mated and 432 non-mated pairs"
        assert auc.low <= auc.value <= auc.high


def test_area_and_f1_are_those_of_all_pairs(study):
    """As counted by hand: 4 mated and 3 non-mated distances, equal ones half won."""
    pairs = probe_pairs(study, ordered=True)
    few = type(pairs)(pairs.mated[:4], pairs.others[:3])
    mated = torch.tensor([0.1, 0.3, 0.5, torch.nan], dtype=torch.float64)
    others = torch.tensor([0.3, 0.6, 0.7], dtype=torch.float64)
    auc, f1 = measure_separation(study, few, [mated, others])
    assert auc.value == pytest.approx((3 + 2.5 + 2 + 0) / 12)
    assert auc.value == pytest.approx(float(torch.trapezoid(*roc(mated, others)[::-1])))
    t, f = 3 / 4, 1 / 3  # accepted up to 0.5
    assert f1.value == pytest.approx(2 * t / (t + f + 1))


def test_without_a_kind_of_pairs_it_is_said(make_study, tools):
    alone = make_study(people=1)
    attack = attack_of(alone, tools.recognizers[0], "pipeline")
    cell = measure_pairs(attack, Subject(alone, Original()))["color, pipeline: pairs AUC"]
    assert cell.note == "not measured (no pair of two people)"


DRAWN, FIXED = "color: linked, conditions drawn", "color: linked, one condition a person"


def test_one_condition_a_person_links_pictures_and_drawn_ones_do_not(make_study, tools):
    study = make_study(Settings(condition_split="all"))
    cells = measure_links(Subject(study, Recolored()), tools.recognizers[0])
    assert cells[FIXED].value > 0.85  # two people may have drawn the same condition
    assert cells[DRAWN].value < 0.65
    assert cells[DRAWN].reference == 0.5
    assert cells[DRAWN].note == "36 mated and 216 non-mated pairs"


def test_what_stays_links_and_what_is_gone_does_not(study, tools):
    for system, expected in ((Original(), 1), (Gray(), 0.5)):
        cells = measure_links(Subject(study, system), tools.recognizers[0])
        assert cells[DRAWN].value == cells[FIXED].value == pytest.approx(expected)
