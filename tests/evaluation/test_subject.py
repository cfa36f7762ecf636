import pytest
import torch
from colored_faces import Gray, Recolored

from graphgan.evaluation.subject import Subject


def test_results_are_made_and_seen_once(study):
    calls = []

    class Counting(Gray):
        def __call__(self, request):
            calls.append(len(request.source))
            return super().__call__(request)

    subject = Subject(study, Counting())
    some = subject.among(torch.arange(24) < 5)
    assert some.seen is subject.seen
    assert sum(calls) == 24
    assert int(some.present.sum()) == 5 and bool(subject.present.all())


def test_what_was_found_is_not_found_again(study):
    subject = Subject(study, Gray())
    assert [subject.once("x", lambda: 1), subject.once("x", lambda: 2)] == [1, 1]
    assert subject.among(subject.present).once("x", lambda: 3) == 1


def test_a_system_without_a_single_result_is_refused(study):
    class Nothing(Recolored):
        def __call__(self, request):
            return torch.full_like(request.source, torch.nan)

    with pytest.raises(ValueError, match="recolored: expected results for the probes, got none"):
        Subject(study, Nothing())
