import re

import objective
import options
import pytest
import torch
import yaml
from running import assert_takes_two_steps, failure, losses, untried_values

from graphgan.data import read_image
from graphgan.data._synthetic import drawn_people as held_out
from graphgan.models import CIAGANGenerator
from graphgan.training import RunFolder
from graphgan.training._run_folder import load_state
from graphgan.weights._finding import WEIGHTS

# A whole run


def test_a_run_writes_what_it_promises(run_train, tiny, tmp_path):
    folder = tmp_path / "run"
    every = ["--save-every", "3", "--sheet-every", "4"]
    status, out, errors = run_train(*tiny, *every, "--out", folder, measured=True)
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
    latest = RunFolder(folder).latest()
    assert int(load_state(latest)["averaged"]["n_averaged"]) == 3  # of the generator's own steps
    generator = CIAGANGenerator.from_pretrained(latest / WEIGHTS)
    assert generator.people == ("p0", "p1", "p2")  # those that it was trained on
    assert (generator.size, generator.num_identities) == (64, 3)


def test_drawn_faces_are_compared_with_the_true_answer(run_train, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    flags = "--size 64 --width 2 --blocks 1 --critic-width 4 --identity-width 4 --people 3"
    more = "--faces-per-person 2 --batch-size 4 --steps 1 --precision 32-true --device cpu"
    status, out, _ = run_train(*flags.split(), *more.split(), "--out", tmp_path / "run")
    assert status == 0
    assert "inside the mask against the true answer" in out
    (error,) = re.findall(r"error on held-out pairs (\S+)\)", out)
    (reported,) = re.findall(r"^ *CIAGAN +(\S+) \[", out, flags=re.MULTILINE)
    assert float(error) == pytest.approx(float(reported), abs=2e-4)  # the same 16 pairs
    assert read_image(tmp_path / "run/sheets/step-000001.png").shape[2] == 2 + 7 * 66


def test_without_test_people_the_sheets_show_the_training_faces(run_train, tiny, prepare, tmp_path):
    data = prepare(2, test_people=0)
    status, out, _ = run_train(*tiny, "--data", data, "--steps", "2", "--out", tmp_path / "run")
    assert status == 0
    assert (tmp_path / "run/sheets/step-000002.png").is_file()
    assert "measured on training faces" in out


# Every value of every option


VARIANTS = [
    "--norm batch --adversarial lsgan --decay 0.9",
    "--norm instance --adversarial bce --same-person-share 0",
    "--norm group --adversarial hinge --weight-recon 0 --same-person-share 1",
]
SLOW = [
    "--precision bf16-mixed --workers 1",
    "--preset small --width 2",
    "--preset paper --width 2",
]


@pytest.mark.parametrize(
    "flags", [*VARIANTS, *(pytest.param(flags, marks=pytest.mark.slow) for flags in SLOW)]
)
def test_every_variant_takes_steps(run_train, tiny, tmp_path, flags):
    one = ["--critic-steps", "1"]
    assert_takes_two_steps(run_train, tmp_path / "run", *tiny, *flags.split(), *one)


def test_the_variants_name_every_value_of_every_choice():
    assert untried_values(VARIANTS, options.ModelOptions, objective.LossOptions) == []


# Going on


def test_a_folder_whose_people_changed_is_no_longer_that_run_s(run_train, tiny, tmp_path, prepare):
    run_train(*tiny, "--steps", "2", "--out", tmp_path / "run")
    other = prepare(6)
    config = tmp_path / "run" / "config.yaml"
    text = config.read_text()
    config.write_text(re.sub(r"data: .*", f"data: {other}", text))
    assert "of another shape" in failure(run_train("--resume", tmp_path / "run", "--more", "2"))


# Bad input


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--batch-size 10", "expected a batch size from 1 to the 9 images there are, got 10"),
        ("--steps 5", "expected steps to be a multiple of 2"),
        ("--log-every 3", "expected log_every to be a multiple of 2"),
        ("--critic-steps 0", "expected --critic-steps of at least 1, got 0"),
        ("--margin 0", "expected --margin above 0"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run_train, tiny, tmp_path, monkeypatch, flags, message
):
    monkeypatch.chdir(tmp_path)
    assert message in failure(run_train(*tiny, *flags.split()))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_size_is_refused(run_train, tiny, prepare, tmp_path):
    line = failure(run_train(*tiny, "--data", prepare(4, size=48), "--out", tmp_path / "run"))
    assert (
        "expected faces with sides of 64 or 128 pixels, got 48 x 48; prepare them with --size"
        in line
    )
    assert not (tmp_path / "run").exists()


def test_a_folder_of_one_training_person_is_refused(run_train, tiny, prepare, tmp_path):
    line = failure(run_train(*tiny, "--data", prepare(3), "--out", tmp_path / "run"))
    assert "expected at least two people to train on, whose identities" in line
    assert not (tmp_path / "run").exists()


# Two processes
