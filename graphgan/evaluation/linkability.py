"""Whether two anonymized images can be linked, that is, matched as one unknown person."""

from graphgan.evaluation.cells import Cell, Cells, not_measured
from graphgan.evaluation.pairs import Pairs, pair_distances, probe_pairs, separation_cells
from graphgan.evaluation.rules import RULES, describe_ruled
from graphgan.evaluation.subject import Subject
from graphgan.evaluation.trials import ConditionRule, NobodyElseError
from graphgan.faces.contracts import Recognizer


def measure_links(subject: Subject, recognizer: Recognizer) -> Cells:
    """Area under the ROC curve of distances between anonymized images.

    Mated pairs are two anonymized images of one person from different videos; non-mated pairs show
    two people. 0.5 is chance. Measured with conditions drawn for each image, and with one condition
    per person, which links the person's images by design.
    """
    return {
        f"{recognizer.name}: linked, {name}": _measure(subject, recognizer, rule)
        for rule, name in RULES.items()
    }


def _measure(subject: Subject, recognizer: Recognizer, rule: ConditionRule) -> Cell:
    study = subject.study
    count = len(study.trials.probes)
    try:
        described = describe_ruled(subject, recognizer, rule)[:count]
    except NobodyElseError as error:
        return not_measured(str(error))
    there = subject.present & study.complete
    everyone = subject.results.present & study.complete
    # For a group: pairs with at least one image in it.
    pairs = Pairs(
        *(
            own[everyone[own].all(1) & there[own].any(1)]
            for own in probe_pairs(study, ordered=False)
        )
    )
    distances = [pair_distances(described, described, own) for own in pairs]
    return separation_cells(study, pairs, distances)[0]
