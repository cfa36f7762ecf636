from collections import Counter

import pytest

from graphgan.evaluation import draw_protocol, read_protocol, write_protocol
from graphgan.evaluation._protocol import NobodyElseError, draw_conditions


@pytest.fixture
def rows(pictures):
    return pictures.pictures


def person(rows, i):
    return rows[i].person


def video(rows, i):
    return rows[i].source.rsplit("/", 1)[0]


def asked(protocol):
    """The probes that re-identification is asked of."""
    return [i for i, reason in zip(protocol.probes, protocol.reasons, strict=True) if not reason]


def test_every_picture_of_the_split_is_a_probe(rows):
    protocol = draw_protocol(rows)
    assert list(protocol.probes) == [i for i, row in enumerate(rows) if row.split == "test"]
    counts = Counter(protocol.reasons)
    # Four people, two videos of three frames: one of them is a gallery image, two parrot images.
    assert counts == {"": 12, "gallery image": 4, "parrot image": 8}


def test_who_is_asked_about_is_of_another_video_than_the_gallery(rows):
    protocol = draw_protocol(rows)
    kept = {person(rows, i): video(rows, i) for i in protocol.gallery}
    assert len(protocol.gallery) == len(kept) == 6  # everyone, once
    for probe in asked(protocol):
        assert video(rows, probe) != kept[person(rows, probe)]
    assert {video(rows, i) for i in protocol.parrot_images} <= set(kept.values())
    assert {person(rows, i) for i in protocol.parrot_images} == {
        person(rows, i) for i in protocol.probes
    }


def test_what_is_on_the_gallerys_side_and_no_parrot_image_has_its_reason(rows):
    protocol = draw_protocol(rows, parrot_images=1)
    counts = Counter(protocol.reasons)
    assert counts == {"": 12, "gallery image": 4, "video on the gallery's side": 8}
    none = draw_protocol(rows, parrot_images=0)
    assert none.parrot_images == () and Counter(none.reasons) == counts


def test_the_next_person_is_the_condition(rows):
    protocol = draw_protocol(rows)
    following = {"p2": "p3", "p3": "p4", "p4": "p5", "p5": "p2"}
    for probe, condition in zip(protocol.probes, protocol.conditions, strict=True):
        assert person(rows, condition) == following[person(rows, probe)]


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


def test_people_and_count_bound_the_probes(rows):
    protocol = draw_protocol(rows, split="all", people=2, count=5)
    assert len(protocol.probes) == 5
    names = {person(rows, i) for i in protocol.probes}
    assert len(names) == 2
    assert {person(rows, i) for i in protocol.gallery} == names


def test_parrot_images_are_taken_from_further_videos_where_a_video_is_one_picture(rows):
    protocol = draw_protocol(rows, videos=r"(v\d/\d)", parrot_images=3)
    for name in ("p2", "p3", "p4", "p5"):
        assert sum(person(rows, i) == name for i in protocol.parrot_images) == 3
        assert sum(person(rows, i) == name for i in asked(protocol)) == 3
    assert not set(protocol.parrot_images) & set(asked(protocol))
    many = draw_protocol(rows, videos=r"(v\d/\d)", parrot_images=50)
    assert len(asked(many)) == 4 * 3  # half of the videos of each person are left


def test_who_has_one_video_is_a_probe_and_not_in_the_gallery(rows):
    first = [row for row in rows if row.person != "p5" or "/v0/" in row.source]
    protocol = draw_protocol(first)
    assert "p5" not in {person(first, i) for i in protocol.gallery}
    reasons = [
        r for i, r in zip(protocol.probes, protocol.reasons, strict=True) if "p5" in first[i]
    ]
    assert reasons == ["one video only"] * 3


def test_one_person_alone_has_no_condition(rows):
    alone = [row for row in rows if row.person == "p5"]
    protocol = draw_protocol(alone)
    assert len(protocol.probes) == 6 and protocol.conditions == ()
    with pytest.raises(NobodyElseError, match="expected a second person"):
        draw_conditions(alone, protocol.probes, rule="next", split="test")


COLUMNS = "role,image,condition,video,not_asked"


@pytest.mark.parametrize("options", [{}, {"parrot_images": 0}, {"videos": r"(v\d/\d)", "count": 7}])
def test_protocol_come_back_from_a_file(rows, tmp_path, options):
    protocol = draw_protocol(rows, seed=5, **options)
    write_protocol(tmp_path / "pairs.csv", rows, protocol)
    assert read_protocol(tmp_path / "pairs.csv", rows) == protocol


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["probe,images/x.png,,v,"], "line 2: no image images/x.png"),
        (["winner,a,b,v,"], "line 2: expected role, image, condition, video, not_asked"),
        (["probe,{first},{last},v"], "line 2: expected role"),
        (["probe,{first},{last},v,lazy"], "line 2: expected not_asked to be empty or one of"),
        (["probe,{first},,v,", "probe,{last},{first},v,"], "a condition for every probe"),
        ([], "expected probes"),
        (
            ["gallery,{first},,,", "probe,{first},{last},v,"],
            "line 3: .* is a gallery image and also a recognition probe",
        ),
        (
            ["probe,{first},{last},v,", "parrot,{first},,,"],
            "line 2: .* is a parrot image and also a recognition probe",
        ),
        (["probe,{first},{first},v,"], "line 2: expected a condition of another person"),
    ],
)
def test_a_file_that_is_none_is_refused(rows, tmp_path, lines, message):
    text = "\n".join([COLUMNS, *lines, ""])
    text = text.replace("{first}", rows[0].image).replace("{last}", rows[-1].image)
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_protocol(tmp_path / "pairs.csv", rows)
