"""Faces of one color a person: what a result must be can be worked out. Then a real one."""

import dataclasses
import itertools

import astronaut
import pytest
import torch
from colored_faces import GRAY, ColorRecognizer, color_of, inner_hull, shape_of_a_face

from graphgan.anonymize import Anonymizer, Condition, Selection, drawn_conditions
from graphgan.anonymize._faces import LEAST_SHOWN, OVERLOOKED
from graphgan.anonymize._report import FileReport, count_statuses
from graphgan.faces import DlibResNetRecognizer, FaceFinder, Faces
from graphgan.landmarks import Detection, convex_hull, polygon_mask
from graphgan.landmarks._alignment import tilt
from graphgan.models import AnonyGAN, LandmarkGenerator

H, W = 160, 240
PLACES = [(20, 40, 80), (130, 30, 90)]  # left, top, side


class Recolor:
    """Whole crops in the color of the condition."""

    name = "recolor"
    size = (64, 64)
    uses_conditions = True

    def __init__(self):
        self.batches = []

    def __call__(self, faces, conditions):
        self.batches.append(len(faces.images))
        return torch.stack([c.image[:, :1, :1].expand(3, 64, 64) for c in conditions])


class Broken(Recolor):
    """Numbers that are none for the first face of every batch."""

    name = "broken"

    def __call__(self, faces, conditions):
        made = super().__call__(faces, conditions).clone()
        made[0] = torch.nan
        return made


def person(number: int) -> Condition:
    image = (color_of(number).float() / 127.5 - 1)[:, None, None].expand(3, 64, 64)
    return Condition(f"p{number}", image, 63 * shape_of_a_face())


@pytest.fixture
def photo():
    """Persons 0 and 1."""
    image = torch.full((3, H, W), GRAY, dtype=torch.uint8)
    for number, (left, top, side) in enumerate(PLACES):
        image[:, top : top + side + 1, left : left + side + 1] = color_of(number)[:, None, None]
    return image


@pytest.fixture
def found():
    faces = []
    for left, top, side in PLACES:
        box = torch.tensor([left, top, left + side, top + side]).float()
        faces.append(Detection(box, shape_of_a_face() * side + box[:2]))
    return faces


class Asked(ColorRecognizer):
    """Of how many faces it was asked, call by call."""

    def __init__(self):
        self.counts = []

    def __call__(self, image, landmarks):
        self.counts.append(len(landmarks))
        return super().__call__(image, landmarks)


def face_of(side: float) -> Detection:
    """Of person 0."""
    box = torch.tensor([20.0, 40, 20 + side, 40 + side])
    return Detection(box, shape_of_a_face() * side + box[:2])


def hull_of(face: Detection) -> torch.Tensor:
    return polygon_mask(convex_hull(face.landmarks)[None].float(), (H, W))[0, 0] > 0


def inside_of(face: Detection) -> torch.Tensor:
    return polygon_mask(inner_hull(face.landmarks)[None].float(), (H, W))[0, 0] > 0


def make(method, found, *conditions, **options) -> Anonymizer:
    options = {"recognizer": ColorRecognizer(), **options}
    return Anonymizer(method, lambda image: found, conditions, **options)


def test_all_faces_become_another_person_in_one_batch(photo, found):
    method = Recolor()
    result = make(method, found, person(2))(photo)
    assert method.batches == [2]
    assert [(f.method, f.condition, f.tries) for f in result.faces] == [("recolor", "p2", 1)] * 2
    for face in found:
        inside = result.image[:, inside_of(face)]
        assert (inside.int() - color_of(2)[:, None].int()).abs().max() <= 1


def test_the_rest_of_the_photo_is_the_same_to_the_bit(photo, found):
    photo = torch.where(photo == GRAY, torch.randint(0, 256, (3, H, W)).byte(), photo)
    before = photo.clone()
    result = make(Recolor(), found, person(2))(photo)
    assert torch.equal(photo, before)
    outside = ~result.changed.expand(3, -1, -1)
    assert torch.equal(result.image[outside], photo[outside])
    assert 0.1 < result.changed.float().mean() < 0.6


def test_distances_are_measured_on_what_is_pasted(photo, found):
    result = make(Recolor(), found, person(2))(photo)
    for number, face in enumerate(result.faces):
        apart = (color_of(number).float() - color_of(2).float()).norm() / 255
        assert face.distance == pytest.approx(float(apart), abs=0.02)


def test_people_who_resemble_the_old_face_are_tried_last(photo, found):
    """Conditions are the persons themselves and one other."""
    for seed in range(6):
        method = Recolor()
        result = make(method, found, *map(person, (0, 1, 2)), seed=seed)(photo)
        assert sum(method.batches) == 2
        for number, face in enumerate(result.faces):
            assert face.condition != f"p{number}" and face.method == "recolor"
            assert face.distance > 0.05 and face.tries == 1 and not face.remarks


def test_the_third_attempt_is_by_chance_among_the_farther_half(found):
    """Descriptors are colors: those of the people are 0, 10, .. 150 away from that of the face."""
    shades = [torch.full((3, H, W), 10.0 * i / 127.5 - 1) for i in range(16)]
    people = [Condition(f"p{i}", shade, person(0).landmarks) for i, shade in enumerate(shades)]
    anonymizer = make(Recolor(), found, *people, match="none", threshold=0.05, tries=16)
    before = torch.zeros(3)
    thirds = set()
    for number in range(60):
        order = [
            a.condition.name
            for a in itertools.islice(anonymizer.attempts(f"{number}", None, before), 16)
        ]
        assert sorted(order) == sorted(one.name for one in people)
        assert "p0" in order[9:]
        thirds.add(order[2])
    assert len(thirds) > 6 and not thirds & {f"p{i}" for i in range(7)}


def test_a_known_descriptor_of_a_person_serves_its_own_recognizer_only(photo, found):
    shown = dataclasses.replace(person(0), descriptor=torch.full((128,), 9.0))
    (face,) = make(Recolor(), found[:1], shown, person(2))(photo).faces
    assert face.condition == "p2" and face.tries == 1


def test_when_all_conditions_are_used_up_the_fallback_covers_the_face(photo, found):
    result = make(Recolor(), found[:1], person(0), tries=3)(photo)
    (face,) = result.faces
    # A mosaic of one color is still that color: the recognizer is not asked about it.
    assert (face.method, face.condition, face.tries) == ("pixelate", None, 2)
    assert [r.split(":")[0] for r in face.remarks] == ["as p0"] and face.distance is None
    assert result.changed[0][hull_of(found[0])].all()


def test_tries_are_counted(photo, found):
    people = [Condition(f"twin{i}", person(0).image, person(0).landmarks) for i in range(6)]
    method = Recolor()
    (face,) = make(method, found[:1], *people, tries=4)(photo).faces
    assert sum(method.batches) == 4 and face.tries == 4 + 1


def test_the_recognizer_is_asked_once_a_round_for_all_faces_that_are_tried(photo, found):
    recognizer = Asked()
    make(Recolor(), found, person(2), recognizer=recognizer)(photo)
    assert recognizer.counts == [2, 1, 2]  # before, the person to show, after
    recognizer = Asked()
    make(Recolor(), found, person(0), recognizer=recognizer)(photo)
    assert recognizer.counts == [2, 1, 2]  # not about the mosaic of the first face


@pytest.mark.parametrize("means", ["blur", "pixelate", "solid"])
def test_the_recognizer_is_not_asked_about_what_shows_nobody(photo, found, means):
    recognizer = Asked()
    faces = make(means, found, recognizer=recognizer)(photo).faces
    assert recognizer.counts == []
    assert [(face.method, face.distance, face.tries) for face in faces] == [(means, None, 1)] * 2
    keep = Selection(people=tuple(ColorRecognizer()(photo, found[1].landmarks[None])))
    faces = make(means, found, recognizer=recognizer, selection=keep)(photo).faces
    assert [face.method for face in faces] == [means, "kept"] and recognizer.counts == [2]


def test_many_faces_are_made_in_several_batches(photo, found):
    method = Recolor()
    result = make(method, found[:1] * 70, person(2))(photo)
    assert method.batches == [64, 6] and len(result.faces) == 70


@pytest.fixture
def small_and_large(found):
    """Landmarks of 28 and of 90 pixels."""
    return [face_of(28), found[1]]


def test_the_recognizer_is_not_asked_about_small_faces(photo, small_and_large):
    recognizer = Asked()
    small, large = make(Recolor(), small_and_large, person(2), recognizer=recognizer)(photo).faces
    assert recognizer.counts == [1, 1, 1]
    assert small.distance is None and large.distance > 0.05
    # What is around a small face may look like anybody's: it is kept for nobody.
    landmarks = torch.stack([face.landmarks for face in small_and_large])
    keep = Selection(people=tuple(ColorRecognizer()(photo, landmarks)))
    recognizer = Asked()
    options = {"recognizer": recognizer, "selection": keep}
    faces = make(Recolor(), small_and_large, person(2), **options)(photo).faces
    assert [face.method for face in faces] == ["recolor", "kept"] and recognizer.counts == [1]


@pytest.mark.parametrize("side", [8, 16, 23, 25])
def test_nobody_is_shown_in_the_place_of_a_small_face(photo, found, side):
    method = Recolor()
    small, large = make(method, [face_of(side), found[1]], person(2))(photo).faces
    assert (large.method, large.reason) == ("recolor", None)
    if side < LEAST_SHOWN:
        assert method.batches == [1]  # the network does not run on it
        assert (small.method, small.condition, small.reason) == ("pixelate", None, "too small")
        assert small.remarks == (f"too small: {side}.0 pixels; people are shown from 24 pixels on",)
    else:
        assert (small.method, small.condition, small.reason) == ("recolor", "p2", None)
    # Where nobody is to be shown, small faces are nothing special.
    (blurred,) = make("blur", [face_of(side)])(photo).faces
    assert (blurred.method, blurred.reason) == ("blur", None)


def test_why_somebody_was_not_shown_is_told(photo, found):
    """By one reason each; a mosaic that was asked for needs none."""
    nowhere = found[0]._replace(landmarks=torch.full((68, 2), torch.nan))
    anonymizer = make(Recolor(), [nowhere, found[1]], person(1), tries=1)
    assert reasons(anonymizer(photo)) == ["turned away or unclear", "still recognized"]
    assert reasons(make(Broken(), found, person(2))(photo)) == ["not computed", None]
    assert reasons(make("pixelate", [nowhere, found[1]])(photo)) == [None, None]
    seen_late = Anonymizer(
        Recolor(),
        lambda image: found[:1],
        [person(2)],
        second_detector=Sees(found),
        recognizer=None,
    )
    assert reasons(seen_late(photo)) == [None, "found only at the second look"]


def reasons(result):
    return [face.reason for face in result.faces]


def test_numbers_that_are_none_never_reach_the_photo(photo, found):
    result = make(Broken(), found, person(2))(photo)
    methods = [face.method for face in result.faces]
    assert methods == ["pixelate", "broken"]
    assert "not finite" in result.faces[0].remarks[0]
    assert (
        result.image[:, inside_of(found[1])].int() - color_of(2)[:, None].int()
    ).abs().max() <= 1


@pytest.mark.parametrize("damage", ["missing", "a point", "elsewhere", "mirrored"])
def test_a_face_that_cannot_be_aligned_is_covered_box_and_all(photo, found, damage):
    box, landmarks = found[0]
    landmarks = {
        "missing": torch.full_like(landmarks, torch.nan),
        "a point": torch.ones_like(landmarks),
        "elsewhere": landmarks + 500,
        "mirrored": landmarks * torch.tensor([-1.0, 1.0]),
    }[damage]
    noise = torch.randint(0, 256, (3, H, W)).byte()
    result = make(Recolor(), [Detection(box, landmarks)], person(2))(noise)
    (face,) = result.faces
    assert face.method == "pixelate" and "cannot be aligned" in face.remarks[0]
    left, top, right, bottom = box.int().tolist()
    inside = result.image[:, top : bottom + 1, left : right + 1].float()
    before = noise[:, top : bottom + 1, left : right + 1].float()
    assert result.changed[:, top : bottom + 1, left : right + 1].all()
    assert abs(torch.corrcoef(torch.stack([inside.flatten(), before.flatten()]))[0, 1]) < 0.2
    assert inside.std() < before.std() / 4


def test_a_face_at_the_border_is_covered_as_far_as_it_is_seen(photo, found):
    shift = torch.tensor([-35.0, -45.0])
    face = Detection(found[0].box + shift.repeat(2), found[0].landmarks + shift)
    result = make(Recolor(), [face], person(2))(photo)
    assert [f.method for f in result.faces] == ["recolor"]
    hull = inner_hull(inner_hull(face.landmarks))  # the photo's edge is no skin, and its rim stays
    inside = result.image[:, polygon_mask(hull[None].float(), (H, W))[0, 0] > 0]
    assert inside.numel() and (inside.int() - color_of(2)[:, None].int()).abs().max() <= 1


def test_faces_that_are_kept_stay_to_the_bit(photo, found):
    keep = Selection(keep=(tuple(found[1].box.tolist()),))
    result = make(Recolor(), found, person(2), selection=keep)(photo)
    assert [face.method for face in result.faces] == ["recolor", "kept"]
    assert torch.equal(result.image[:, hull_of(found[1])], photo[:, hull_of(found[1])])


def test_a_box_that_was_asked_for_is_covered_though_no_face_was_found(photo, found):
    only = Selection(only=(tuple(found[0].box.tolist()),))
    result = make(Recolor(), [], person(2), selection=only)(photo)
    assert [face.method for face in result.faces] == ["pixelate"]
    result = make(Recolor(), found, person(2), selection=only)(photo)
    assert [face.method for face in result.faces] == ["recolor", "kept"]


def test_own_detections_are_used_in_place_of_the_detector(photo, found):
    def never(image):
        raise AssertionError("the detector was asked")

    anonymizer = Anonymizer(Recolor(), never, [person(2)], recognizer=ColorRecognizer())
    assert len(anonymizer(photo, detections=found).faces) == 2


def test_a_photo_without_faces_comes_back_as_it_was(photo):
    result = make("pixelate", [])(photo)
    assert torch.equal(result.image, photo) and not result.changed.any() and result.faces == []
    assert result.image.data_ptr() != photo.data_ptr()


def test_conditions_depend_on_the_photo_and_the_face_alone(photo, found):
    people = [person(i) for i in range(2, 9)]

    def shown(key, faces=found):
        return [f.condition for f in make(Recolor(), faces, *people)(photo, key=key).faces]

    assert shown("a.jpg") == shown("a.jpg")
    assert len({tuple(shown(f"{i}.jpg")) for i in range(8)}) > 3
    assert shown("a.jpg", found[:1]) == shown("a.jpg")[:1]


def test_overlapping_faces_are_both_hidden(photo):
    faces = []
    for left, top, side in [(20, 40, 80), (60, 50, 90)]:
        box = torch.tensor([left, top, left + side, top + side]).float()
        faces.append(Detection(box, shape_of_a_face() * side + box[:2]))
    result = make("solid", faces, recognizer=None)(photo)
    for face in faces:
        assert (result.image[:, hull_of(face)] == 0).all()


def test_a_turned_face_is_cut_upright(photo, drawn_faces):
    """The method sees the crop of a face on its side standing up."""
    seen = []

    class Look(Recolor):
        def __call__(self, faces, conditions):
            seen.append(faces.landmarks[0])
            return super().__call__(faces, conditions)

    landmarks = drawn_faces[0].landmarks
    x, y = (landmarks - landmarks.mean(0)).unbind(-1)
    turned = torch.stack([-y, x], dim=-1) + 90
    box = torch.cat([turned.amin(0), turned.amax(0)])
    make(Look(), [Detection(box, turned)], person(2), recognizer=None)(photo)
    assert 80 < tilt(turned) < 100 and abs(tilt(seen[0])) < 0.1


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (Recolor(),),
            {},
            r"expected people to show \(conditions\) for 'recolor', got none",
        ),
        (("pixelate",), {"tries": 0}, "at least one try, got 0"),
        (("pixelate",), {"threshold": -1.0}, "threshold above 0 for color, got -1"),
        (
            ("pixelate",),
            {"recognizer": None, "selection": Selection(people=(torch.zeros(3),))},
            "expected a recognizer to find the people to keep",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_the_door(arguments, options, message):
    options = {"recognizer": ColorRecognizer(), **options}
    with pytest.raises(ValueError, match=message):
        Anonymizer(*arguments, lambda image: [], **options)


@pytest.mark.unhooked
@pytest.mark.parametrize("options", [("glitter", "blur"), ("blur", "glitter")])
def test_unknown_means_are_refused(options):
    with pytest.raises(ValueError, match="glitter"):
        Anonymizer(options[0], lambda image: [], fallback=options[1], recognizer=None)


def test_a_method_of_one_size_is_given_conditions_of_that_size():
    small = Condition("a", torch.zeros(3, 32, 32), torch.full((68, 2), 15.5))
    (given,) = make(Recolor(), [], small).order.conditions
    assert given.image.shape == (3, 64, 64)
    torch.testing.assert_close(given.landmarks, torch.full((68, 2), 31.5))


# A real face


@pytest.fixture(scope="module")
def portrait():
    return astronaut.portrait()


def test_a_real_face_is_found_replaced_and_no_longer_recognized(portrait):
    torch.manual_seed(0)
    model = AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=(64, 64))
    anonymizer = Anonymizer(model, FaceFinder(), drawn_conditions(4, size=(64, 64)))
    result = anonymizer(portrait, key="astronaut")
    (face,) = result.faces
    assert face.method == "people" and face.distance > 0.66
    (before,) = FaceFinder()(portrait)
    describe, points = DlibResNetRecognizer(), before.landmarks[None]
    apart = (describe(result.image, points) - describe(portrait, points)).norm()
    assert float(apart) == pytest.approx(face.distance, abs=1e-5)


def test_a_network_that_changes_nothing_does_not_get_away_with_it(portrait):
    class Nothing(Recolor):
        name = "nothing"
        size = (128, 128)
        uses_conditions = False

        def __call__(self, faces, conditions):
            return faces.images

    (face,) = Anonymizer(Nothing(), FaceFinder())(portrait).faces
    assert face.method == "pixelate"
    assert "nothing: still recognized" in face.remarks[0]


def test_stages_end_with_one_color_for_ever():
    anonymizer = make("blur", [])
    names = [str(attempt) for attempt in itertools.islice(anonymizer.attempts("a"), 7)]
    assert names == ["blur", "pixelate", *["solid"] * 5]
    attempts = itertools.islice(make("pixelate", []).attempts("a"), 3)
    assert [str(attempt) for attempt in attempts] == ["pixelate", "solid", "solid"]


def test_a_result_must_be_farther_than_another_picture_of_the_person():
    recognizer = ColorRecognizer()
    assert make("blur", [], recognizer=recognizer).threshold > recognizer.threshold
    assert make("blur", [], recognizer=recognizer, threshold=0.25).threshold == 0.25


class Sees:
    """A detector that knows where faces are."""

    name, fingerprint = "sees", "1"

    def __init__(self, found):
        self.boxes = torch.stack([face.box for face in found])

    def __call__(self, image):
        return Faces.of_boxes(self.boxes)


def looked_at_twice(first, second, **options):
    return Anonymizer(
        "pixelate", lambda image: first, second_detector=Sees(second), recognizer=None, **options
    )


def test_a_face_that_only_the_second_look_finds_is_covered_and_counted(photo, found):
    result = looked_at_twice(found[:1], found)(photo)
    covered = result.changed[0, *found[1].box.view(2, 2).mean(0).long().flip(0).tolist()]
    assert covered
    assert [OVERLOOKED in face.remarks for face in result.faces] == [False, True]
    report = FileReport("a", "anonymized", "photo", tuple(result.faces), 1, ((0, 0),) * 2)
    assert count_statuses([report])["faces overlooked at first"] == 1


def test_the_second_look_does_not_count_what_was_replaced_kept_or_half_a_mosaic(photo, found):
    beside = Detection(
        found[0].box + torch.tensor([50.0, 0, 50, 0]), torch.full((68, 2), torch.nan)
    )
    kept = Selection(keep=(tuple(found[1].box.tolist()),))
    result = looked_at_twice(found, [*found, beside], selection=kept)(photo)
    assert [face.method for face in result.faces] == ["pixelate", "kept"]


def test_the_second_look_takes_no_chest_for_a_face(portrait):
    """Large boxes are looked for again in the photo; small ones are covered in any case."""
    photo = torch.cat([portrait, torch.full((3, 160, 256), 90, dtype=torch.uint8)], 1)
    nowhere = torch.full((68, 2), torch.nan)
    chest, small = torch.tensor([40.0, 260, 200, 400]), torch.tensor([10.0, 360, 50, 400])
    second = Sees([Detection(box, nowhere) for box in (chest, small)])
    anonymizer = Anonymizer("pixelate", FaceFinder(), second_detector=second, recognizer=None)
    face, overlooked = anonymizer(photo).faces
    assert OVERLOOKED not in face.remarks and OVERLOOKED in overlooked.remarks
    assert overlooked.box == tuple(small.tolist())


def test_the_second_look_leaves_alone_what_was_not_asked_for(photo, found):
    only = Selection(only=(tuple(found[0].box.tolist()),))
    result = looked_at_twice(found, found, selection=only)(photo)
    assert [face.method for face in result.faces] == ["pixelate", "kept"]


def test_what_even_a_flat_color_does_not_cover_by_landmarks_is_covered_by_its_box(drawn_faces):
    image = torch.full((3, 96, 96), 200, dtype=torch.uint8)
    points = drawn_faces[0].landmarks
    tiny = 48 + (points - points.mean(0)) * 5 / float((points.amax(0) - points.amin(0)).max())
    box = torch.cat([tiny.amin(0), tiny.amax(0)])
    found = [Detection(box, tiny)]
    anonymizer = Anonymizer("pixelate", lambda image: found, recognizer=None)
    result = anonymizer(image)
    (left, top), (right, bottom) = box[:2].floor().int().tolist(), box[2:].ceil().int().tolist()
    assert result.changed[0, top : bottom + 1, left : right + 1].all()
    assert result.faces[0].method in ("pixelate", "solid")
