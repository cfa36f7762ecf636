"""Drawn persons that BiGraphGAN's commands can work on."""

import itertools
import json
import shutil
from pathlib import Path

import pytest
import torch

from graphgan.data import SyntheticPersons, write_image
from graphgan.models import BiGraphGAN

PEOPLE = {"train": (1, 2, 3), "test": (4, 5)}


@pytest.fixture(scope="session")
def drawn_market(tmp_path_factory) -> Path:
    """Drawn persons as Market-1501 lays them out, with every pair of two images of a person."""
    root = tmp_path_factory.mktemp("market")
    persons = SyntheticPersons(5, 3)
    for split, people in PEOPLE.items():
        rows, pairs = ["name:keypoints_y:keypoints_x"], ["from,to"]
        (root / split).mkdir()
        for person in people:
            names = [f"{person:04d}_c{i}s1_00045{i}_00.png" for i in range(3)]
            for i, name in enumerate(names):
                image, joints = persons[3 * (person - 1) + i]
                write_image(root / split / name, image)
                x, y = joints.round().nan_to_num(-1).int().T.tolist()
                rows.append(f"{name}: {json.dumps(y)}: {json.dumps(x)}")
            pairs += [f"{a},{b}" for a, b in itertools.permutations(names, 2)]
        (root / f"market-annotation-{split}.csv").write_text("\n".join(rows) + "\n")
        (root / f"market-pairs-{split}.csv").write_text("\n".join(pairs) + "\n")
    return root


@pytest.fixture
def market_folder(drawn_market, tmp_path) -> Path:
    """A copy of the drawn data set that a test may spoil."""
    return shutil.copytree(drawn_market, tmp_path / "market")


@pytest.fixture(scope="session")
def person_folder(drawn_market, tmp_path_factory) -> Path:
    """A prepared folder: three people to train on, two for testing, three images each, pairs."""
    import prepare  # of this recipe, once it is entered

    out = tmp_path_factory.mktemp("persons") / "prepared"
    prepare.main(prepare.Options(images=drawn_market, layout="market", out=out, workers=1))
    return out


@pytest.fixture(scope="session")
def tiny(person_folder) -> list[str]:
    """Flags of a run of a few seconds; later flags replace earlier ones."""
    flags = "--width 4 --blocks 1 --discriminator-width 4 --batch-size 4 --device cpu"
    flags += " --projected False --perceptual none --bend False"  # no network of others
    return [*flags.split(), "--precision", "32-true", "--steps", "6", "--data", str(person_folder)]


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """Of a small network that has learned nothing."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "generator.safetensors"
    BiGraphGAN.published("market", width=4, num_blocks=1).save_pretrained(path)
    return path
