"""Anonymize prepared faces: `python recipes/ciagan/sample.py --help`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from identity_batch import to_identity_batch
from pictures import sheet_columns
from results import replaced

from graphgan.commands import run_command
from graphgan.data import (
    Pairs,
    Picture,
    PictureDataset,
    PreparedPictures,
    read_image,
    self_pairs,
    some_pairs,
)
from graphgan.faces import FaceFinder
from graphgan.landmarks import IBUG_68
from graphgan.metrics import POSE_SAMPLES, measure_pose
from graphgan.models import CIAGANGenerator
from graphgan.training import (
    SampleOptions,
    device_of,
    image_file,
    memory_errors_explained,
    write_samples,
)


@dataclass(frozen=True, kw_only=True)
class Options(SampleOptions):
    """Replace every face in a prepared folder with an identity that CIAGAN was trained on."""

    identity: str | None = None
    """Name or number of a person in the training split. Default: a random one for each face."""
    seed: int = 0
    """Random seed for choosing identities."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed < 0:
            raise ValueError(f"expected --seed of at least 0, got {self.seed}")


class Renamed:
    """The same images; the person of each is the one that it shall show."""

    def __init__(self, pictures: PictureDataset, identities: Sequence[int]) -> None:
        self.pictures = pictures
        self.size, self.num_landmarks = pictures.size, pictures.num_landmarks
        self.persons, self.names = identities, pictures.names

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Picture:
        return self.pictures[index]


def main(options: Options) -> None:
    with memory_errors_explained("a smaller --batch-size needs less"), torch.no_grad():
        sample(options)


def sample(options: Options) -> None:
    faces = PreparedPictures(options.data, options.split, scheme=IBUG_68)
    model = options.load(CIAGANGenerator)
    faces.check_masks()
    identities = chosen_identities(model, options, len(faces))
    pairs = options.chosen(self_pairs(len(faces)))
    sources = [faces.names[i] for i in pairs.source.tolist()]
    shown = [person_of(model, identities[i]) for i in pairs.source.tolist()]
    write_samples(
        options,
        Renamed(faces, identities),
        pairs,
        sources,
        {"source": sources, "identity": shown},  # for evaluation, not for publishing
        to_batch=partial(to_identity_batch, size=model.size),
        make=partial(replaced, model),
        columns=partial(sheet_columns, model),
        device=device_of(model),
    )
    print(pose_of_written(faces, pairs, options.out))


def chosen_identities(model: CIAGANGenerator, options: Options, count: int) -> list[int]:
    """The identity for each face: the requested one, or a random one."""
    if options.identity is not None:
        return count * [identity_number(model, options.identity)]
    chance = torch.Generator().manual_seed(options.seed)
    return torch.randint(model.num_identities, (count,), generator=chance).tolist()


def identity_number(model: CIAGANGenerator, asked: str) -> int:
    """The number of a training person, given by name or number.

    Raises:
        ValueError: not a person that the network was trained on.
    """
    if asked in (model.people or ()) or not asked.isdecimal():
        return model.number_of(asked)
    if (number := int(asked)) >= model.num_identities:
        raise ValueError(
            f"expected --identity from 0 to {model.num_identities - 1}, one of the people that "
            f"the network was trained on, got {asked}"
        )
    return number


def person_of(model: CIAGANGenerator, identity: int) -> str:
    return str(identity) if model.people is None else model.people[identity]


def pose_of_written(faces: PreparedPictures, pairs: Pairs, out: Path) -> str:
    """The pose check on written files, spread evenly over them."""
    checked = some_pairs(pairs, POSE_SAMPLES).source.tolist()
    sources = torch.stack([faces[i].image for i in checked])
    written = torch.stack([read_image(image_file(out, faces.names[i])) for i in checked])
    return measure_pose(sources, {"anonymized": written}, FaceFinder())


if __name__ == "__main__":
    run_command(main, Options)
