import pytest
import torch
from colored_faces import ColorRecognizer

from graphgan.anonymize import Anonymizer, Selection, drawn_conditions
from graphgan.anonymize.serve._choices import choices_of


class Shown:
    """The condition itself."""

    name = "shown"
    size = (32, 48)
    uses_conditions = True

    def __call__(self, faces, conditions):
        return torch.stack([condition.image for condition in conditions])


class Mirrored:
    name = "mirrored twice"
    size = (32, 32)
    uses_conditions = False

    def __call__(self, faces, conditions):
        return faces.images.flip(-1)


def make(method, conditions=(), **options):
    return Anonymizer(method, lambda image: [], conditions, recognizer=ColorRecognizer(), **options)


@pytest.fixture(scope="module")
def people():
    return drawn_conditions(3, size=(32, 48))


def test_anyone_each_person_and_nobody(people):
    choices = choices_of(make(Shown(), people))
    assert [(c.key, c.group) for c in choices] == [
        ("anyone", "people"),
        ("person-0", "person"),
        ("person-1", "person"),
        ("person-2", "person"),
        ("pixelate", "cover"),
        ("blur", "cover"),
        ("solid", "cover"),
    ]
    assert [c.label for c in choices[:4]] == ["Anyone", "drawn-0", "drawn-1", "drawn-2"]


def test_who_was_chosen_is_shown_or_nobody(people):
    choices = {c.key: c.anonymizer for c in choices_of(make(Shown(), people, tries=3))}

    def tried(key):
        attempts = choices[key].attempts("a")
        return [str(next(attempts)) for _ in range(6)]

    assert tried("person-1") == ["as drawn-1", "pixelate", *["solid"] * 4]
    assert sorted(tried("anyone")[:3]) == ["as drawn-0", "as drawn-1", "as drawn-2"]
    assert tried("blur") == ["blur", "pixelate", *["solid"] * 4]


def test_all_else_is_as_in_the_given_one(people):
    keep = Selection(keep=((1.0, 1.0, 9.0, 9.0),))
    given = make(
        Shown(), people, selection=keep, threshold=0.3, fallback="blur", seed=4, match="look"
    )
    for choice in choices_of(given):
        other = choice.anonymizer
        for part in (
            "detector",
            "recognizer",
            "selection",
            "fallback",
            "threshold",
            "tries",
            "last",
        ):
            assert getattr(other, part) is getattr(given, part)
        assert (other.order.seed, other.order.match) == (4, "look")
    assert len(given.order) == 3 and given.method.name == "shown"


@pytest.mark.parametrize("own", ["pixelate", "blur", "solid"])
def test_the_own_method_comes_first(own):
    given = make(own)
    choices = choices_of(given)
    assert choices[0].key == own and choices[0].anonymizer.method is given.method
    assert sorted(c.key for c in choices) == ["blur", "pixelate", "solid"]


def test_a_method_of_one_s_own_is_offered_too():
    choices = choices_of(make(Mirrored()))
    assert [c.key for c in choices] == ["own", "pixelate", "blur", "solid"]
    assert choices[0].label == "Mirrored twice"


def test_pictures_show_what_is_meant(people):
    choices = {c.key: c for c in choices_of(make(Shown(), people))}
    for i, person in enumerate(people):
        assert torch.equal(choices[f"person-{i}"].picture, person.image)
    anyone = choices["anyone"].picture
    for i, (top, left) in enumerate([(0, 0), (0, 24), (16, 0), (16, 24)]):
        quarter = anyone[:, top : top + 16, left : left + 24]
        blocks = people[i % 3].image.unfold(1, 2, 2).unfold(2, 2, 2).mean((-1, -2))
        torch.testing.assert_close(quarter, blocks)
    black = choices["solid"].picture
    center = black[:, 60:70, 60:70]
    assert (center == -1).all() and (black[:, :10] > -1).any()
    for choice in choices.values():
        assert choice.picture.abs().max() <= 1
