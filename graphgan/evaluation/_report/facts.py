"""Facts, warnings and limitations to report with an evaluation."""

from collections import Counter
from typing import Any

import torch

from graphgan.evaluation._measurements import rate_measurement
from graphgan.evaluation._measures.naturalness import LEAST_FOR_FID, Naturalness
from graphgan.evaluation._measures.privacy import ATTACKERS, Attack, Attacker, attack_of
from graphgan.evaluation._measures.transfer import shown_as_asked
from graphgan.evaluation._results_folder import FolderOfResults
from graphgan.evaluation._study import Study, Subject
from graphgan.evaluation._tools import LEAST_SIDE
from graphgan.faces import DlibResNetRecognizer, Recognizer
from graphgan.landmarks import IBUG_68
from graphgan.metrics import auc, descriptor_distances

CHECKER = DlibResNetRecognizer.name
"""The recognizer with which the anonymizer checks its own results."""

LEAST_PEOPLE, LEAST_PICTURES = 20, 100
_LEAST_AREA = 0.8  # of a recognizer that tells originals apart
_PLURALS: dict[str, str] = {
    "gallery image": "gallery images",
    "parrot image": "further parrot images",
    "video on the gallery's side": "from a video on the gallery's side",
    "one video only": "of people with one video only",
}


def cautions(study: Study) -> list[str]:
    """Warnings for the first lines: too few people or images, or a judge that is not neutral."""
    people, found = len(set(study.probe_people.tolist())), []
    pictures, known = len(study.protocol.probes), len(set(study.gallery_people.tolist()))
    if people < LEAST_PEOPLE:
        found.append(f"only {counted(people, 'person', 'people')}: intervals are wide")
    if pictures < LEAST_PICTURES:
        found.append(f"only {counted(pictures, 'image')}: rates are coarse")
    if not study.asked.any() or known < 2:
        found.append(
            "re-identification was not measured: it needs at least two people with images from "
            f"two videos, there {'is' if known == 1 else 'are'} {known}"
        )
    names = [recognizer.name for recognizer in study.tool_runner.tools.recognizers]
    if names == [CHECKER]:
        found.append(
            f"{CHECKER} is the only recognizer here, and the anonymizer itself checks its results "
            "with it: other recognizers may recognize more"
        )
    lost = int((~study.originals.found).sum())
    if 2 * lost > pictures:
        found.append(
            f"in {lost} of {counted(pictures, 'image')} no face is found even before "
            "anonymization: figures of results mean little"
        )
    recognizers = study.tool_runner.tools.recognizers
    return found + [line for own in recognizers if (line := _caution(study, own))]


def _caution(study: Study, recognizer: Recognizer) -> str:
    """What is to be said of a judge who does not know the originals again."""
    attack = attack_of(study, recognizer, "pose known")
    if not attack.askable.any() or not len(attack.impostors):
        return ""
    own = attack.own_distances[attack.askable]
    area = auc(own, attack.impostors)
    if area >= _LEAST_AREA:
        return ""
    return (
        f"{recognizer.name} does not separate the originals (area under the ROC curve {area:.2f}, "
        "1 is perfect): if it does not recognize results, that means nothing"
    )


def cautions_of_subject(subject: Subject) -> list[str]:
    """Warnings about one system for the first lines."""
    present = subject.results.present
    if present.all():
        return []
    return [f"{subject.system.name}: results for {int(present.sum())} of {len(present)} images"]


def counted(count: int, one: str, several: str = "") -> str:
    """``1 person``, ``2 people``."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def warnings_of_study(study: Study, naturalness: Naturalness) -> list[str]:
    """Limitations of all figures."""
    warnings, probes = [], study.protocol.probes
    height, width = study.pictures.size
    if min(height, width) < LEAST_SIDE:
        warnings.append(
            f"images of {width} x {height} pixels were enlarged to {LEAST_SIDE} for detectors and "
            "recognizers: do not compare with figures from folders of other sizes"
        )
    if skipped := study.pictures.info.get("skipped"):
        listed = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        warnings.append(f"photos that were left out when the folder was prepared: {listed}")
    if not_asked := Counter(filter(None, study.protocol.reasons)):
        listed = ", ".join(f"{count} {_PLURALS[reason]}" for reason, count in not_asked.items())
        warnings.append(
            f"re-identification uses {int(study.asked.sum())} of {len(probes)} probes; excluded: "
            f"{listed}"
        )
    if trained := sum(study.pictures.pictures[i].split == "train" for i in probes):
        warnings.append(
            f"{trained} probes are in the training split: networks that were trained on this "
            "folder have seen these people"
        )
    if (scheme := study.pictures.scheme) != IBUG_68:
        landmarker = study.tool_runner.tools.landmarker.name
        warnings.append(
            f"the folder has {scheme.name} landmarks; {landmarker} found the "
            f"{IBUG_68.num_landmarks} that recognition, pose and appearance need in the untouched "
            "images"
        )
    if incomplete := int((~study.complete).sum()):
        warnings.append(
            f"{incomplete} probes lack landmarks: attackers that use true landmarks skip them"
        )
    if unfound := int((~study.originals.found).sum()):
        warnings.append(
            f"in {unfound} of {len(probes)} untouched probes no face is found: they have no pose "
            "error to detected landmarks"
        )
    unnamed = any(features.name is None for features in naturalness.features)
    if unnamed and naturalness.count < LEAST_FOR_FID:
        warnings.append(
            f"FID and KID mean little with {naturalness.count} images on each side, fewer than "
            f"{LEAST_FOR_FID}"
        )
    return warnings


def warnings_of_subject(subject: Subject) -> list[str]:
    """Limitations of one system's figures."""
    study, system, results = subject.study, subject.system, subject.results
    warnings = []
    if missing := int((~results.present).sum()):
        warnings.append(f"{system.name}: no result for {missing} of {len(results.present)} probes")
    if unfound := int((results.present & ~subject.seen.found).sum()):
        warnings.append(
            f"{system.name}: no face found in {unfound} of {int(results.present.sum())} results: "
            "they have no pose error, and recognition looks where faces usually are"
        )
    if not getattr(system, "pasted", True):
        warnings.append(
            f"{system.name}: the network's own images, not pasted into the face mask as by the "
            "anonymizer"
        )
    if isinstance(system, FolderOfResults):
        pictures = [study.pictures.pictures[i] for i in study.protocol.probes]
        warnings += system.remarks(pictures, study.pictures.size)
    if system.uses_conditions:
        shown = shown_as_asked(study, system, study.protocol.conditions)
        if others := int((~shown).sum()):
            warnings.append(
                f"{system.name}: {others} of {len(shown)} conditions show people whom it was not "
                "trained on; some of its training people replace them"
            )
    return warnings


def facts_of(study: Study, naturalness: Naturalness) -> dict[str, Any]:
    """The data and methods of an evaluation."""
    protocol, info, tools = study.protocol, study.pictures.info, study.tool_runner.tools
    known = len(set(study.gallery_people.tolist()))
    facts: dict[str, Any] = {
        "folder": study.pictures.root.name,
        "probes": len(protocol.probes),
        "people": len(set(study.probe_people.tolist())),
        "recognition probes": int(study.asked.sum()),
        "people in the gallery": known,
        "parrot images": len(protocol.parrot_images),
        "people among the conditions": len(
            {study.pictures.persons[i] for i in protocol.conditions}
        ),
        "size": list(study.pictures.size),
        "resize": f"sides below {LEAST_SIDE} pixels to {LEAST_SIDE}, bicubic",
        "seed": study.settings.seed,
        "false-accept rates": [f"{100 * rate:g} %" for rate in study.settings.false_accept_rates],
        "conditions of the parrot and of links": (
            f"people of the split {study.settings.condition_split!r}"
        ),
        "split of the folder": info.get("options", {}).get("protocol") or "by person",
        "least overlap in place": study.settings.min_iou,
        "images on each side of a Frechet distance": naturalness.count,
        "features of images": _describe(naturalness),
        "recognizers": [recognizer.name for recognizer in tools.recognizers],
        "detectors": [detector.name for detector in tools.all_detectors],
        "landmarker": tools.landmarker.name,
    }
    for attacker in ATTACKERS:
        for recognizer in tools.recognizers:
            facts |= _of_attack(attack_of(study, recognizer, attacker), attacker)
    return facts


def _describe(naturalness: Naturalness) -> str:
    names = []
    for features in naturalness.features:
        path = getattr(features.network, "path", None)
        name = features.name or type(features.network).__name__
        names.append(name if path is None else str(path.name))
    return ", ".join(names) or "none"


def _of_attack(attack: Attack, attacker: Attacker) -> dict[str, Any]:
    """Thresholds, how often two real people are taken for one, and conditions for sources."""
    name = f"{attack.recognizer.name}, {attacker}"
    facts: dict[str, Any] = {}
    for rate in attack.study.settings.false_accept_rates:
        if (threshold := attack.calibrated(rate)) is not None:
            facts[f"{name}: threshold at FAR {100 * rate:g} %"] = threshold
    if (own := attack.recognizer.threshold) is None:
        return facts
    distances, people = attack.impostors, attack.study.probe_people
    if len(distances):
        accepted = torch.where(distances.isnan(), distances, (distances <= own).double()).float()
        cell = rate_measurement(
            accepted, people[:, None].expand_as(attack.is_same)[~attack.is_same]
        )
        facts[f"{name}: different real people verified"] = cell.as_json()
    if attacker == "pose known":
        facts |= _conditions_as_sources(attack, own)
    return facts


def _conditions_as_sources(attack: Attack, threshold: float) -> dict[str, Any]:
    """How often the untouched conditions are taken for the people who are to be hidden by them."""
    study, recognizer = attack.study, attack.recognizer
    given, there = study.protocol.conditions, attack.askable
    if not there.any() or not given:
        return {}
    shown = study.tool_runner.describe(study.images(given), study.landmarks(given), recognizer)
    distances = descriptor_distances(shown, attack.gallery)
    own = torch.where(attack.is_same, distances, torch.inf).amin(1)
    taken = torch.where(there & own.isfinite(), (own <= threshold).float(), torch.nan)
    cell = rate_measurement(taken, study.probe_people)
    return {f"{recognizer.name}: conditions themselves verified as the source": cell.as_json()}
