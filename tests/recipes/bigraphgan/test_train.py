import random
import re
import shutil
import sys
import time
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
from running import (
    assert_same_result,
    assert_takes_two_steps,
    failure,
    losses,
    processes,
    rows_of,
    run_here,
    untried_values,
    wait_until,
)
from safetensors.torch import save_file

from graphgan.data import PreparedPictures, read_image, read_pairs, to_person_batch
from graphgan.data._synthetic import drawn_people as held_out
from graphgan.models import BiGraphGAN
from graphgan.training import RunFolder
from graphgan.training._run_folder import load_state


@pytest.fixture
def run(monkeypatch, capsys):
    """The command in this process."""

    def run(*args, measured=False):
        if not measured:
            monkeypatch.setattr(train, "measure_transfer", lambda *_, **__: "not measured")
        return run_here(train.main, *args, monkeypatch=monkeypatch, capsys=capsys)

    return run


@pytest.fixture
def start(environment):
    """The command in a process of its own, in a process group of its own."""
    with processes(train.__file__, environment) as start:
        yield start


# A whole run


def test_a_run_writes_what_it_promises(run, tiny, person_folder, tmp_path):
    folder = tmp_path / "run"
    every = ["--log-every", "2", "--save-every", "3", "--sheet-every", "4"]
    status, out, errors = run(*tiny, *every, "--out", folder, measured=True)
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


def test_drawn_persons_are_held_out_by_person(run, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    status, out, errors = run(*DRAWN, "--out", tmp_path / "run", measured=True)
    assert (status, errors) == (0, [])
    assert "16 pairs of 2 people" in out
    assert "trained on" not in out
    drawn = persons.drawn_persons(replace(options.PRESETS["smoke"], size=(32, 16)))
    assert set(drawn.train.names).isdisjoint(drawn.test.names)


@pytest.mark.slow
def test_without_test_pictures_the_sheets_show_the_training_ones(
    run, tiny, person_folder, tmp_path
):
    data = shutil.copytree(person_folder, tmp_path / "data")
    manifest = data / "manifest.csv"
    kept = [line for line in manifest.read_text().splitlines() if ",test," not in line]
    manifest.write_text("\n".join(kept) + "\n")
    info = (data / "prepared.json").read_text()
    counted = re.sub(r'("images": )\d+', rf"\g<1>{len(kept) - 1}", info, count=1)
    (data / "prepared.json").write_text(counted)
    pairs = data / "pairs.csv"
    lines = [line for line in pairs.read_text().splitlines() if not line.startswith("test")]
    pairs.write_text("\n".join(lines) + "\n")
    status, out, errors = run(
        *tiny, "--data", data, "--steps", "1", "--out", tmp_path / "run", measured=True
    )
    assert status == 0, errors
    assert "measured on images it was trained on: no test images to pair" in out


# Every value of every option


VARIANTS = [
    *(f"--adversarial {mode}" for mode in ("bce", "lsgan", "hinge")),
    *(f"--blend {blend}" for blend in ("two_maps", "none", "attend_base", "attend_intermediate")),
    *(f"--norm {norm}" for norm in ("batch", "instance", "group")),
    *(f"--shape-encoding {kind}" for kind in ("separate", "joint")),
    *(f"--upsampling {kind}" for kind in ("transposed", "resize")),
    "--attention-norm False --dropout 0.5",
    "--bend True",
    "--flip False",
    "--gradient-checkpointing True",
    "--gradient-checkpointing False",
    "--history 0",
    "--history 2",
    "--l1-outside 0.5",
    "--weight-gan 0",
    "--workers 1",
    "--precision bf16-mixed",
    "--preset market --perceptual none --width 4 --blocks 1",
    "--preset deepfashion --perceptual none --width 4 --blocks 1",
]
QUICK = {  # which have a branch of their own in the recipe; networks are tested with theirs
    "--adversarial hinge",
    "--blend none",
    "--bend True",
    "--gradient-checkpointing True",
    "--history 2",
    "--l1-outside 0.5",
    "--weight-gan 0",
    "--precision bf16-mixed",
}
FEATURES = [  # which networks of others look at
    "--perceptual lite0",
    "--projected True --history 0",
    "--projected True --history 0 --perceptual lite0 --bend True",
]


@pytest.mark.parametrize(
    "flags",
    [pytest.param(x, id=x, marks=() if x in QUICK else pytest.mark.slow) for x in VARIANTS],
)
def test_every_variant_takes_steps(run, tiny, tmp_path, flags):
    assert_takes_two_steps(run, tmp_path / "run", *tiny, *flags.split())


@needs_lite0
@pytest.mark.parametrize("flags", FEATURES)
def test_every_variant_of_features_takes_steps(run, tiny, tmp_path, flags):
    assert_takes_two_steps(run, tmp_path / "run", *tiny, *flags.split())
    weights = RunFolder(tmp_path / "run").latest() / "generator.safetensors"
    assert BiGraphGAN.from_pretrained(weights).trained_with == ("lite0",)


@needs_lite0
def test_the_smoke_preset_takes_steps_and_shows_what_the_generator_sees(run, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    drawn = "--people 3 --images-per-person 2 --batch-size 2 --steps 1 --log-every 1 --device cpu"
    assert run(*drawn.split(), "--out", tmp_path / "run")[0] == 0
    terms = "step g_app g_pose g_l1 g_perceptual d_app told_app d_pose d_pose_wrong told_pose"
    assert list(losses(tmp_path / "run")[0]) == terms.split()
    sheet = read_image(tmp_path / "run" / "sheets" / "step-000001.png")
    assert sheet.shape[2] == 2 + 7 * 66  # with what is bent, and one map


def test_the_variants_name_every_value_of_every_choice():
    assert set(VARIANTS) >= QUICK
    tried = [*VARIANTS, *FEATURES, "--perceptual vgg19"]  # which takes a file of weights
    assert untried_values(tried, options.ModelOptions, objective.LossOptions) == []


@pytest.mark.slow
def test_workers_change_nothing(run, tiny, tmp_path):
    for workers in (0, 1):
        assert run(*tiny, "--workers", workers, "--out", tmp_path / str(workers))[0] == 0
    assert_same_result(tmp_path / "0", tmp_path / "1")


# Going on


DISTURBED = ["--steps", "16", "--log-every", "1", "--save-every", "2", "--sheet-every", "16"]
CHANCY = ["--dropout", "0.5", "--history", "5"]  # whatever is drawn must be drawn again


@pytest.mark.slow  # the same machinery as AnonyGAN's, which is killed in the fast suite
def test_killed_at_any_moment_it_goes_on_to_the_same_weights(run, start, tiny, tmp_path):
    folder = tmp_path / "run"
    process = start(*tiny, *DISTURBED, *CHANCY, "--out", folder)
    moment = random.Random(time.time_ns())
    wanted = moment.randint(3, 10)
    wait_until(process, lambda: rows_of(folder) >= wanted)
    time.sleep(moment.random() / 10)
    process.kill()
    process.wait()
    taken = rows_of(folder)
    assert taken < 16
    assert run("--resume", folder)[0] == 0
    assert run(*tiny, *DISTURBED, *CHANCY, "--out", tmp_path / "undisturbed")[0] == 0
    assert_same_result(folder, tmp_path / "undisturbed")
    pools = load_state(RunFolder(folder).latest())["objective"]
    assert [len(pool["kept"]) for pool in pools.values()] == [5, 5]


def test_a_run_is_resumed_with_the_size_of_its_drawn_persons(run, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 1)
    assert run(*DRAWN, "--out", tmp_path / "run")[0] == 0
    assert run("--resume", tmp_path / "run", "--more", "1")[0] == 0
    assert [row["step"] for row in losses(tmp_path / "run")] == ["1", "2"]
    line = failure(run("--resume", tmp_path / "run", "--size", "64", "32"))
    assert "got others for size" in line


# Bad input


def test_without_vgg_19_nothing_is_trained_in_silence(run, tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    line = failure(run(*tiny, "--perceptual", "vgg19", "--out", tmp_path / "run"))
    assert "(--vgg19 FILE); or train without: --perceptual none" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--perceptual vgg19 --vgg19 vgg.pth", "--vgg19 vgg.pth: no such file"),
        ("--batch-size 1000", "expected a batch size from 1 to the"),
        ("--steps 0", "expected steps of at least 1, got 0"),
        ("--size 64 32", "expected --data or --size, got both"),
        ("--people=9", "--data or --people, got both"),
        ("--data none", "none: no such folder"),
        ("--sigma -1", "expected sigma above 0, got -1"),
        ("--init-std 0", "expected std above 0, got 0"),
        ("--history -1", "expected history of at least 0"),
        ("--projected True --history 5", "expected --history 0 with --projected"),
        ("--blend both", "--blend"),
        ("--resume none", "expected a run folder with config.yaml, found none at none"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run, tiny, tmp_path, monkeypatch, flags, message
):
    monkeypatch.chdir(tmp_path)
    args = flags.split() if "--resume" in flags else [*tiny, *flags.split()]
    assert message in failure(run(*args))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            "--size 30 16",
            "expected images with sides of at least 16 pixels, divisible by 4, got 30",
        ),
        ("--size 8 8", "expected a size of at least 16, got 8"),
        ("--size 64", "--size"),
        ("--people 0", "num_people of at least 1, got 0"),
        ("--images-per-person 1", "expected a person with two images"),
    ],
)
def test_persons_that_cannot_be_trained_on_are_refused(run, tmp_path, flags, message):
    args = [*DRAWN, *flags.split(), "--batch-size", "1", "--out", tmp_path / "run"]
    assert message in failure(run(*args))
    assert not (tmp_path / "run").exists()


def test_faces_are_no_persons(run, tiny, photo_folder, tmp_path):
    from graphgan.data import ListedPhoto, prepare_pictures, read_landmarks
    from graphgan.landmarks import IBUG_68

    rows = {row.image: row.landmarks for row in read_landmarks(photo_folder / "landmarks.csv")}
    photos = [ListedPhoto(photo_folder / "photos" / s, s, s.split("/")[0]) for s in rows]
    prepare_pictures(
        photos,
        rows,
        tmp_path / "faces",
        size=(48, 48),
        scheme=IBUG_68,
        crop="face",
        test_people=1,
        options={},
    )
    line = failure(run(*tiny, "--data", tmp_path / "faces", "--out", tmp_path / "run"))
    assert "openpose-18" in line and "ibug-68" in line


# The table


def test_the_measures_know_a_true_answer_from_others(person_folder):
    everyone = PreparedPictures(person_folder, "test")
    batch = train.to_person_batch(train.read_pairs(everyone, everyone.listed_pairs()))
    true, copied = (measures.measures(answer, batch) for answer in (batch.target, batch.image))
    for name in (measures.INSIDE, "SSIM", "mask-SSIM"):
        assert torch.allclose(true[name], torch.ones_like(true[name]))
        assert (copied[name] < 0.99).any()
    assert float(true["L1"].max()) == float(true["L1 inside"].max()) == 0


def test_a_mask_on_the_border_alone_counts_as_empty_for_every_measure(person_folder):
    everyone = PreparedPictures(person_folder, "test")
    batch = train.to_person_batch(train.read_pairs(everyone, everyone.listed_pairs()))
    joints = torch.full_like(batch.target_joints, torch.nan)
    joints[:, 0] = torch.tensor([-4.0, 60.0])  # beside the image, with a rim that reaches in
    values = measures.measures(batch.image, batch._replace(target_joints=joints))
    inside = [values[name] for name in (measures.INSIDE, "mask-SSIM", "L1 inside")]
    assert all(bool(one.isnan().all()) for one in inside)


def test_weights_of_vgg_19_may_move_between_sittings(run, tiny, tmp_path):
    state = {}
    for number, (out, into) in {"0": (64, 3), "2": (64, 64)}.items():
        state[f"features.{number}.weight"] = torch.randn(out, into, 3, 3)
        state[f"features.{number}.bias"] = torch.zeros(out)
    save_file(state, tmp_path / "old.safetensors")
    flags = ["--perceptual", "vgg19", "--steps", "1", "--out", tmp_path / "run"]
    assert run(*tiny, *flags, "--vgg19", tmp_path / "old.safetensors")[0] == 0
    assert list(losses(tmp_path / "run")[0])[:5] == [
        *("step", "g_app", "g_pose", "g_l1", "g_perceptual")
    ]
    (tmp_path / "old.safetensors").rename(tmp_path / "new.safetensors")
    again = ["--resume", tmp_path / "run", "--more", "1"]
    assert "old.safetensors: no such file" in failure(run(*again))
    assert run(*again, "--vgg19", tmp_path / "new.safetensors")[0] == 0


def test_targets_without_joints_are_counted_and_not_measured_inside(person_folder):
    everyone = PreparedPictures(person_folder, "test")
    batch = train.to_person_batch(train.read_pairs(everyone, everyone.listed_pairs()))
    joints = batch.target_joints.clone()
    joints[0] = torch.nan
    values = measures.measures(batch.image, batch._replace(target_joints=joints))
    for name in (measures.INSIDE, "mask-SSIM", "L1 inside"):
        assert values[name][0].isnan() and values[name][1:].isfinite().all()
    assert values["SSIM"].isfinite().all()
