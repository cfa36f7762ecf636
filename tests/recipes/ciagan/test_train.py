import re
import shutil
import signal
import sys
from pathlib import Path

import objective
import options
import pytest
import torch
import train
import yaml
from running import (
    assert_same_result,
    assert_takes_two_steps,
    failure,
    finish,
    losses,
    processes,
    rows_of,
    run_here,
    untried_values,
    wait_until,
)

from graphgan.data import read_image
from graphgan.data._synthetic import drawn_people as held_out
from graphgan.models import CIAGANGenerator
from graphgan.training import RunFolder
from graphgan.training._run_folder import load_state
from graphgan.weights._finding import WEIGHTS

# Running it


@pytest.fixture
def run(tiny, monkeypatch, capsys):
    """The command in this process."""

    def run(*args, measured=False):
        if not measured:
            monkeypatch.setattr(
                train, "measure_pose", lambda sources, results, find: "not measured"
            )
        return run_here(train.main, *args, monkeypatch=monkeypatch, capsys=capsys)

    return run


@pytest.fixture
def start(environment):
    """The command in a process of its own, in a process group of its own."""
    with processes(train.__file__, environment) as start:
        yield start


# A whole run


def test_a_run_writes_what_it_promises(run, tiny, tmp_path):
    folder = tmp_path / "run"
    every = ["--save-every", "3", "--sheet-every", "4"]
    status, out, errors = run(*tiny, *every, "--out", folder, measured=True)
    assert (status, errors) == (0, [])
    assert [row["step"] for row in losses(folder)] == ["2", "4", "6"]
    assert list(losses(folder)[0]) == [
        "step", "d_critic", "d_identity", "g_critic", "g_identity", "g_recon",
    ]  # fmt: skip
    assert "" not in [value for row in losses(folder) for value in row.values()]
    sheets = sorted((folder / "sheets").iterdir())
    assert [p.name for p in sheets] == ["step-000004.png", "step-000006.png"]
    sheet = read_image(sheets[-1])
    assert sheet.shape == (3, 17 + 2 + 6 * 66, 2 + 6 * 66)  # 6 test faces, 6 columns
    assert sheet.float().std() > 20
    assert not torch.equal(sheet, read_image(sheets[0]))
    assert re.search(r"6 steps: \S+ samples/s \(\S+ s per step\)", out)
    assert (folder / "report.txt").read_text() in out
    assert "wanted pasted" in out
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["preset"], config["steps"], config["critic_steps"]) == ("smoke", 6, 2)


def test_the_weights_know_the_training_people(run, tiny, tmp_path):
    assert run(*tiny, "--steps", "2", "--out", tmp_path / "run")[0] == 0
    generator = CIAGANGenerator.from_pretrained(RunFolder(tmp_path / "run").latest() / WEIGHTS)
    assert generator.people == ("p0", "p1", "p2")
    assert (generator.size, generator.num_identities) == (64, 3)


def test_the_generator_and_its_average_move_at_its_own_steps_alone(run, tiny, tmp_path):
    def states(steps):
        flags = ["--critic-steps", "4", "--log-every", "4", "--steps", "4", "--save-every", steps]
        assert run(*tiny, *flags, "--out", tmp_path / steps)[0] == 0
        folder = sorted((tmp_path / steps / "checkpoints").iterdir())[0]
        return load_state(folder)

    first, later, last = states("1"), states("3"), states("4")
    weight = "to_image.weight"  # one without spectral normalization, whose vectors move always
    third, fourth = later["networks"], last["networks"]
    assert later["step"] == 3 and last["step"] == 4
    assert not torch.equal(third["generator"][weight], fourth["generator"][weight])
    assert int(later["averaged"]["n_averaged"]) == 0
    assert int(last["averaged"]["n_averaged"]) == 1
    assert not torch.equal(third["critic"]["first.weight"], fourth["critic"]["first.weight"])
    assert first["step"] in (3, 4)  # the last two are kept


def test_drawn_faces_are_compared_with_the_true_answer(run, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    flags = "--size 64 --width 2 --blocks 1 --critic-width 4 --identity-width 4 --people 3"
    more = "--faces-per-person 2 --batch-size 4 --steps 1 --precision 32-true --device cpu"
    status, out, _ = run(*flags.split(), *more.split(), "--out", tmp_path / "run")
    assert status == 0
    assert "inside the mask against the true answer" in out
    (error,) = re.findall(r"error on held-out pairs (\S+)\)", out)
    (reported,) = re.findall(r"^ *CIAGAN +(\S+) \[", out, flags=re.MULTILINE)
    assert float(error) == pytest.approx(float(reported), abs=2e-4)  # the same 16 pairs
    assert read_image(tmp_path / "run/sheets/step-000001.png").shape[2] == 2 + 7 * 66


def test_a_run_without_a_name_gets_one(run, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*tiny, "--steps", "2")[0] == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"ciagan-smoke-\d{8}-\d{6}", folder.name)


def test_without_test_people_the_sheets_show_the_training_faces(run, tiny, prepare, tmp_path):
    data = prepare(2, test_people=0)
    status, out, _ = run(*tiny, "--data", data, "--steps", "2", "--out", tmp_path / "run")
    assert status == 0
    assert (tmp_path / "run/sheets/step-000002.png").is_file()
    assert "measured on faces it was trained on" in out


# Every value of every option


VARIANTS = [
    *(f"--norm {norm}" for norm in ("batch", "instance", "group")),
    "--adversarial lsgan",
    "--adversarial bce",
    "--adversarial hinge --weight-recon 0",
    "--critic-steps 1",
    "--decay 0.9",
    "--workers 1",
    "--same-person-share 0",
    "--same-person-share 1",
    "--precision bf16-mixed",
    "--preset small --width 2 --critic-steps 1",
    "--preset paper --width 2 --critic-steps 1",
]


@pytest.mark.parametrize("flags", VARIANTS)
def test_every_variant_takes_steps(run, tiny, tmp_path, flags):
    assert_takes_two_steps(run, tmp_path / "run", *tiny, "--critic-steps", "1", *flags.split())


def test_the_variants_name_every_value_of_every_choice():
    assert untried_values(VARIANTS, options.ModelOptions, objective.LossOptions) == []


@pytest.mark.slow
def test_workers_change_nothing(run, tiny, tmp_path):
    for workers in (0, 1):
        assert run(*tiny, "--workers", workers, "--out", tmp_path / str(workers))[0] == 0
    assert_same_result(tmp_path / "0", tmp_path / "1")


# Going on


DISTURBED = ["--steps", "24", "--log-every", "2", "--save-every", "3", "--sheet-every", "24"]


@pytest.fixture(scope="module")
def undisturbed(tiny, tmp_path_factory) -> Path:
    """The folder of a run that was left alone."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    argv, measure = sys.argv, train.measure_pose
    sys.argv = ["train.py", *tiny, *DISTURBED, "--out", str(folder)]
    train.measure_pose = lambda sources, results, find: "not measured"
    assert train.main() == 0
    sys.argv, train.measure_pose = argv, measure
    return folder


@pytest.mark.slow
def test_killed_it_goes_on_to_the_same_weights(run, start, tiny, tmp_path, undisturbed):
    folder = tmp_path / "run"
    process = start(*tiny, *DISTURBED, "--out", folder)
    wait_until(process, lambda: rows_of(folder) >= 3)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert rows_of(folder) < 12
    status, _, errors = run("--resume", folder)
    assert status == 0, errors
    assert RunFolder(folder).latest().name == RunFolder(undisturbed).latest().name
    assert_same_weights(folder, undisturbed)


@pytest.mark.slow
def test_stopped_between_steps_of_the_generator_it_goes_on_alike(
    run, start, tiny, tmp_path, undisturbed
):
    folder = tmp_path / "run"
    process = start(*tiny, *DISTURBED, "--out", folder)
    wait_until(process, lambda: rows_of(folder) >= 3)
    process.send_signal(signal.SIGTERM)
    status, out, errors = finish(process)
    assert (status, errors) == (130, [])
    assert f"--resume {folder}" in out
    assert run("--resume", folder)[0] == 0
    assert_same_weights(folder, undisturbed)


def assert_same_weights(ours, other):
    """Rows since a stop in their midst are means of fewer steps; the rest is the same."""
    states = [load_state(RunFolder(folder).latest()) for folder in (ours, other)]
    for name, network in states[0]["networks"].items():
        for key, value in network.items():
            assert torch.equal(value, states[1]["networks"][name][key]), (name, key)
    assert [row["step"] for row in losses(ours)] == [row["step"] for row in losses(other)]


def test_a_folder_whose_people_changed_is_no_longer_that_run_s(run, tiny, tmp_path, prepare):
    run(*tiny, "--steps", "2", "--out", tmp_path / "run")
    other = prepare(6)
    config = tmp_path / "run" / "config.yaml"
    text = config.read_text()
    config.write_text(re.sub(r"data: .*", f"data: {other}", text))
    assert "of another shape" in failure(run("--resume", tmp_path / "run", "--more", "2"))


# Bad input


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--batch-size 10", "expected a batch size from 1 to the 9 images there are, got 10"),
        ("--same-person-share 1.5", "1 together at most; got 0.0 and 1.5"),
        ("--steps 5", "expected steps to be a multiple of 2"),
        ("--log-every 3", "expected log_every to be a multiple of 2"),
        ("--critic-steps 0", "expected --critic-steps of at least 1, got 0"),
        ("--width 5", "expected an even width"),
        ("--margin 0", "expected --margin above 0"),
        ("--size 64", "expected --data or --size, got both"),
        ("--data none", "none: no such folder"),
        ("--out taken", "expected a new or empty folder, got taken; continue it with --resume"),
        ("--preset large", "large"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run, tiny, tmp_path, monkeypatch, flags, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis").touch()
    before = sorted(tmp_path.rglob("*"))
    assert message in failure(run(*tiny, *flags.split()))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_of_another_size_is_refused(run, tiny, prepare, tmp_path):
    line = failure(run(*tiny, "--data", prepare(4, size=48), "--out", tmp_path / "run"))
    assert (
        "expected faces of 64 or 128 pixels a side, got 48 x 48; prepare them with --size" in line
    )
    assert not (tmp_path / "run").exists()


def test_a_folder_of_one_training_person_is_refused(run, tiny, prepare, tmp_path):
    line = failure(run(*tiny, "--data", prepare(3), "--out", tmp_path / "run"))
    assert "expected at least two people to train on, whose identities" in line
    assert not (tmp_path / "run").exists()


def test_people_with_one_picture_each_have_no_pairs(run, tmp_path):
    flags = "--people 4 --faces-per-person 1 --batch-size 2 --steps 1"
    line = failure(run(*flags.split(), "--out", tmp_path / "run"))
    assert "expected a person with two images for same-person pairs" in line


def test_a_picture_that_cannot_be_read_is_named(run, tiny, face_folder, tmp_path):
    data = shutil.copytree(face_folder, tmp_path / "data")
    spoilt = data / "images" / "p0" / "0.png"
    spoilt.write_text("no image")
    line = failure(run(*tiny, "--data", data, "--out", tmp_path / "run"))
    assert f"{spoilt}: not an image, or an unknown format" in line


def test_too_little_memory_is_one_line(run, tiny, tmp_path, monkeypatch):
    def too_much(self, *_):
        torch.empty(2**50)

    monkeypatch.setattr(options.ModelOptions, "generator", too_much)
    line = failure(run(*tiny, "--out", tmp_path / "run"))
    assert line.startswith("error: not enough memory: a smaller --batch-size, --width or size of")


# Two processes


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(run, start, tiny, tmp_path):
    flags = [*tiny, "--critic-steps", "1", "--steps", "1", "--log-every", "1"]
    two = start(*flags, "--devices", "2", "--out", tmp_path / "two")
    assert run(*flags, "--out", tmp_path / "one")[0] == 0
    status, out, errors = finish(two, timeout=120)
    assert (status, errors) == (0, []), out
    one, other = moments(tmp_path / "one"), moments(tmp_path / "two")
    assert list(one) == list(other) == ["generator", "critic", "identity"]
    for name in one:
        scale = max(gradient.abs().max() for gradient in one[name])
        assert scale > 1e-6
        for ours, theirs in zip(other[name], one[name], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * float(scale))


def moments(folder):
    """First moments of Adam: (1 - beta1) times the gradient of the only step."""
    state = load_state(RunFolder(folder).latest())
    return {
        name: [entry["exp_avg"] for _, entry in sorted(optimizer["state"].items())]
        for name, optimizer in state["optimizers"].items()
    }
