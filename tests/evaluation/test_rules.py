import torch
from colored_faces import Gray, Recolored, color_of

from graphgan.evaluation.rules import describe_ruled, ruled_pictures
from graphgan.evaluation.study import Settings
from graphgan.evaluation.subject import Subject


def test_pictures_are_the_probes_and_then_lessons_that_are_none(make_study):
    study = make_study(count=5)
    numbers = ruled_pictures(study)
    assert numbers[:5] == list(study.trials.probes)
    assert set(numbers[5:]) == set(study.trials.lessons) - set(study.trials.probes)


def test_a_fixed_condition_is_one_color_a_person(make_study, tools):
    study = make_study(Settings(condition_split="all"))
    subject, recognizer = Subject(study, Recolored()), tools.recognizers[0]
    fixed = describe_ruled(subject, recognizer, "fixed")
    drawn = describe_ruled(subject, recognizer, "drawn")
    people = study.people(ruled_pictures(study))
    for person in torch.unique(people).tolist():
        assert len(torch.unique(fixed[people == person].round(decimals=3), dim=0)) == 1
        own = color_of(person) / 255
        assert (drawn[people == person] - own).norm(dim=1).min() > 0.05
    assert len(torch.unique(drawn.round(decimals=3), dim=0)) > 3


def test_conditions_that_are_drawn_alike_need_no_further_results(make_study, tools):
    made = []

    class Counting(Recolored):
        def __call__(self, request):
            made.append(len(request.source))
            return super().__call__(request)

    for count, further in ((None, 0), (5, 10)):  # lessons that are no probes
        study = make_study(conditions="drawn", count=count)
        subject = Subject(study, Counting())
        made.clear()
        rows = describe_ruled(subject, tools.recognizers[0], "drawn")
        assert sum(made) == further == len(rows) - len(study.trials.probes)
        numbers = ruled_pictures(study)
        again = study.results(Recolored(), numbers, study.conditions(numbers, "drawn"))
        assert torch.equal(subject.results.images, again.images[: len(study.trials.probes)])


def test_what_takes_no_condition_is_described_once(study, tools):
    made = []

    class Counting(Gray):
        def __call__(self, request):
            made.append(len(request.source))
            return super().__call__(request)

    subject = Subject(study, Counting())
    rows = [describe_ruled(subject, tools.recognizers[0], rule) for rule in ("drawn", "fixed")]
    assert torch.equal(*rows) and sum(made) == 24  # lessons are probes here
