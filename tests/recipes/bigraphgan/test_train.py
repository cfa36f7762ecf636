import re
import shutil
import sys
from dataclasses import replace

import measures
import objective
import options
import persons
import pytest
import torch
import train
import yaml
from efficientnet_weights import needs_lite0
from running import assert_takes_two_steps, failure, losses, untried_values
from safetensors.torch import save_file

from graphgan.data import PreparedPictures, read_image, read_pairs, to_person_batch
from graphgan.data._synthetic import drawn_people as held_out
from graphgan.models import BiGraphGAN
from graphgan.training import RunFolder

# A whole run


def test_a_run_writes_what_it_promises(run_train, tiny, person_folder, tmp_path):
    folder = tmp_path / "run"
    every = ["--log-every", "2", "--save-every", "3", "--sheet-every", "4"]
    status, out, errors = run_train(*tiny, *every, "--out", folder, measured=True)
    assert (status, errors) == (0, [])
    assert [row["step"] for row in losses(folder)] == ["2", "4", "6"]
    assert list(losses(folder)[0]) == ["step", "g_app", "g_pose", "g_l1", "d_app", "d_pose"]
    sheets = sorted((folder / "sheets").iterdir())
    assert [p.name for p in sheets] == ["step-000004.png", "step-000006.png"]
    sheet = read_image(sheets[-1])
    rows = min(8, len(PreparedPictures(person_folder, "test").listed_pairs().source))
    assert sheet.shape == (3, 17 + 2 + rows * 130, 2 + 6 * 66)
    assert sheet.float().std() > 20
    for name in ("BiGraphGAN", "source copied", "source bent", "mean image"):
        assert len(re.findall(rf"^  {name} ", out, flags=re.MULTILINE)) >= 1
    assert (folder / "report.txt").read_text() in out
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["preset"], config["steps"], config["model"]["width"]) == ("smoke", 6, 4)
    test = PreparedPictures(person_folder, "test")
    batch = to_person_batch(read_pairs(test, test.listed_pairs()))
    model = BiGraphGAN.from_pretrained(RunFolder(folder).best() / "generator.safetensors").eval()
    with torch.no_grad():
        made = model(batch.image, batch.joints, batch.target_joints).image.clamp(-1, 1)
    error = (made - batch.target).abs().mean().item()
    (reported,) = re.findall(r"error on held-out pairs (\S+)\)", out)
    assert float(reported) == pytest.approx(error, abs=2e-4)


DRAWN = [
    *("--size", "32", "16", "--people", "3", "--images-per-person", "2", "--batch-size", "4"),
    *("--width", "4", "--blocks", "1", "--discriminator-width", "4", "--steps", "1"),
    *("--precision", "32-true", "--device", "cpu", "--projected", "False", "--perceptual", "none"),
]


def test_drawn_persons_are_held_out_by_person(run_train, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    status, out, errors = run_train(*DRAWN, "--out", tmp_path / "run", measured=True)
    assert (status, errors) == (0, [])
    assert "16 pairs of 2 people" in out
    assert "trained on" not in out
    drawn = persons.drawn_persons(replace(options.PRESETS["smoke"], size=(32, 16)))
    assert set(drawn.train.names).isdisjoint(drawn.test.names)


# Every value of every option


VARIANTS = [
    "--adversarial bce --blend two_maps --norm batch --shape-encoding separate --history 2 "
    "--upsampling transposed --dropout 0.5",
    "--adversarial lsgan --blend none --norm instance --shape-encoding joint --bend True "
    "--upsampling resize --flip False",
    "--adversarial hinge --blend attend_base --norm group --gradient-checkpointing True "
    "--l1-outside 0.5 --attention-norm False",
    "--blend attend_intermediate --weight-gan 0 --history 0",
]
SLOW = [
    "--precision bf16-mixed --workers 1",
    "--preset market --perceptual none --width 4 --blocks 1",
    "--preset deepfashion --perceptual none --width 4 --blocks 1",
]


@pytest.mark.parametrize(
    "flags", [*VARIANTS, *(pytest.param(flags, marks=pytest.mark.slow) for flags in SLOW)]
)
def test_every_variant_takes_steps(run_train, tiny, tmp_path, flags):
    assert_takes_two_steps(run_train, tmp_path / "run", *tiny, *flags.split())


@needs_lite0
def test_the_smoke_preset_takes_steps_and_shows_what_the_generator_sees(
    run_train, tmp_path, monkeypatch
):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    drawn = "--people 3 --images-per-person 2 --batch-size 2 --steps 1 --log-every 1 --device cpu"
    assert run_train(*drawn.split(), "--out", tmp_path / "run")[0] == 0
    terms = "step g_app g_pose g_l1 g_perceptual d_app told_app d_pose d_pose_wrong told_pose"
    assert list(losses(tmp_path / "run")[0]) == terms.split()
    sheet = read_image(tmp_path / "run" / "sheets" / "step-000001.png")
    assert sheet.shape[2] == 2 + 7 * 66  # with what is bent, and one map
    weights = RunFolder(tmp_path / "run").latest() / "generator.safetensors"
    assert BiGraphGAN.from_pretrained(weights).trained_with == ("lite0",)


def test_the_variants_name_every_value_of_every_choice():
    tried = [*VARIANTS, *SLOW, "--projected True --perceptual lite0"]  # of the smoke preset
    tried += ["--perceptual vgg19"]  # which takes a file of weights
    assert untried_values(tried, options.ModelOptions, objective.LossOptions) == []


# Going on


def test_a_run_is_resumed_with_the_size_of_its_drawn_persons(run_train, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 1)
    assert run_train(*DRAWN, "--out", tmp_path / "run")[0] == 0
    assert run_train("--resume", tmp_path / "run", "--more", "1")[0] == 0
    assert [row["step"] for row in losses(tmp_path / "run")] == ["1", "2"]
    line = failure(run_train("--resume", tmp_path / "run", "--size", "64", "32"))
    assert "got others for size" in line


# Bad input


def test_without_vgg_19_nothing_is_trained_in_silence(run_train, tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    line = failure(run_train(*tiny, "--perceptual", "vgg19", "--out", tmp_path / "run"))
    assert "(--vgg19 FILE); or train without: --perceptual none" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--perceptual vgg19 --vgg19 vgg.pth", "--vgg19 vgg.pth: no such file"),
        ("--batch-size 1000", "expected a batch size from 1 to the"),
        ("--size 64 32", "expected --data or --size, got both"),
        ("--sigma -1", "expected sigma above 0, got -1"),
        ("--projected True --history 5", "expected --history 0 with --projected"),
        ("--data faces", "expected images with the landmarks openpose-18, got ibug-68"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run_train, tiny, person_folder, tmp_path, monkeypatch, flags, message
):
    monkeypatch.chdir(tmp_path)
    info = shutil.copytree(person_folder, tmp_path / "faces") / "prepared.json"
    info.write_text(info.read_text().replace("openpose-18", "ibug-68"))
    assert message in failure(run_train(*tiny, *flags.split()))
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--size 30 16", "sides of at least 16 pixels, divisible by 4, got 30"),
        ("--size 8 8", "expected a size of at least 16, got 8"),
        ("--images-per-person 1", "expected a person with two images"),
    ],
)
def test_persons_that_cannot_be_trained_on_are_refused(run_train, tmp_path, flags, message):
    args = [*DRAWN, *flags.split(), "--batch-size", "1", "--out", tmp_path / "run"]
    assert message in failure(run_train(*args))
    assert not (tmp_path / "run").exists()


# The table


def test_the_measures_know_a_true_answer_from_others(person_folder):
    everyone = PreparedPictures(person_folder, "test")
    batch = train.to_person_batch(train.read_pairs(everyone, everyone.listed_pairs()))
    true, copied = (measures.measures(answer, batch) for answer in (batch.target, batch.image))
    for name in (measures.INSIDE, "SSIM", "mask-SSIM"):
        assert torch.allclose(true[name], torch.ones_like(true[name]))
        assert (copied[name] < 0.99).any()
    assert float(true["L1"].max()) == float(true["L1 inside"].max()) == 0


def test_weights_of_vgg_19_may_move_between_sittings(run_train, tiny, tmp_path):
    state = {}
    for number, (out, into) in {"0": (64, 3), "2": (64, 64)}.items():
        state[f"features.{number}.weight"] = torch.randn(out, into, 3, 3)
        state[f"features.{number}.bias"] = torch.zeros(out)
    save_file(state, tmp_path / "old.safetensors")
    flags = ["--perceptual", "vgg19", "--steps", "1", "--out", tmp_path / "run"]
    assert run_train(*tiny, *flags, "--vgg19", tmp_path / "old.safetensors")[0] == 0
    assert list(losses(tmp_path / "run")[0])[:5] == [
        *("step", "g_app", "g_pose", "g_l1", "g_perceptual")
    ]
    (tmp_path / "old.safetensors").rename(tmp_path / "new.safetensors")
    again = ["--resume", tmp_path / "run", "--more", "1"]
    assert "old.safetensors: no such file" in failure(run_train(*again))
    assert run_train(*again, "--vgg19", tmp_path / "new.safetensors")[0] == 0


def test_targets_without_joints_are_counted_and_not_measured_inside(person_folder):
    everyone = PreparedPictures(person_folder, "test")
    batch = train.to_person_batch(train.read_pairs(everyone, everyone.listed_pairs()))
    joints = batch.target_joints.clone()
    joints[0] = torch.nan
    values = measures.measures(batch.image, batch._replace(target_joints=joints))
    for name in (measures.INSIDE, "mask-SSIM", "L1 inside"):
        assert values[name][0].isnan() and values[name][1:].isfinite().all()
    assert values["SSIM"].isfinite().all()
