"""Anonymize prepared faces: `python recipes/anonygan/sample.py --help`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from pictures import sheet_columns
from results import anonymized, shown_batch, unpasted

from graphgan.commands import run_command
from graphgan.data import (
    LANDMARKS_OF_68,
    Pairs,
    PreparedPictures,
    next_person_pairs,
    read_image,
    some_pairs,
)
from graphgan.faces import FaceFinder
from graphgan.landmarks import IBUG_68
from graphgan.metrics import POSE_SAMPLES, measure_pose
from graphgan.models import AnonyGAN
from graphgan.training import (
    SampleOptions,
    device_of,
    image_file,
    memory_errors_explained,
    write_samples,
)
from graphgan.weights import FACES


@dataclass(frozen=True, kw_only=True)
class Options(SampleOptions):
    """Replace every face in a prepared folder with the identity of the next person."""

    checkpoint: Path = Path(FACES)
    paste: Literal["mask", "none"] = "mask"
    """Paste the results into the source's face mask, or write the raw network output (the paper's
    I_g), whose surroundings are not the source's."""
    seed: int = 0
    """Random seed for choosing among the next person's images."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed < 0:
            raise ValueError(f"expected --seed of at least 0, got {self.seed}")


def main(options: Options) -> None:
    with memory_errors_explained("a smaller --batch-size needs less"), torch.no_grad():
        sample(options)


def sample(options: Options) -> None:
    faces = PreparedPictures(options.data, options.split)
    model = options.load(AnonyGAN)
    known = LANDMARKS_OF_68 if faces.scheme == IBUG_68 else (faces.num_landmarks,)
    if (count := model.generator.num_landmarks) not in known:
        choices = " or ".join(map(str, known))
        raise ValueError(
            f"{options.checkpoint}: expected a network of {choices} landmarks for faces with "
            f"{faces.landmark_scheme}, got one of {count}"
        )
    if model.size not in (None, faces.size):
        raise ValueError(
            f"expected faces of {model.size[1]} x {model.size[0]} pixels, which the network was "
            f"trained on, got {faces.size[1]} x {faces.size[0]}"
        )
    faces.check_masks()
    pairs = options.chosen(next_person_pairs(faces.persons, seed=options.seed))
    sources = [faces.names[i] for i in pairs.source.tolist()]
    conditions = [faces.names[i] for i in pairs.condition.tolist()]
    write_samples(
        options,
        faces,
        pairs,
        sources,
        {"source": sources, "condition": conditions},  # for evaluation, not for publishing
        to_batch=partial(
            shown_batch,
            face_alone=model.face_alone,
            forehead=model.forehead,
            scheme=faces.scheme,
        ),
        make=partial(anonymized if options.paste == "mask" else unpasted, model),
        columns=partial(sheet_columns, model),
        device=device_of(model),
    )
    print(pose_of_written(faces, pairs, options.out))


def pose_of_written(faces: PreparedPictures, pairs: Pairs, out: Path) -> str:
    """The pose check on files that were written, spread evenly over them."""
    checked = some_pairs(pairs, POSE_SAMPLES).source.tolist()
    sources = torch.stack([faces[i].image for i in checked])
    written = torch.stack([read_image(image_file(out, faces.names[i])) for i in checked])
    return measure_pose(sources, {"anonymized": written}, FaceFinder())


if __name__ == "__main__":
    run_command(main, Options)
