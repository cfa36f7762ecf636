import re
import shutil
import sys
from dataclasses import dataclass, field, replace

import pytest
import torch

from graphgan.data import (
    ListedPairSampler,
    PairsOfSteps,
    SyntheticPersons,
    next_picture_pairs,
    read_image,
    read_pairs,
    to_person_batch,
)
from graphgan.extras import MissingExtraError
from graphgan.models import BiGraphGAN, ResNetDiscriminator
from graphgan.training import Experiment, OptimizerOptions, RunFolder, RunOptions, train_command
from graphgan.training._devices import launch_fabric
from graphgan.training._experiment import run_experiment
from graphgan.training._run_folder import load_state


@dataclass
class Objective:
    """The absolute difference; remembers how often it was asked, as a pool of images would."""

    asked: int = 0
    lr_seen: list[float] = field(default_factory=list)

    def generate(self, generator, batch):
        return generator(batch.image, batch.joints, batch.target_joints)

    def generator_losses(self, discriminators, batch, output):
        self.asked += 1
        return {"g": (output.image - batch.target).abs().mean()}

    def discriminator_losses(self, name, discriminator, batch, output):
        return {f"d_{name}": discriminator(torch.cat([batch.image, output.image], 1)).mean()}

    def state_dict(self):
        return {"asked": self.asked}

    def load_state_dict(self, state):
        self.asked = state["asked"]


OPTIONS = RunOptions(
    device="cpu", precision="32-true", steps=3, log_every=1, save_every=2, sheet_every=3
)


@pytest.fixture(scope="module")
def persons():
    return SyntheticPersons(2, 2, size=(32, 16))


@pytest.fixture
def prepare(persons):
    """Makes equal experiments."""
    pairs = next_picture_pairs(persons.persons)

    def prepare(fabric):
        torch.manual_seed(0)
        batch = to_person_batch(read_pairs(persons, pairs))
        return Experiment(
            name="toy",
            generator=BiGraphGAN.published("deepfashion", width=4, num_blocks=1, dropout=0.0),
            discriminators={"only": ResNetDiscriminator(6, width=4, num_blocks=1)},
            objective=Objective(),
            pairs=PairsOfSteps(persons, ListedPairSampler(pairs, batch_size=2)),
            to_batch=to_person_batch,
            columns=lambda model: {"made": model(batch[0], batch[2], batch[3]).image.detach()},
            learned=lambda model: f"training: {model.training}",
            validate=lambda model: float(model(batch[0], batch[2], batch[3]).image.abs().mean()),
        )

    return prepare


@pytest.fixture
def run(prepare, tmp_path):
    def run(**changes):
        options = replace(OPTIONS, **({"out": tmp_path / "run"} | changes))
        fabric = launch_fabric("cpu", 1, "32-true")
        return run_experiment(fabric, options, prepare(fabric))

    return run


def state_of(folder):
    return load_state(RunFolder(folder).latest())


def test_a_run_leaves_what_it_says(run, persons, tmp_path, capsys):
    assert run() == 0
    out = capsys.readouterr().out
    folder = tmp_path / "run"
    assert "3 steps: " in out
    assert "training: False" in out
    assert (folder / "report.txt").read_text() == "training: False\n"
    assert [row.split(",")[0] for row in (folder / "metrics.csv").read_text().split()] == [
        "step", "1", "2", "3",
    ]  # fmt: skip
    sheet = read_image(folder / "sheets" / "step-000003.png")
    assert sheet.shape[1] > 17 + 2 + 4 * 34  # titles take a line and more
    assert sheet.shape[2] == 20
    BiGraphGAN.from_pretrained(RunFolder(folder).latest() / "generator.safetensors")
    assert [row.split(",")[0] for row in (folder / "validation.csv").read_text().split()] == [
        "step", "2", "3",
    ]  # fmt: skip
    best = BiGraphGAN.from_pretrained(RunFolder(folder).best() / "generator.safetensors")
    batch = to_person_batch(read_pairs(persons, next_picture_pairs(persons.persons)))
    with torch.no_grad():
        error = best.eval()(batch[0], batch[2], batch[3]).image.abs().mean()
    assert f"(error on held-out pairs {error:.4f})" in out


def test_going_on_gives_what_an_undisturbed_run_gives(run, tmp_path):
    run(steps=2)
    run(steps=3, out=None, resume=tmp_path / "run")
    run(out=tmp_path / "other")
    ours, other = state_of(tmp_path / "run"), state_of(tmp_path / "other")
    assert ours["objective"] == other["objective"] == {"asked": 3}
    for network, weights in ours["networks"].items():
        assert all(torch.equal(w, other["networks"][network][n]) for n, w in weights.items())


STILL = OptimizerOptions(lr_g=1e-20, lr_d=1e-20)


def test_weights_of_a_file_are_a_start_and_what_they_lack_is_told(run, prepare, tmp_path, capsys):
    generator = prepare(None).generator
    for weight in generator.parameters():
        weight.data.add_(1)
    generator.save_pretrained(file := tmp_path / "w.safetensors")
    run(steps=1, start_from=file, optimizer=STILL)
    line = f"starts from {file}: generator; untrained, since it does not include them: only\n"
    assert line in capsys.readouterr().out
    state = state_of(tmp_path / "run")
    fresh = dict(prepare(None).discriminators["only"].named_parameters())
    for name, weight in generator.named_parameters():
        torch.testing.assert_close(state["networks"]["generator"][name], weight.detach())
        torch.testing.assert_close(state["averaged"][f"module.{name}"], weight.detach())
    for name, weight in fresh.items():
        torch.testing.assert_close(state["networks"]["only"][name], weight.detach())


def test_a_run_may_lack_a_discriminator(run, prepare, tmp_path, capsys):
    run(steps=1)
    experiment = prepare(None)
    both = {"only": experiment.discriminators["only"], "new": ResNetDiscriminator(6, width=4)}
    options = replace(OPTIONS, steps=1, out=tmp_path / "other", start_from=tmp_path / "run")
    fabric = launch_fabric("cpu", 1, "32-true")
    assert run_experiment(fabric, options, replace(experiment, discriminators=both)) == 0
    told = f"starts from {tmp_path / 'run'}: generator, only; untrained, since it does not include"
    assert f"{told} them: new" in capsys.readouterr().out


def test_weights_of_another_width_name_the_options_that_differ(run, tmp_path):
    other = BiGraphGAN.published("deepfashion", width=8, num_blocks=1, dropout=0.0)
    other.save_pretrained(file := tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=f"in {file}, its options differ: width 8 .here 4.$"):
        run(start_from=file)


def test_the_generator_may_learn_at_some_steps_alone(prepare, tmp_path, capsys):
    def every_second(fabric):
        return replace(prepare(fabric), generator_every=2)

    options = replace(OPTIONS, steps=4, log_every=2, out=tmp_path / "run")
    assert train_command(options, every_second, less_memory="") == 0
    assert state_of(tmp_path / "run")["objective"] == {"asked": 2}
    assert re.search(r"4 steps: \S+ samples/s \(\S+ s per step\), peak", capsys.readouterr().out)
    with pytest.raises(ValueError, match="expected steps to be a multiple of 2"):
        train_command(replace(options, steps=3), every_second, less_memory="")


def test_a_finished_run_and_one_that_never_saved_say_so(run, tmp_path):
    run()
    with pytest.raises(ValueError, match="all 3 are done; add more with --more"):
        run(out=None, resume=tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(ValueError, match="but the run stopped before its first one"):
        run(out=None, resume=tmp_path / "run")


def test_a_run_without_a_name_gets_that_of_the_recipe(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(out=None, steps=1)
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("toy-smoke-")


def test_nothing_is_made_before_everything_is_known_to_work(prepare, tmp_path):
    def broken(fabric):
        raise ValueError("no such data")

    with pytest.raises(ValueError, match="no such data"):
        train_command(replace(OPTIONS, out=tmp_path / "run"), broken, less_memory="")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("logger", ["wandb", "graphgan.files.naming", f"{__name__}.Broken"])
def test_a_logger_that_does_not_start_leaves_no_folder(run, tmp_path, monkeypatch, logger):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Broken.__module__])
    with pytest.raises((ValueError, MissingExtraError), match=r"logger|wandb is not installed"):
        run(logger=logger)
    assert not (tmp_path / "run").exists()


class Broken:
    """A logger without a server."""

    def __init__(self, save_dir):
        raise RuntimeError("no server")

    def log_metrics(self, metrics, step=None): ...

    def finalize(self, status): ...


def test_too_little_memory_is_advice(tmp_path):
    def hungry(fabric):
        raise MemoryError

    with pytest.raises(ValueError, match="not enough memory: a smaller cake needs less"):
        train_command(OPTIONS, hungry, less_memory="a smaller cake needs less")


def test_a_stopped_run_says_how_to_go_on(prepare, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["recipes/toy/train.py"])
    experiment = prepare(None)
    objective = experiment.objective
    ask = objective.generator_losses

    def interrupted(*arguments):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGINT)
        return ask(*arguments)

    objective.generator_losses = interrupted
    options = replace(OPTIONS, out=tmp_path / "run")
    assert run_experiment(launch_fabric("cpu", 1, "32-true"), options, experiment) == 130
    out = capsys.readouterr().out
    assert "stopped after step 1" in out
    assert f"python recipes/toy/train.py --resume {tmp_path / 'run'}" in out
