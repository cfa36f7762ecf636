"""Compare generated persons with the true images, next to baselines that need no network."""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from persons import Persons
from results import posed
from torch import Tensor

from graphgan.data import Pairs, PersonBatch, mean_image, to_person_batch
from graphgan.landmarks import bend_limbs, pose_mask
from graphgan.metrics import Comparison, compare, mask_ssim, masked_error, ssim
from graphgan.models import BiGraphGAN
from graphgan.training import device_of, pair_batches

INSIDE = "SSIM inside"


@dataclass(frozen=True)
class PoseTransferReport:
    """The network's scores next to trivial baselines.

    Args:
        comparison: margins in `INSIDE`.
        pairs, people: number of pairs and people measured.
        empty: number of pairs with nothing to measure inside the region.
        of_training: whether the images are training images.
    """

    comparison: Comparison
    pairs: int
    people: int
    empty: int
    of_training: bool

    def __str__(self) -> str:
        lines = [f"{self.pairs} pairs of {self.people} people, inside: the pixels of the person"]
        lines.append(str(self.comparison))
        if self.empty:
            lines.append(
                f"no visible joint, measured over the whole image only: {self.empty} pairs"
            )
        if self.of_training:
            lines.append("measured on training images, since no test images form pairs")
        return "\n".join(lines)


def measure_transfer(
    model: BiGraphGAN,
    persons: Persons,
    pairs: Pairs,
    *,
    batch_size: int = 32,
) -> PoseTransferReport:
    """Compare the network with the image it was given, as it is and bent limb by limb to the
    wanted joints, and with the mean of the training set.

    "Inside" is the region of the person, the pose mask of the target's joints.

    Args:
        model: trained, on the CPU or a GPU.
        persons: the training data, for its mean image, and the images of the pairs.
        pairs: pairs of test images to measure.
        batch_size: number of pairs per batch.
    """
    device = device_of(model)
    mean = mean_image(persons.train).to(device)
    answers = {
        "BiGraphGAN": partial(posed, model),
        "source copied": lambda batch: batch.image,
        "source bent": lambda batch: bend_limbs(batch.image, batch.joints, batch.target_joints),
        "mean image": lambda batch: mean.expand_as(batch.target),
    }
    batches = partial(pair_batches, persons.test, pairs, to_person_batch, device=device)
    parts: dict[str, list[dict[str, Tensor]]] = defaultdict(list)
    for batch in batches(batch_size=batch_size):
        for name, answer in answers.items():
            parts[name].append(measures(answer(batch), batch))
    values = {
        name: {key: torch.cat([part[key] for part in row]).cpu() for key in row[0]}
        for name, row in parts.items()
    }
    people = torch.tensor(persons.test.persons)[pairs.source]

    return PoseTransferReport(
        comparison=compare(values, people, by=INSIDE),
        pairs=len(people),
        people=len(people.unique()),
        empty=int(values["BiGraphGAN"][INSIDE].isnan().sum()),
        of_training=persons.test_is_train,
    )


def measures(answer: Float[Tensor, "b 3 h w"], batch: PersonBatch) -> dict[str, Float[Tensor, "b"]]:
    """Each measure of each item against its target; NaN for an empty region.

    SSIM up to 1; absolute differences (L1) of 0 to 2, images in [-1, 1].
    """
    mask = pose_mask(batch.target_joints, (answer.shape[2], answer.shape[3]))
    similarity = ssim(answer, batch.target, mask=mask)
    empty = similarity.isnan()  # of a mask on the border alone there is nothing to see either
    inside = {
        INSIDE: similarity,
        "mask-SSIM": mask_ssim(answer, batch.target, mask),
        "L1 inside": masked_error(answer, batch.target, mask),
    }
    return {name: values.masked_fill(empty, torch.nan) for name, values in inside.items()} | {
        "SSIM": ssim(answer, batch.target),
        "L1": (answer - batch.target).abs().flatten(1).mean(1),
    }
