"""Groups of probes, to find images for which the overall figures do not hold.

The name of a group is ``KIND: VALUE``, such as "sex: female". Groups of one kind are compared.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from graphgan.data.batches import to_float_image
from graphgan.evaluation.study import Study
from graphgan.landmarks.masks import face_mask
from graphgan.metrics._regions import luminance

_JAW_RIGHT, _JAW_LEFT, _NOSE_TIP = 0, 16, 30

Groups = dict[str, Bool[Tensor, "n"]]


def probe_groups(study: Study) -> Groups:
    """Split the probes in halves by pose, size and light.

    - turned: how far the tip of the nose is from the middle between the ends of the jaw, along the
      line through them, in widths of the jaw;
    - size: width of the face's crop in its photo, in pixels;
    - light: mean luma inside the face mask, 0 to 255.

    Probes with a landmark missing are in no group of pose and light.
    """
    probes = study.trials.probes
    crops = [study.pictures.pictures[i].crop.width for i in probes]
    return {
        **_halves("pose: from the front", "pose: turned", _turned(study), "{:.2f} jaw widths"),
        **_halves("size: small", "size: large", torch.tensor(crops), "a crop of {:.0f} pixels"),
        **_halves("light: dark", "light: bright", _light(study), "a luma of {:.0f}"),
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
    luma = (luminance(to_float_image(study.images(probes))) + 1) * 127.5
    means = (luma * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
    return torch.where(study.complete, means, torch.nan)
