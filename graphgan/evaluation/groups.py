"""Systems measured group by group: of which pictures does what is said of all not hold?"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.data.batches import to_float_image
from graphgan.evaluation.cells import Cells
from graphgan.evaluation.privacy import ATTACKERS, Attack, measure_recognition
from graphgan.evaluation.study import Results, Study
from graphgan.evaluation.systems import System
from graphgan.evaluation.transfer import measure_transfer
from graphgan.evaluation.utility import measure_utility
from graphgan.landmarks.masks import face_mask

_JAW_RIGHT, _JAW_LEFT, _NOSE_TIP = 0, 16, 30
_LUMA = (0.299, 0.587, 0.114)

Groups = dict[str, Bool[Tensor, "n"]]


def probe_groups(study: Study) -> Groups:
    """The probes in halves, at the medians of three things: pose, size and light.

    - turned: how far the tip of the nose is from the middle between the ends of the jaw, along the
      line through them, in widths of the jaw;
    - size: width of the face's crop in its photo, in pixels;
    - light: mean luma inside the face mask, 0 to 255.

    Probes with a landmark missing are in no group of pose and light.
    """
    probes = study.trials.probes
    crops = [study.pictures.pictures[i].crop.width for i in probes]
    return {
        **_halves("from the front", "turned", _turned(study), "{:.2f} jaw widths"),
        **_halves("small", "large", torch.tensor(crops), "a crop of {:.0f} pixels"),
        **_halves("dark", "bright", _light(study), "a luma of {:.0f}"),
    }


def _halves(low: str, high: str, values: Float[Tensor, "n"], unit: str) -> Groups:
    there = values[values.isfinite()]
    if not len(there) or there.amin() == there.amax():
        return {}
    middle = float(there.median())
    limit = unit.format(middle)
    return {f"{low} (up to {limit})": values <= middle, f"{high} (more)": values > middle}


def _turned(study: Study) -> Float[Tensor, "n"]:
    points = study.landmarks(study.trials.probes)
    right, left, tip = (points[:, i] for i in (_JAW_RIGHT, _JAW_LEFT, _NOSE_TIP))
    across = left - right
    along = ((tip - right) * across).sum(1) / across.square().sum(1)
    return (along - 0.5).abs()


def _light(study: Study) -> Float[Tensor, "n"]:
    probes = study.trials.probes
    mask = face_mask(study.landmarks(probes), study.pictures.size)
    luma = (to_float_image(study.images(probes)) * torch.tensor(_LUMA)[:, None, None]).sum(1)
    means = ((luma + 1) * 127.5 * mask[:, 0]).sum((1, 2)) / mask[:, 0].sum((1, 2))
    return torch.where(study.complete, means, torch.nan)


def measure_groups(study: Study, system: System, groups: Groups) -> dict[str, Cells]:
    """What `evaluate` says of all probes, of each group: utility, recognition, likeness.

    Args:
        study: what is asked. With a cache, nothing is computed again.
        system: whose results are measured.
        groups: which probes are in it, by its name.
    """
    trials, recogniser = study.trials, study.examiner.tools.recognisers[0]
    results = study.results(system, trials.probes, trials.conditions)
    seen = study.see(results.images)
    attacks = [Attack(study, recogniser, attacker) for attacker in ATTACKERS]
    measured = {}
    for name, members in groups.items():
        own = Results(results.images, results.present & members)
        cells = measure_utility(study, own, seen)
        for attack in attacks:
            cells |= measure_recognition(attack, own, seen)[0]
        measured[name] = cells | measure_transfer(study, system, own, recogniser)
    return measured
