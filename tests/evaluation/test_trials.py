import pytest

from graphgan.evaluation.trials import (
    Trials,
    draw_conditions,
    make_trials,
    read_trials,
    write_trials,
)


@pytest.fixture
def rows(pictures):
    return pictures.pictures


def person(rows, i):
    return rows[i].person


def video(rows, i):
    return rows[i].source.rsplit("/", 1)[0]


def test_probes_are_of_the_split_and_of_other_videos_than_the_gallery(rows):
    trials = make_trials(rows)
    assert {rows[i].split for i in trials.probes} == {"test"}
    assert len(trials.probes) == 4 * 3  # four people, one video of three frames each
    kept = {person(rows, i): video(rows, i) for i in trials.gallery}
    assert len(trials.gallery) == len(kept) == 6  # everyone, once
    for probe in trials.probes:
        assert video(rows, probe) != kept[person(rows, probe)]
    assert {video(rows, i) for i in trials.lessons} <= set(kept.values())
    assert {person(rows, i) for i in trials.lessons} == {person(rows, i) for i in trials.probes}


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
    assert trials == make_trials(rows)
    every_frame = make_trials(rows, videos=r"(v\d/\d)", lessons=1)
    assert len(every_frame.probes) == 4 * 5  # all frames but the gallery's


def test_lessons_are_taken_from_further_videos_where_a_video_is_one_picture(rows):
    trials = make_trials(rows, videos=r"(v\d/\d)", lessons=3)
    for name in ("p2", "p3", "p4", "p5"):
        assert sum(person(rows, i) == name for i in trials.lessons) == 3
        assert sum(person(rows, i) == name for i in trials.probes) == 3
    assert not set(trials.lessons) & set(trials.probes)
    many = make_trials(rows, videos=r"(v\d/\d)", lessons=50)
    assert len(many.probes) == 4  # one video of each person is left


@pytest.mark.parametrize("videos", ["nothing(x)", "v", "(", "v(8)?"])
def test_an_expression_that_names_no_video_is_refused(rows, videos):
    with pytest.raises(ValueError, match="expected"):
        make_trials(rows, videos=videos)


def test_who_has_one_video_is_a_probe_and_not_in_the_gallery(rows):
    first = [row for row in rows if row.person != "p5" or "/v0/" in row.source]
    trials = make_trials(first)
    assert "p5" not in {person(first, i) for i in trials.gallery}
    assert sum(person(first, i) == "p5" for i in trials.probes) == 3


def test_given_probes_are_kept_out_of_the_gallery(rows):
    probes = [0, 1, 2, 3, 7]
    trials = make_trials(rows, probes=probes, condition_split="all")
    assert trials.probes == tuple(probes)
    assert not set(trials.gallery) & set(probes)
    assert len(trials.gallery) == 6


def test_one_person_alone_has_no_condition(rows):
    alone = [row for row in rows if row.person == "p5"]
    with pytest.raises(ValueError, match="expected a second person"):
        make_trials(alone)


def test_an_empty_split_is_refused(rows):
    with pytest.raises(ValueError, match=r"there are none"):
        make_trials([row for row in rows if row.split == "test"], split="train")


def test_trials_come_back_from_a_file(rows, tmp_path):
    trials = make_trials(rows, seed=5)
    write_trials(tmp_path / "pairs.csv", rows, trials)
    assert read_trials(tmp_path / "pairs.csv", rows) == trials


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "expected the columns role,image,condition"),
        ("role,image,condition\nprobe,images/x.png,\n", "line 2: no picture images/x.png"),
        ("role,image,condition\nwinner,a,b\n", "line 2: expected a role"),
        ("role,image,condition\nprobe,{first},\n", "line 2: expected a condition"),
        ("role,image,condition\n", "expected probes"),
        (
            "role,image,condition\nprobe,{first},{last}\ngallery,{first},\n",
            "line 3: .* is a gallery and a probe picture",
        ),
        (
            "role,image,condition\nlesson,{first},\nprobe,{first},{last}\n",
            "line 3: .* is a probe and a lesson picture",
        ),
        ("role,image,condition\nprobe,{first},{first}\n", "line 2: expected a condition of ano"),
    ],
)
def test_a_file_that_is_none_is_refused(rows, tmp_path, text, message):
    text = text.replace("{first}", rows[0].image).replace("{last}", rows[-1].image)
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_trials(tmp_path / "pairs.csv", rows)


def test_a_missing_file_is_refused(rows, tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        read_trials(tmp_path / "pairs.csv", rows)


@pytest.mark.unhooked
def test_trials_without_probes_are_none():
    with pytest.raises(ValueError, match="expected probes"):
        Trials((), (), (), ())
