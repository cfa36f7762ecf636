"""Measure systems and collect the metrics in one table, as `recipes/anonygan/evaluate.py` does.

tools = Tools(CenterFace(), FaceMesh(), [DlibResNetRecognizer()])
with Examiner(tools, workers=2) as examiner:
    study = Study(images, make_trials(pictures.pictures), examiner)
    evaluation = evaluate(study, [Original(), obscuring_system("blur"), Mine()])
write_report(evaluation, Path("report"))
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from jaxtyping import Float
from torch import Tensor

from graphgan.evaluation.appearance import measure_appearance
from graphgan.evaluation.cells import Cells, not_measured
from graphgan.evaluation.expressions import measure_expressions
from graphgan.evaluation.facts import (
    cautions,
    cautions_of_subject,
    facts_of,
    warnings_of_study,
    warnings_of_subject,
)
from graphgan.evaluation.features import Features, PictureFeatures
from graphgan.evaluation.folds import measure_classes_in_folds, measure_folds
from graphgan.evaluation.groups import Groups
from graphgan.evaluation.linkability import measure_links
from graphgan.evaluation.naturalness import Naturalness
from graphgan.evaluation.pairs import measure_pairs
from graphgan.evaluation.parrot import measure_parrots
from graphgan.evaluation.privacy import (
    ATTACKERS,
    Attacker,
    Curve,
    attack_of,
    measure_recognition,
    measure_same_class,
)
from graphgan.evaluation.results_folder import FolderOfResults
from graphgan.evaluation.sheet import sheet_columns
from graphgan.evaluation.study import Study
from graphgan.evaluation.subject import Subject
from graphgan.evaluation.systems import System
from graphgan.evaluation.transfer import measure_transfer
from graphgan.evaluation.utility import measure_utility
from graphgan.evaluation.visibility import measure_visibility


@dataclass(frozen=True)
class Evaluation:
    """Results of an evaluation.

    Args:
        rows: by system and metric name; a metric that only some systems have is missing in the
            others' rows.
        curves: by attacker and system: false against true accepts of the first recognizer.
        facts: data and methods of the evaluation.
        warnings: limitations the reader must know.
        sheet: columns of images in [-1, 1].
        groups: by system and group of probes: the same metrics for that group.
        cautions: warnings shown before any figure.
    """

    rows: dict[str, Cells]
    curves: dict[Attacker, dict[str, Curve]]
    facts: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    sheet: dict[str, Float[Tensor, "b 3 h w"]] = field(default_factory=dict)
    groups: dict[str, dict[str, Cells]] = field(default_factory=dict)
    cautions: list[str] = field(default_factory=list)


def evaluate(
    study: Study,
    systems: Sequence[System],
    *,
    features: Sequence[Features] = (),
    groups: Groups | None = None,
) -> Evaluation:
    """Measure all metrics of every system.

    Args:
        study: images, trials and tools.
        systems: systems with distinct names. Metrics of the originals, thresholds and floors are
            measured whether or not `Original` is among them. A system's attribute ``trained_with``
            may name networks used in its training; these do not judge it.
        features: feature networks for distances to real images; the first ones are also used to
            tell results from real images.
        groups: groups of probes to measure as well, see `graphgan.evaluation.groups`.
    Raises:
        ValueError: no systems, duplicate names, results that are not images, or features that are
            not finite.
    """
    names = [system.name for system in systems]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected systems with different names, got {names}")
    judges = [recognizer.name for recognizer in study.examiner.tools.recognizers]
    if odd := [name for name in [*names, *judges] if not name.isprintable() or "|" in name]:
        raise ValueError(f"expected names without lines and |, got {odd}")
    for system in systems:
        if isinstance(system, FolderOfResults):
            system.check([study.pictures.pictures[i] for i in study.trials.probes])
    looks = [PictureFeatures(study, network) for network in features]
    if len({own.name for own in looks}) < len(looks):
        raise ValueError(
            f"expected features with different names, got {[own.name for own in looks]}"
        )
    naturalness = Naturalness(study, study.examiner.tools.recognizers[0], looks)
    subjects = [Subject(study, system) for system in systems]
    rows: dict[str, Cells] = {}
    curves: dict[Attacker, dict[str, Curve]] = {attacker: {} for attacker in ATTACKERS}
    by_group: dict[str, dict[str, Cells]] = {}
    warnings = warnings_of_study(study, naturalness)
    for subject in subjects:
        name = subject.system.name
        cells, own_curves = _measure(subject, looks)
        rows[name] = _unless_trained_with(subject, cells | naturalness.measure(subject))
        for attacker, curve in own_curves.items():
            curves[attacker][name] = curve
        warnings += warnings_of_subject(subject)
        if groups:
            by_group[name] = {
                group: _unless_trained_with(subject, _measure(subject.among(members), looks)[0])
                for group, members in groups.items()
            }
    return Evaluation(
        rows,
        curves,
        facts_of(study, naturalness),
        warnings,
        sheet_columns(subjects),
        by_group,
        [*cautions(study), *chain.from_iterable(map(cautions_of_subject, subjects))],
    )


def _measure(
    subject: Subject, features: Sequence[PictureFeatures]
) -> tuple[Cells, dict[Attacker, Curve]]:
    """All that can be said of a group of probes, too; and the curves of the first recognizer."""
    study, recognizers = subject.study, subject.study.examiner.tools.recognizers
    cells = measure_utility(subject) | measure_expressions(subject) | measure_appearance(subject)
    curves: dict[Attacker, Curve] = {}
    attacks = [(attacker, r) for attacker in ATTACKERS for r in recognizers]
    for attacker, recognizer in attacks:
        attack = attack_of(study, recognizer, attacker)
        found, curve = measure_recognition(attack, subject)
        cells |= found | measure_pairs(attack, subject)
        is_shown = recognizer is recognizers[0] and recognizer.name not in _trained_with(subject)
        if curve is not None and is_shown:
            curves[attacker] = curve
    for recognizer in recognizers:
        cells |= measure_same_class(subject, recognizer)
        cells |= measure_classes_in_folds(subject, recognizer)
        cells |= measure_parrots(subject, recognizer)
        cells |= measure_links(subject, recognizer)
        cells |= measure_transfer(subject, recognizer)
    for attacker, recognizer in attacks:
        cells |= measure_folds(attack_of(study, recognizer, attacker), subject)
    return cells | measure_visibility(subject, next(iter(features), None)), curves


def _unless_trained_with(subject: Subject, cells: Cells) -> Cells:
    """What a network was trained with does not judge it."""
    judged = dict(cells)
    for judge in _trained_with(subject):
        name = re.escape(judge)
        own = re.compile(rf"{name}[,:] .*|(FD|KID)-{name}|told from real by {name}")
        for metric in filter(own.fullmatch, cells):
            judged[metric] = not_measured(f"the network was trained with {judge}")
    return judged


def _trained_with(subject: Subject) -> tuple[str, ...]:
    return tuple(getattr(subject.system, "trained_with", ()))
