import math

import pytest
import torch
from astronaut import portrait
from kornia.color import rgb_to_lab

from graphgan.anonymize import Condition, ConditionOrder, drawn_conditions
from graphgan.anonymize._conditions import Look, people_conditions
from graphgan.anonymize._matching import distance, look_of, looks_of, median_look, nearest_groups
from graphgan.data import to_uint8_image
from graphgan.faces import DlibResNetRecognizer, FaceFinder

NAN = torch.full((3,), torch.nan)


def look(lightness: float, age: float = math.nan, male: float = math.nan) -> Look:
    return Look(torch.tensor([lightness, 10.0, 15.0]), age, male)


def people(count: int) -> list[Condition]:
    return [Condition(f"p{i}", torch.zeros(3, 8, 8), torch.zeros(68, 2)) for i in range(count)]


def test_every_face_has_an_order_of_its_own_and_always_the_same():
    order = ConditionOrder(people(20), seed=3)
    names = [c.name for c in order.of("a.jpg#0")]
    assert sorted(names) == sorted(c.name for c in people(20))
    assert names == [c.name for c in ConditionOrder(people(20), seed=3).of("a.jpg#0")]
    assert names != [c.name for c in order.of("a.jpg#1")]
    assert names != [c.name for c in ConditionOrder(people(20), seed=4).of("a.jpg#0")]
    first = [next(order.of(f"{i}.jpg")).name for i in range(400)]
    counts = [first.count(c.name) for c in people(20)]
    assert min(counts) > 5 and max(counts) < 45  # 20 each on average


def test_a_name_that_is_no_text_is_a_key_too():
    assert len(list(ConditionOrder(people(3)).of("caf\udce9.jpg"))) == 3


def test_conditions_that_cannot_be_told_apart_or_batched_are_refused():
    with pytest.raises(ValueError, match="different names"):
        ConditionOrder([*people(2), *people(1)])
    other = Condition("q", torch.zeros(3, 9, 8), torch.zeros(68, 2))
    with pytest.raises(ValueError, match="of one size"):
        ConditionOrder([*people(2), other])
    with pytest.raises(ValueError, match="seed of at least 0"):
        ConditionOrder(people(2), seed=-1)


# Who fits whom


def test_the_distance_of_looks_is_the_formula_and_what_is_unknown_does_not_count():
    a, b = look(60, 30, 0.9), look(48, 54, 0.4)
    assert distance(a, b) == pytest.approx(math.sqrt(1 + 4 + 4))
    assert distance(a, look(48)) == pytest.approx(1)
    assert distance(a, Look(NAN, 54, math.nan)) == pytest.approx(2)
    assert distance(a, Look(NAN, math.nan, math.nan)) == 0


def test_people_come_in_groups_the_nearest_first_by_chance_within():
    known = [look(10.0 * i) for i in range(9)]
    order = [8, 3, 0, 7, 1, 5, 2, 6, 4]
    assert nearest_groups(known, look(0), order, 3) == [[0, 1, 2], [3, 5, 4], [8, 7, 6]]
    assert nearest_groups(known, look(0), order, 9) == [order]


def test_the_people_for_a_face_are_among_the_16_nearest_and_differ_by_key():
    some = [
        Condition(f"p{i}", torch.zeros(3, 8, 8), torch.zeros(68, 2), look(i)) for i in range(40)
    ]
    order = ConditionOrder(some, match="tone")
    first = {next(order.of(f"{i}.jpg", look(0))).name for i in range(200)}
    assert first == {f"p{i}" for i in range(16)}
    everyone = [one.name for one in order.of("a.jpg", look(0))]
    assert sorted(everyone) == sorted(one.name for one in some)
    assert everyone == [one.name for one in order.of("a.jpg", look(0))]
    # Without a look it is chance alone.
    assert len({next(order.of(f"{i}.jpg")).name for i in range(200)}) > 30


def test_the_median_of_looks_leaves_out_what_was_not_seen():
    seen = [look(10, 20, 0.1), look(30, 40, 0.3), look(20, 30, 0.2), Look(NAN, math.nan, math.nan)]
    tone, age, male = median_look(seen)
    assert float(tone[0]) == 20 and age == 30 and male == pytest.approx(0.2)
    assert median_look([]) is None


def test_by_tone_people_of_the_same_sex_come_first():
    some = [
        Condition(f"p{i}", torch.zeros(3, 8, 8), torch.zeros(68, 2), look(i, 30, i % 2))
        for i in range(80)
    ]
    order = ConditionOrder(some, match="tone")

    def first(face: Look, count: int = 1) -> set[str]:
        shown = [[one.name for one in order.of(f"{i}.jpg", face)][:count] for i in range(200)]
        return {name for names in shown for name in names}

    assert first(look(0, 90, 0.2)) == {f"p{i}" for i in range(0, 32, 2)}
    assert first(look(0, 90, 0.9)) == {f"p{i}" for i in range(1, 32, 2)}
    assert first(look(0, 90, 0.2), 40) == {f"p{i}" for i in range(0, 80, 2)}
    assert len(list(order.of("a.jpg", look(0, 90, 0.2)))) == 80  # the others are the last resort
    assert first(look(0)) == {f"p{i}" for i in range(16)}  # a face of unknown sex


def test_the_tone_of_a_face_depends_less_on_the_exposure_than_its_lightness():
    image = portrait()
    points = FaceFinder()(image)[0].landmarks[None]
    photos = [image, (image * 0.6).byte()]
    bright, dark = (float(looks_of(photo, points)[0].tone[0]) for photo in photos)
    middle = points[0].mean(0).long().tolist()
    skin = [rgb_to_lab(photo[None] / 255)[0, 0, middle[1], middle[0]] for photo in photos]
    assert 0 < bright - dark < 0.6 * float(skin[0] - skin[1])


def test_the_look_of_a_face_is_measured_and_that_of_none_is_unknown():
    image = portrait()
    (face,) = FaceFinder()(image)
    points = torch.stack([face.landmarks, torch.full((68, 2), torch.nan)])
    whole, nothing = looks_of(image, points)
    assert whole.male < 0.1 and 20 < whole.age < 55 and 50 < whole.tone[0] < 85
    assert nothing.tone.isnan().all() and math.isnan(nothing.age) and math.isnan(nothing.male)


@pytest.mark.unhooked
def test_another_match_is_refused():
    message = "expected match to be one of 'tone', 'look', 'none'; got 'descriptor'"
    with pytest.raises(ValueError, match=message):
        ConditionOrder(people(3), match="descriptor")


def test_nobody_is_looked_at_where_it_decides_nothing():
    image, points = torch.zeros(3, 9, 9, dtype=torch.uint8), [torch.zeros(68, 2)] * 2
    assert ConditionOrder(people(9), match="none").looks(image, points) == [None, None]
    assert ConditionOrder(people(1)).looks(image, points) == [None, None]


def test_the_looks_of_the_shipped_people_are_those_that_they_have():
    some = people_conditions()[:3]
    for one in some:
        found = look_of(Condition(one.name, one.image, one.landmarks))
        assert one.look is not None
        assert abs(one.look.male - found.male) < 0.01 and abs(one.look.age - found.age) < 2
        # They are evenly lit and well exposed, before skin: their tone is that of their cheeks.
        assert 30 < one.look.tone[0] < 80
        descriptor = DlibResNetRecognizer()(to_uint8_image(one.image), one.landmarks[None])[0]
        assert one.descriptor is not None and (one.descriptor - descriptor).norm() < 0.1
    drawn = look_of(drawn_conditions(1)[0])
    assert drawn.tone.isfinite().all()
