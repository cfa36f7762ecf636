import csv
from pathlib import Path

import pytest
import torch

from graphgan.data import (
    SyntheticPersons,
    next_picture_pairs,
    read_image,
    some_pairs,
    to_person_batch,
    to_uint8_image,
)
from graphgan.models import BiGraphGAN
from graphgan.training import (
    CheckpointOptions,
    RunFolder,
    SampleOptions,
    image_file,
    pair_batches,
    write_samples,
)
from graphgan.weights._finding import WEIGHTS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def persons():
    return SyntheticPersons(3, 2, size=(32, 16))


def test_batches_hold_all_pairs_in_their_order(persons):
    pairs = next_picture_pairs(persons.persons)
    batches = list(pair_batches(persons, pairs, to_person_batch, batch_size=4, device=CPU))
    assert [len(batch.image) for batch in batches] == [4, 2]
    targets = to_uint8_image(torch.cat([batch.target for batch in batches]))
    assert all(torch.equal(targets[i], persons[i].image) for i in range(6))


@pytest.fixture
def write(persons, tmp_path):
    """Writes the targets of three pairs as they are."""
    pairs = some_pairs(next_picture_pairs(persons.persons), 3)
    given = {
        "names": [f"{persons.names[i]}/made" for i in pairs.source.tolist()],
        "table": {"from": ["a,b", 'c"d', "e"], "to": ["e", "Zoë", ""]},
    }

    def write(out="out", **changes):
        options = SampleOptions(
            checkpoint=Path("weights"), data=Path("data"), out=tmp_path / out, batch_size=2
        )
        write_samples(
            options,
            persons,
            pairs,
            **(given | changes),
            to_batch=to_person_batch,
            make=lambda batch: batch.target,
            columns=lambda batch: {"image": batch.image, "target": batch.target},
            device=CPU,
        )
        return pairs, given["names"]

    return write


def test_every_name_gets_the_picture_that_was_made_for_it(write, persons, tmp_path):
    pairs, names = write()
    for name, i in zip(names, pairs.source.tolist(), strict=True):
        assert torch.equal(read_image(image_file(tmp_path / "out", name)), persons[i].image)
    assert len(list((tmp_path / "out" / "images").rglob("*.png"))) == 3
    sheet = read_image(tmp_path / "out" / "sheet.png")
    assert sheet.shape[1] > 17 + 2 + 3 * 34  # titles take a line and more
    assert sheet.shape[2] == 2 + 2 * 18


def test_the_table_of_pairs_is_read_back_as_it_was(write, tmp_path):
    write()
    with (tmp_path / "out" / "pairs.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["from", "to"], ["a,b", "e"], ['c"d', "Zoë"], ["e", ""]]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b", "a"], "expected different names, got 1 duplicates"),
        (["a", "b", "ü" * 125], "expected shorter image names, got 'ü"),
    ],
)
def test_names_that_no_files_can_have_are_refused_before_the_work(write, tmp_path, names, message):
    with pytest.raises(ValueError, match=message):
        write(names=names)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(write, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis").touch()
    with pytest.raises(
        ValueError, match=r"expected a new or empty folder.*choose another folder with --out"
    ):
        write()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis"]


def test_the_newest_weights_of_a_run_are_loaded_to_work(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    model = BiGraphGAN.published("market", width=4, num_blocks=1)
    run.save(1, {}, lambda folder: model.save_pretrained(folder / WEIGHTS))
    loaded = CheckpointOptions(checkpoint=run.path, device="cpu").load(BiGraphGAN)
    assert not loaded.training
    image, joints = torch.randn(2, 3, 32, 16), 15 * torch.rand(2, 18, 2)
    with torch.no_grad():
        made, expected = (
            net(image, joints, joints.flip(0)).image for net in (loaded, model.eval())
        )
    torch.testing.assert_close(made, expected)
