import torch
from colored_faces import Gray, Recolored, color_of

from graphgan.evaluation import Settings
from graphgan.evaluation._measures.condition_rules import describe_under_rule, images_under_rules
from graphgan.evaluation._study import Subject


def test_pictures_are_the_probes_and_then_parrot_images_that_are_none(make_study):
    study = make_study(count=5)
    numbers = images_under_rules(study)
    assert numbers[:5] == list(study.protocol.probes)
    assert set(numbers[5:]) == set(study.protocol.parrot_images) - set(study.protocol.probes)


def test_a_fixed_condition_is_one_color_a_person(make_study, tools):
    study = make_study(Settings(condition_split="all"))
    subject, recognizer = Subject(study, Recolored()), tools.recognizers[0]
    fixed = describe_under_rule(subject, recognizer, "fixed")
    drawn = describe_under_rule(subject, recognizer, "drawn")
    people = study.people(images_under_rules(study))
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

    for count, further in ((None, 0), (5, 10)):  # parrot images that are no probes
        study = make_study(conditions="drawn", count=count)
        subject = Subject(study, Counting())
        made.clear()
        rows = describe_under_rule(subject, tools.recognizers[0], "drawn")
        assert sum(made) == further == len(rows) - len(study.protocol.probes)
        numbers = images_under_rules(study)
        again = study.results(Recolored(), numbers, study.conditions(numbers, "drawn"))
        assert torch.equal(subject.results.images, again.images[: len(study.protocol.probes)])


def test_what_takes_no_condition_is_described_once(study, tools):
    made = []

    class Counting(Gray):
        def __call__(self, request):
            made.append(len(request.source))
            return super().__call__(request)

    subject = Subject(study, Counting())
    rows = [describe_under_rule(subject, tools.recognizers[0], rule) for rule in ("drawn", "fixed")]
    assert torch.equal(*rows) and sum(made) == 24  # parrot images are probes here
