"""Draw the picture of the README: drawn people, anonymized by trained weights.

    python scripts/draw_readme_picture.py --checkpoint runs/anonygan-smoke-...

Neither the conditions nor the sources are real people, and none of them was trained on.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from graphgan.anonymize import anonymize_crops
from graphgan.commands import run_command
from graphgan.data import SyntheticFaces, next_person_pairs, read_pairs, some_pairs, to_face_batch
from graphgan.models import AnonyGAN
from graphgan.training import write_sheet


@dataclass(frozen=True)
class PictureOptions:
    """Draw docs/pictures/anonygan.png."""

    checkpoint: Path
    """Weights, or the folder of a run on synthetic faces."""
    out: Path = Path("docs/pictures/anonygan.png")
    """Where the picture goes."""
    size: int = 64
    """Side of a face, as the weights were trained."""
    rows: int = 4
    """Faces in the picture."""
    seed: int = 7
    """Of the people."""


def main(options: PictureOptions) -> None:
    model = AnonyGAN.from_pretrained(options.checkpoint)
    faces = SyntheticFaces(
        2 * options.rows, 2, size=options.size, seed=options.seed, first_person=2_000_000
    )
    pairs = some_pairs(next_person_pairs(faces.persons), options.rows)
    batch = to_face_batch(read_pairs(faces, pairs))
    result = anonymize_crops(
        model, batch.source, batch.source_landmarks, batch.condition, batch.condition_landmarks
    )
    columns = {"source": batch.source, "condition": batch.condition, "result": result}
    enlarged = {
        name: images.repeat_interleave(2, 2).repeat_interleave(2, 3)
        for name, images in columns.items()
    }
    write_sheet(options.out, enlarged)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    run_command(main, PictureOptions)
