from collections import Counter
from dataclasses import replace

import pytest

from graphgan.evaluation.trials import NobodyElseError, Trials, draw_conditions, make_trials


@pytest.fixture
def rows(pictures):
    return pictures.pictures


def person(rows, i):
    return rows[i].person


def video(rows, i):
    return rows[i].source.rsplit("/", 1)[0]


def asked(trials):
    """The probes that re-identification is asked of."""
    return [i for i, reason in zip(trials.probes, trials.reasons, strict=True) if not reason]


def test_every_picture_of_the_split_is_a_probe(rows):
    trials = make_trials(rows)
    assert list(trials.probes) == [i for i, row in enumerate(rows) if row.split == "test"]
    counts = Counter(trials.reasons)
    # Four people of two videos of three frames: of one of them a gallery image, two lessons.
    assert counts == {"": 12, "gallery image": 4, "lesson": 8}


def test_who_is_asked_about_is_of_another_video_than_the_gallery(rows):
    trials = make_trials(rows)
    kept = {person(rows, i): video(rows, i) for i in trials.gallery}
    assert len(trials.gallery) == len(kept) == 6  # everyone, once
    for probe in asked(trials):
        assert video(rows, probe) != kept[person(rows, probe)]
    assert {video(rows, i) for i in trials.lessons} <= set(kept.values())
    assert {person(rows, i) for i in trials.lessons} == {person(rows, i) for i in trials.probes}


def test_what_is_on_the_gallerys_side_and_no_lesson_has_its_reason(rows):
    trials = make_trials(rows, lessons=1)
    counts = Counter(trials.reasons)
    assert counts == {"": 12, "gallery image": 4, "video on the gallery's side": 8}
    none = make_trials(rows, lessons=0)
    assert none.lessons == () and Counter(none.reasons) == counts


def test_eight_photos_of_two_people_are_eight_probes(rows):
    eight = [row for row in rows if row.person in ("p4", "p5") and not row.source.endswith("2.png")]
    trials = make_trials(eight, videos=r"(v\d/\d)")
    assert len(trials.probes) == 8
    assert Counter(trials.reasons) == {"": 4, "gallery image": 2, "lesson": 2}


def test_the_next_person_is_the_condition(rows):
    trials = make_trials(rows)
    following = {"p2": "p3", "p3": "p4", "p4": "p5", "p5": "p2"}
    for probe, condition in zip(trials.probes, trials.conditions, strict=True):
        assert person(rows, condition) == following[person(rows, probe)]


def test_the_next_person_of_another_split_is_not_the_same_for_all(rows):
    sources = [i for i in range(len(rows)) if rows[i].split == "test"]
    conditions = draw_conditions(rows, sources, rule="next", split="train")
    of = {person(rows, s): person(rows, c) for s, c in zip(sources, conditions, strict=True)}
    assert of == {"p2": "p0", "p3": "p1", "p4": "p0", "p5": "p1"}


def test_drawn_conditions_vary_and_fixed_ones_do_not(rows):
    sources = list(range(len(rows)))
    drawn = draw_conditions(rows, sources, rule="drawn", split="train", seed=1)
    fixed = draw_conditions(rows, sources, rule="fixed", split="train", seed=1)
    for conditions in (drawn, fixed):
        assert {rows[c].split for c in conditions} == {"train"}
        assert all(person(rows, c) != person(rows, s) for s, c in enumerate(conditions))
    of = {
        name: [{c for s, c in enumerate(cs) if person(rows, s) == p} for p in ("p3", "p4", "p5")]
        for name, cs in (("drawn", drawn), ("fixed", fixed))
    }
    assert [len(conditions) for conditions in of["fixed"]] == [1, 1, 1]
    assert min(len(conditions) for conditions in of["drawn"]) > 1


def test_everything_follows_from_the_seed(rows):
    assert make_trials(rows, seed=3) == make_trials(rows, seed=3)
    assert make_trials(rows, seed=3) != make_trials(rows, seed=4)


def test_people_and_count_bound_the_probes(rows):
    trials = make_trials(rows, split="all", people=2, count=5)
    assert len(trials.probes) == 5
    names = {person(rows, i) for i in trials.probes}
    assert len(names) == 2
    assert {person(rows, i) for i in trials.gallery} == names


def test_an_expression_names_the_videos(rows):
    trials = make_trials(rows, videos=r"/(v\d)/")
    usual = make_trials(rows)
    assert trials == replace(usual, videos=trials.videos)
    assert [
        f"{person(rows, i)}/{v}" for i, v in zip(trials.probes, trials.videos, strict=True)
    ] == [*usual.videos]
    every_frame = make_trials(rows, videos=r"(v\d/\d)", lessons=1)
    assert len(asked(every_frame)) == 4 * 5  # all frames but the gallery's
    assert len(set(every_frame.videos)) == 6  # names count within a person


def test_lessons_are_taken_from_further_videos_where_a_video_is_one_picture(rows):
    trials = make_trials(rows, videos=r"(v\d/\d)", lessons=3)
    for name in ("p2", "p3", "p4", "p5"):
        assert sum(person(rows, i) == name for i in trials.lessons) == 3
        assert sum(person(rows, i) == name for i in asked(trials)) == 3
    assert not set(trials.lessons) & set(asked(trials))
    many = make_trials(rows, videos=r"(v\d/\d)", lessons=50)
    assert len(asked(many)) == 4 * 3  # half of the videos of each person are left


@pytest.mark.parametrize("videos", ["nothing(x)", "v", "(", "v(8)?"])
def test_an_expression_that_names_no_video_is_refused(rows, videos):
    with pytest.raises(ValueError, match="expected"):
        make_trials(rows, videos=videos)


def test_who_has_one_video_is_a_probe_and_not_in_the_gallery(rows):
    first = [row for row in rows if row.person != "p5" or "/v0/" in row.source]
    trials = make_trials(first)
    assert "p5" not in {person(first, i) for i in trials.gallery}
    reasons = [r for i, r in zip(trials.probes, trials.reasons, strict=True) if "p5" in first[i]]
    assert reasons == ["one video only"] * 3


def test_given_probes_are_kept_out_of_the_gallery(rows):
    probes = [0, 1, 2, 3, 7]
    trials = make_trials(rows, probes=probes, condition_split="all")
    assert trials.probes == tuple(probes)
    assert not set(trials.gallery) & set(probes)
    assert not any(trials.reasons)
    assert len(trials.gallery) == 6


def test_one_person_alone_has_no_condition(rows):
    alone = [row for row in rows if row.person == "p5"]
    trials = make_trials(alone)
    assert len(trials.probes) == 6 and trials.conditions == ()
    with pytest.raises(NobodyElseError, match="expected a second person"):
        draw_conditions(alone, trials.probes, rule="next", split="test")


def test_fewer_lessons_than_none_are_refused(rows):
    with pytest.raises(ValueError, match="expected lessons of at least 0, got -1"):
        make_trials(rows, lessons=-1)


def test_an_empty_split_is_refused(rows):
    with pytest.raises(ValueError, match=r"got none"):
        make_trials([row for row in rows if row.split == "test"], split="train")


@pytest.mark.unhooked
def test_trials_without_probes_are_none():
    with pytest.raises(ValueError, match="expected probes"):
        Trials((), (), (), (), (), ())
