"""Measure on drawn faces whether the result shows the requested identity in the source's pose.

Only drawn faces have a true answer: a training person seen from the view of a test face. This only
measures; nothing is trained on it.
"""

from dataclasses import dataclass

import torch
from faces import Faces
from identity_batch import IdentityBatch, to_identity_batch
from jaxtyping import Float
from results import replaced, source_blurred, wanted_pasted
from torch import Tensor

from graphgan.data import SyntheticFaces, render_face, to_float_image
from graphgan.landmarks import paste
from graphgan.metrics import Comparison, Interval, compare, masked_error, mean_over_people
from graphgan.models import CIAGANGenerator
from graphgan.training import device_of


@dataclass(frozen=True)
class TransferReport:
    """Errors inside the mask (0 to 2, for images in [-1, 1]) and how much shuffling the inputs
    increases them."""

    comparison: Comparison
    rises: dict[str, Interval]

    def __str__(self) -> str:
        lines = ["inside the mask against the true answer, faces of held-out people"]
        lines += [str(self.comparison)]
        lines += [
            "increase of the model's error (an interval above 0: the network uses that input)"
        ]
        lines += [f"  {name:<24}{rise!s:>26}" for name, rise in self.rises.items()]
        return "\n".join(lines)


def measure_transfer(
    model: CIAGANGenerator,
    faces: Faces,
    mean_face: Float[Tensor, "3 h w"],
    *,
    num_pairs: int = 256,
) -> TransferReport:
    """Compare the model with three trivial baselines, and with itself on shuffled inputs.

    Args:
        model: trained, on the CPU or a GPU.
        faces: drawn faces.
        mean_face: mean of the training faces, in [-1, 1].
        num_pairs: number of pairs of a training person and another person's face.
    """
    wanted, sources = faces.unlike_pairs(num_pairs)
    batch = to_identity_batch(faces.read(wanted, sources), device_of(model))
    answers = true_answers(faces, wanted, sources).to(batch.source.device)
    mean = mean_face.to(batch.source.device).expand_as(batch.source)

    def errors_of(result: Tensor) -> Float[Tensor, "b"]:
        return masked_error(result, answers, batch.mask)

    errors = {
        "CIAGAN": errors_of(replaced(model, batch)),
        "mean face": errors_of(paste(mean, batch.source, batch.mask)),
        "wanted person pasted": errors_of(wanted_pasted(batch)),
        "source blurred": errors_of(source_blurred(batch)),
    }
    people = torch.tensor(faces.test.persons)[torch.tensor(sources)]
    rises = {
        name: errors_of(replaced(model, shuffled)) - errors["CIAGAN"]
        for name, shuffled in shuffled_inputs(batch).items()
    }
    return TransferReport(
        compare(
            {n: {"error": e} for n, e in errors.items()}, people, by="error", lower_is_better=True
        ),
        {name: mean_over_people(rise, people) for name, rise in rises.items()},
    )


def shuffled_inputs(batch: IdentityBatch) -> dict[str, IdentityBatch]:
    """Each input replaced by that of the item half a set away."""
    far = len(batch.source) // 2
    return {
        "identities shuffled": batch._replace(identity=batch.identity.roll(far, 0)),
        "landmarks shuffled": batch._replace(landmarks=batch.landmarks.roll(far, 0)),
    }


def true_answers(faces: Faces, wanted: list[int], sources: list[int]) -> Float[Tensor, "b 3 h w"]:
    """The people of the wanted images in the views of the sources, in [-1, 1]."""
    train, test = faces.train, faces.test
    if not (isinstance(train, SyntheticFaces) and isinstance(test, SyntheticFaces)):
        raise ValueError("expected drawn faces, since others have no true answer")
    pictures = [
        render_face(train.identity(w), test.view(s), train.size[0]).image
        for w, s in zip(wanted, sources, strict=True)
    ]
    return to_float_image(torch.stack(pictures))
