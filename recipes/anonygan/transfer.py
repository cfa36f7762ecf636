"""Measure on drawn faces whether the result shows the condition's identity in the source's pose.

Only drawn faces have a true answer: the condition's identity seen from the source's view. This only
measures; nothing is trained on it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from results import batch_for, condition_pasted, generated, source_blurred
from torch import Tensor

from graphgan.data import (
    FaceBatch,
    Pairs,
    PictureDataset,
    SyntheticFaces,
    mean_image,
    next_person_pairs,
    read_pairs,
    some_pairs,
    to_float_image,
)
from graphgan.landmarks import paste
from graphgan.metrics import Comparison, Interval, compare, masked_error, mean_over_people
from graphgan.models import AnonyGAN


@dataclass(frozen=True)
class TransferReport:
    """Errors inside the mask (0 to 2, for images in [-1, 1]) and how much shuffling the inputs
    increases them."""

    comparison: Comparison
    rises: dict[str, Interval]

    def __str__(self) -> str:
        lines = ["inside the mask against the true answer, held-out people", str(self.comparison)]
        lines += [
            "increase of the model's error (an interval above 0: the network uses that input)"
        ]
        lines += [f"  {name:<24}{rise!s:>26}" for name, rise in self.rises.items()]
        return "\n".join(lines)


def measure_transfer(
    model: AnonyGAN,
    train_faces: PictureDataset,
    test_faces: SyntheticFaces,
    *,
    num_pairs: int = 256,
) -> TransferReport:
    """Compare the model with three trivial baselines, and with itself on shuffled inputs.

    Args:
        model: trained, on the CPU or a GPU.
        train_faces: the training faces, for their mean face.
        test_faces: faces of people that the model has never seen.
        num_pairs: number of pairs of different people.
    """
    pairs = some_pairs(next_person_pairs(test_faces.persons), num_pairs)
    batch = batch_for(model, read_pairs(test_faces, pairs))
    answers = true_answers(test_faces, pairs).to(batch.source.device)

    def errors_of(result: Tensor) -> Float[Tensor, "b"]:
        return masked_error(result, answers, batch.mask)

    errors = {
        "AnonyGAN": errors_of(generated(model, batch)),
        "mean face": errors_of(mean_face(train_faces, batch)),
        "condition pasted": errors_of(condition_pasted(batch)),
        "source blurred": errors_of(source_blurred(batch)),
    }
    # Each item gets the input half a set away; its neighbor often shows the same person.
    far = len(pairs.source) // 2
    shuffled = {
        "conditions shuffled": batch._replace(
            condition=batch.condition.roll(far, 0),
            condition_landmarks=batch.condition_landmarks.roll(far, 0),
        ),
        "source landmarks shuffled": batch._replace(
            source_landmarks=batch.source_landmarks.roll(far, 0)
        ),
    }
    people = torch.tensor(test_faces.persons)[pairs.source]
    rises = {n: errors_of(generated(model, b)) - errors["AnonyGAN"] for n, b in shuffled.items()}
    return TransferReport(
        compare(
            {n: {"error": e} for n, e in errors.items()}, people, by="error", lower_is_better=True
        ),
        {name: mean_over_people(rise, people) for name, rise in rises.items()},
    )


def true_answers(faces: SyntheticFaces, pairs: Pairs) -> Float[Tensor, "b 3 h w"]:
    """The person of each pair's condition in the view of its source, in [-1, 1]."""
    numbers = zip(pairs.condition.tolist(), pairs.source.tolist(), strict=True)
    return to_float_image(torch.stack([faces.true_answer(c, s).image for c, s in numbers]))


def mean_face(train_faces: PictureDataset, batch: FaceBatch) -> Float[Tensor, "b 3 h w"]:
    """The mean training face, inside every mask."""
    mean = mean_image(train_faces).to(batch.source.device)
    return paste(mean.expand_as(batch.source), batch.source, batch.mask)
