"""Measure systems by all metrics: what `recipes/anonygan/evaluate.py` runs.

tools = Tools(CenterFace(), FaceMesh(), [DlibResNetRecognizer()])
with ToolRunner(tools, workers=2) as tool_runner:
    study = Study(pictures, draw_protocol(pictures.pictures), tool_runner)
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

from graphgan.evaluation._groups import Groups
from graphgan.evaluation._measurements import Measurements, not_measured
from graphgan.evaluation._measures.appearance import measure_appearance
from graphgan.evaluation._measures.features import Features, PictureFeatures
from graphgan.evaluation._measures.folds import measure_classes_in_folds, measure_folds
from graphgan.evaluation._measures.naturalness import Naturalness, measure_visibility
from graphgan.evaluation._measures.pairs import measure_links, measure_pairs
from graphgan.evaluation._measures.parrot import measure_parrots
from graphgan.evaluation._measures.privacy import (
    ATTACKERS,
    Attacker,
    Curve,
    attack_of,
    measure_recognition,
    measure_same_class,
)
from graphgan.evaluation._measures.transfer import measure_transfer
from graphgan.evaluation._measures.utility import measure_expressions, measure_utility
from graphgan.evaluation._report.facts import (
    cautions,
    cautions_of_subject,
    facts_of,
    warnings_of_study,
    warnings_of_subject,
)
from graphgan.evaluation._report.sheet import sheet_columns
from graphgan.evaluation._results_folder import FolderOfResults
from graphgan.evaluation._study import Study, Subject
from graphgan.evaluation._systems import System


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

    rows: dict[str, Measurements]
    curves: dict[Attacker, dict[str, Curve]]
    facts: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    sheet: dict[str, Float[Tensor, "b 3 h w"]] = field(default_factory=dict)
    groups: dict[str, dict[str, Measurements]] = field(default_factory=dict)
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
        study: images, protocol and tools.
        systems: with different names. Figures of the originals, thresholds and floors are measured
            whether or not `Original` is among them. A system may list the networks that it was
            trained with in an attribute ``trained_with`` (names): these do not judge it.
        features: of images, for distances to real ones; the first of them also serves to tell
            results from real images.
        groups: of probes, which are also measured separately, see `probe_groups`.
    Raises:
        ValueError: no systems, duplicate names, results that are not images, or features that are
            not finite.
    """
    names = [system.name for system in systems]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected systems with different names, got {names}")
    judges = [recognizer.name for recognizer in study.tool_runner.tools.recognizers]
    if odd := [name for name in [*names, *judges] if not name.isprintable() or "|" in name]:
        raise ValueError(f"expected names without line breaks and |, got {odd}")
    for system in systems:
        if isinstance(system, FolderOfResults):
            system.check([study.pictures.pictures[i] for i in study.protocol.probes])
    looks = [PictureFeatures(study, network) for network in features]
    if len({own.name for own in looks}) < len(looks):
        raise ValueError(f"expected features of different names, got {[own.name for own in looks]}")
    naturalness = Naturalness(study, study.tool_runner.tools.recognizers[0], looks)
    subjects = [Subject(study, system) for system in systems]
    rows: dict[str, Measurements] = {}
    curves: dict[Attacker, dict[str, Curve]] = {attacker: {} for attacker in ATTACKERS}
    by_group: dict[str, dict[str, Measurements]] = {}
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
) -> tuple[Measurements, dict[Attacker, Curve]]:
    """All that can be said of a group of probes, too; and the curves of the first recognizer."""
    study, recognizers = subject.study, subject.study.tool_runner.tools.recognizers
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


def _unless_trained_with(subject: Subject, cells: Measurements) -> Measurements:
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
