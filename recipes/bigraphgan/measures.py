"""How near generated persons come to the true ones, beside answers that need no network."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from results import mean_picture, posed
from torch import Tensor

from graphgan.data.batches import read_pairs
from graphgan.data.pairs import Pairs, some_pairs
from graphgan.data.person_batch import PersonBatch, to_person_batch
from graphgan.data.pictures import PictureDataset
from graphgan.landmarks.pose_mask import pose_mask
from graphgan.metrics.intervals import Interval, bootstrap_mean
from graphgan.metrics.masked_error import masked_error
from graphgan.metrics.ssim import mask_ssim, ssim
from graphgan.models import BiGraphGAN

Values = dict[str, Float[Tensor, "b"]]


@dataclass(frozen=True)
class PoseTransferReport:
    """Rows of measures for the network and for trivial answers, and margins pair by pair."""

    rows: dict[str, dict[str, Interval]]
    margins: dict[str, Interval]
    pairs: int
    people: int

    def __str__(self) -> str:
        names = list(next(iter(self.rows.values())))
        lines = [
            f"{self.pairs} pairs of {self.people} people; inside: the pixels of the person "
            "(pose mask); 95 % over people",
            "  " + " " * 18 + "".join(f"{name:>26}" for name in names).rstrip(),
        ]
        for answer, row in self.rows.items():
            lines.append(f"  {answer:<18}" + "".join(f"{value!s:>26}" for value in row.values()))
        lines.append("SSIM inside: what BiGraphGAN has more than a trivial answer, pair by pair")
        lines += [f"  {name:<18}{margin!s:>26}" for name, margin in self.margins.items()]
        return "\n".join(lines)


def measure_transfer(
    model: BiGraphGAN,
    train_pictures: PictureDataset,
    test_pictures: PictureDataset,
    pairs: Pairs,
    *,
    num_pairs: int = 256,
) -> PoseTransferReport:
    """Compare the network with the picture it was given, and with the mean of the training set.

    Args:
        model: trained, on the CPU or a GPU.
        train_pictures: what it was trained on, for their mean.
        test_pictures: where the pairs are read.
        pairs: of them at most ``num_pairs`` are measured, spread evenly.
        num_pairs: how many.
    """
    device = next(model.parameters()).device
    pairs = some_pairs(pairs, num_pairs)
    batch = to_person_batch(read_pairs(test_pictures, pairs), device)
    mean = mean_picture(train_pictures).to(device)
    answers = {
        "BiGraphGAN": posed(model, batch),
        "source copied": batch.image,
        "mean picture": mean.expand_as(batch.target),
    }
    people = torch.tensor(test_pictures.persons)[pairs.source].numpy()
    values = {name: measures(answer, batch) for name, answer in answers.items()}

    def interval(one: Float[Tensor, "b"]) -> Interval:
        return bootstrap_mean(one.cpu().numpy(), people)

    own, *trivial = values
    return PoseTransferReport(
        rows={n: {m: interval(v) for m, v in row.items()} for n, row in values.items()},
        margins={
            n: interval(values[own]["SSIM inside"] - values[n]["SSIM inside"]) for n in trivial
        },
        pairs=len(pairs.source),
        people=len(set(people.tolist())),
    )


def measures(answer: Float[Tensor, "b 3 h w"], batch: PersonBatch) -> Values:
    """Each measure of each item against its target."""
    size = (answer.shape[2], answer.shape[3])
    mask = pose_mask(batch.target_joints, size)
    return {
        "SSIM inside": ssim(answer, batch.target, mask=mask),
        "SSIM": ssim(answer, batch.target),
        "mask-SSIM": mask_ssim(answer, batch.target, mask),
        "L1 inside": masked_error(answer, batch.target, mask),
        "L1": (answer - batch.target).abs().flatten(1).mean(1),
    }
