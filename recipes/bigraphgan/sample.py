"""Draw the persons of a prepared folder in other poses: `... sample.py --help`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from persons import pairs_of, sample_names
from pictures import sheet_columns
from results import posed

from graphgan.commands import run_command
from graphgan.data import PreparedPictures, to_person_batch
from graphgan.landmarks import OPENPOSE_18
from graphgan.models import BiGraphGAN
from graphgan.training import SampleOptions, device_of, memory_errors_explained, write_samples
from graphgan.weights import PERSONS


@dataclass(frozen=True, kw_only=True)
class Options(SampleOptions):
    """Render the person in each pair's first image in the pose of its second.

    Uses the folder's list of pairs. Without a list, every image is rendered in the pose of the next
    image of its person.
    """

    checkpoint: Path = Path(PERSONS)


def main(options: Options) -> None:
    with memory_errors_explained("a smaller --batch-size needs less"), torch.no_grad():
        sample(options)


def sample(options: Options) -> None:
    persons = PreparedPictures(options.data, options.split, scheme=OPENPOSE_18)
    model = options.load(BiGraphGAN)
    pairs = options.chosen(pairs_of(persons))
    names = sample_names(persons, pairs)
    table = {
        "file": [f"{name}.png" for name in names],
        "from": [persons.names[i] for i in pairs.condition.tolist()],
        "to": [persons.names[i] for i in pairs.source.tolist()],
    }
    write_samples(
        options,
        persons,
        pairs,
        names,
        table,
        to_batch=to_person_batch,
        make=partial(posed, model),
        columns=partial(sheet_columns, model),
        device=device_of(model),
    )


if __name__ == "__main__":
    run_command(main, Options)
