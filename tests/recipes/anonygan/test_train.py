import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import options
import pytest
import torch
import train
import yaml
from drawn_folder import drawn_folder
from efficientnet_weights import needs_lite0
from running import (
    assert_same_result,
    assert_takes_two_steps,
    failure,
    finish,
    flat,
    losses,
    processes,
    rows_of,
    run_here,
    untried_values,
    wait_until,
)
from safetensors.torch import load_file

from graphgan.data import held_out
from graphgan.data.batches import read_pairs
from graphgan.data.face_batch import to_face_batch
from graphgan.data.images import read_image
from graphgan.data.pairs import PairKind, PairSampler, next_picture_pairs
from graphgan.data.prepared import PreparedPictures
from graphgan.landmarks.schemes import POINTS_5
from graphgan.metrics.masked_error import masked_error
from graphgan.models import AnonyGAN
from graphgan.training.run_folder import RunFolder, load_state
from graphgan.weights.finding import WEIGHTS

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


def test_a_run_writes_what_it_promises(run, tiny, face_folder, tmp_path):
    folder = tmp_path / "a folder" / "run"
    every = ["--log-every", "2", "--save-every", "3", "--sheet-every", "4"]
    status, out, errors = run(*tiny, *every, "--out", folder, measured=True)
    assert (status, errors) == (0, [])
    assert sorted(path.name for path in folder.iterdir() if "tfevents" not in path.name) == [
        "checkpoints",
        "config.yaml",
        "metrics.csv",
        "report.txt",
        "sheets",
        "validation.csv",
    ]
    assert [row["step"] for row in losses(folder)] == ["2", "4", "6"]
    assert list(losses(folder)[0]) == ["step", "g_app", "g_wfm", "g_lm", "g_recon", "d_app", "d_lm"]
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    best = RunFolder(folder).best()
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == [
        best.name,
        "step-000003",
        "step-000006",
    ]
    errors = [row.split(",") for row in (folder / "validation.csv").read_text().split()[1:]]
    assert [step for step, _ in errors] == ["3", "6"]
    # One person in two photos, of people who are held out: the answer is the source.
    faces = PreparedPictures(face_folder, "test")
    batch = to_face_batch(read_pairs(faces, next_picture_pairs(faces.persons)))
    with torch.no_grad():
        made = AnonyGAN.from_pretrained(best / WEIGHTS).eval()(*batch[:5]).image
    error = masked_error(made, batch.source, batch.mask).mean().item()
    assert min(float(error) for _, error in errors) == pytest.approx(error, abs=1e-4)
    sheets = sorted((folder / "sheets").iterdir())
    assert [p.name for p in sheets] == ["step-000004.png", "step-000006.png"]
    sheet = read_image(sheets[-1])
    # 6 test faces, 6 columns; "intermediate" takes two lines
    assert sheet.shape == (3, 30 + 2 + 6 * 50, 2 + 6 * 50)
    assert sheet.float().std() > 20
    assert not torch.equal(sheet, read_image(sheets[0]))
    assert "6 steps: " in out
    assert f"weights  {folder}/checkpoints/step-000006/generator.safetensors" in out
    assert (folder / "report.txt").read_text() in out
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["preset"], config["steps"], config["model"]["width"]) == ("smoke", 6, 4)


def test_the_moving_average_is_shipped(run, tiny, tmp_path):
    assert run(*tiny, "--out", tmp_path / "run", "--ema", "0.5", "--lr-g", "0.01")[0] == 0
    checkpoint = RunFolder(tmp_path / "run").latest()
    state, shipped = load_state(checkpoint), load_file(checkpoint / WEIGHTS)
    averaged = {
        name.removeprefix("module."): value
        for name, value in state["averaged"].items()
        if name.startswith("module.")
    }
    learned = state["networks"]["generator"]
    assert shipped.keys() == averaged.keys() == learned.keys()
    assert all(torch.equal(shipped[name], averaged[name]) for name in shipped)
    assert not all(torch.equal(shipped[name], learned[name]) for name in shipped)
    AnonyGAN.from_pretrained(checkpoint / WEIGHTS)


def test_drawn_faces_are_compared_with_the_true_answer(run, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    flags = "--size 48 --width 4 --blocks 1 --discriminator-width 4 --people 3"
    more = "--faces-per-person 2 --batch-size 4 --steps 1 --precision 32-true --device cpu"
    status, out, _ = run(*flags.split(), *more.split(), "--out", tmp_path / "run")
    assert status == 0
    assert "inside the mask against the true answer, held-out people" in out
    (error,) = re.findall(r"error on held-out pairs (\S+)\)", out)
    (reported,) = re.findall(r"^ *AnonyGAN +(\S+) \[", out, flags=re.MULTILINE)
    assert float(error) == pytest.approx(float(reported), abs=2e-4)  # the same 16 pairs
    assert read_image(tmp_path / "run/sheets/step-000001.png").shape[2] == 2 + 7 * 50


def test_a_run_without_a_name_gets_one(run, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*tiny, "--steps", "1")[0] == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"anonygan-smoke-\d{8}-\d{6}", folder.name)


@pytest.mark.parametrize("people_for_testing", [0, 1])
def test_without_two_test_people_the_sheets_show_the_training_faces(
    run, tiny, face_folder, tmp_path, people_for_testing
):
    data = shutil.copytree(face_folder, tmp_path / "data")
    manifest = data / "manifest.csv"
    text = manifest.read_text().replace("p3,test", "p3,train").replace("p4,test", "p4,train")
    if people_for_testing:
        text = text.replace("p4,train", "p4,test")
    manifest.write_text(text)
    info = (data / "prepared.json").read_text()
    changed = re.sub(
        r'("test": \{\s*"images": )\d+(,\s*"people": )\d+',
        rf"\g<1>0\g<2>{people_for_testing}",
        info,
    )
    (data / "prepared.json").write_text(changed)
    status, out, _ = run(*tiny, "--data", data, "--steps", "1", "--out", tmp_path / "run")
    assert status == 0
    assert (tmp_path / "run/sheets/step-000001.png").is_file()
    assert "measured on faces it was trained on: there are no test faces of two people" in out
    assert not (tmp_path / "run/validation.csv").exists()  # nothing is held out


def test_with_one_photo_a_person_the_paper_s_shares_are_taken_without_a_flag(tmp_path):
    """Of every preset, those that learn shapes of faces from several images included."""
    persons = SimpleNamespace(persons=list(range(40)))
    for preset in options.PRESETS.values():
        chosen = preset
        if train.asks_for_too_much(preset, persons):
            chosen = options.without_same_person(preset)
            line = "one image a person: 75% of the pairs are an image with itself, 25% two people"
            assert train.told(preset, chosen).startswith(line)
        counts = train.make_sampler(chosen, persons).counts
        size = chosen.pairs.batch_size
        assert list(counts.values()) == [0.75 * size, 0, 0.25 * size]
        assert chosen.model.keep_shape == 0
        assert not train.asks_for_too_much(preset, SimpleNamespace(persons=[0, 0, 1]))


def test_one_photo_a_person_is_trained_on_and_resumed(run, tiny, tmp_path):
    data = drawn_folder(tmp_path, 6, 1, size=48, test_people=2)
    flags = ["--data", data, "--out", tmp_path / "run", "--keep-shape", "2"]
    status, out, errors = run(*tiny, *flags, "--bend-condition", "1", "--steps", "1")
    assert (status, errors) == (0, [])
    assert "none one person in two images; --keep-shape 0\n" in out
    assert run("--resume", tmp_path / "run", "--more", "1")[0] == 0


def test_shipped_weights_are_a_start_without_their_options(run, tiny, face_folder, tmp_path):
    flags = "--discriminator-width 4 --batch-size 4 --precision 32-true --device cpu --steps 1"
    still = ["--lr-g", "1e-20", "--out", tmp_path / "run", "--data", face_folder]
    status, out, _ = run("--start-from", "people-128", *flags.split(), *still)
    assert status == 0
    assert (
        "starts from people-128: generator; untrained, since it does not include them: app, lm"
        in out
    )
    model = AnonyGAN.from_pretrained(tmp_path / "run")
    shipped = AnonyGAN.from_pretrained("people-128")
    assert model.config == shipped.config | {"size": [48, 48]}
    assert model.trained_with == ("lite0",)  # which does not judge it
    torch.testing.assert_close(dict(model.named_parameters()), dict(shipped.named_parameters()))
    torch.testing.assert_close(model.fitting.matrix, shipped.fitting.matrix)


# Every value of every option


VARIANTS = [
    *(f"--norm {norm}" for norm in ("batch", "instance", "group")),
    "--adversarial bce",
    "--adversarial lsgan",
    "--adversarial hinge",
    "--adversarial wasserstein --gradient-penalty 10 --norm instance",
    "--adversarial relativistic --r1 1 --r2 1 --norm group",
    "--adversarial relativistic --r1 1 --r2 1 --norm group --weight-wfm 0",
    "--blend attend_base",
    "--blend attend_intermediate",
    "--blend two_maps --attention-norm True",
    "--base condition",
    "--base context --blend attend_intermediate --recon-of pasted",
    "--shape-encoding separate",
    "--shape-encoding joint",
    *(f"--landmark-attention {kind}" for kind in ("gap", "position", "embedding", "none")),
    "--attention-order source_first",
    "--attention-order condition_first --shape-encoding joint",
    "--attention-norm True",
    "--attention-norm False",
    "--reasoning bipartite",
    *(f"--reasoning {kind}" for kind in ("none", "cross_attention", "pose_attention")),
    "--upsampling transposed",
    "--upsampling resize",
    "--gradient-checkpointing True --adversarial wasserstein --gradient-penalty 10 --norm instance",
    "--gradient-checkpointing False",
    "--wfm-pairs different",
    "--wfm-pairs all --wfm-first-layer 1",
    "--wfm-pairs same_person --judged pasted",
    "--judged image",
    "--match-light True --bend-condition 0.5 --forehead 0.7 --detail 0.1 --condition-jitter 0.3",
    "--bend-condition 1 --keep-shape 2 --mirror-condition True --landmarks 29",
    "--match-light False --match-sharpness True --face-alone True --flip True",
    "--weight-identity 1 --augmentation 1 --r1 1 --norm group",
    "--recon-of image",
    "--recon-of pasted",
    "--landmarks 68",
    "--landmarks 29",
    "--context True",
    "--context False",
    "--num-pairs None",
    "--num-pairs 4",
    "--context-jitter 0.5",
    "--decay 0.9",
    "--workers 1",
    "--dropout 0.5",
    "--same-image-share 1 --same-person-share 0",
    "--same-image-share 0 --same-person-share 0",
    "--same-image-share 0 --same-person-share 1 --num-pairs None",
    "--precision bf16-mixed",
    "--precision auto",
    "--batch-size 1",
    "--projected True --adversarial hinge --weight-features 5 --augmentation 0.3 --degraded True",
    "--preset small --width 4 --blocks 1",
    "--preset paper --width 4 --blocks 1",
]


QUICK = {  # which have a branch of their own in the recipe; networks are tested with theirs
    "--adversarial wasserstein --gradient-penalty 10 --norm instance",
    "--adversarial relativistic --r1 1 --r2 1 --norm group --weight-wfm 0",
    "--base context --blend attend_intermediate --recon-of pasted",
    "--shape-encoding joint",
    "--gradient-checkpointing True --adversarial wasserstein --gradient-penalty 10 --norm instance",
    "--wfm-pairs all --wfm-first-layer 1",
    "--wfm-pairs same_person --judged pasted",
    "--match-light True --bend-condition 0.5 --forehead 0.7 --detail 0.1 --condition-jitter 0.3",
    "--bend-condition 1 --keep-shape 2 --mirror-condition True --landmarks 29",
    "--weight-identity 1 --augmentation 1 --r1 1 --norm group",
    "--same-image-share 1 --same-person-share 0",
    "--precision bf16-mixed",
    "--preset small --width 4 --blocks 1",
}


def variants():
    """Each of them; the others are slow, and one of those needs weights of others."""
    for flags in VARIANTS:
        foreign = [needs_lite0] if "--projected True" in flags else []
        marks = foreign if flags in QUICK else [*foreign, pytest.mark.slow]
        yield pytest.param(flags, id=flags, marks=marks)


@pytest.mark.parametrize("flags", variants())
def test_every_variant_takes_steps(run, tiny, tmp_path, flags):
    assert_takes_two_steps(run, tmp_path / "run", *tiny, *flags.split())


def test_faces_with_other_landmarks_are_learned_from(run, tiny, tmp_path):
    data = drawn_folder(tmp_path, 3, 2, size=48, drawn_at=48, test_people=1, scheme=POINTS_5)
    more = "--flip True --bend-condition 1 --keep-shape 1 --match-light True --steps 1"
    more = ["--data", data, *more.split()]
    status, _, errors = run(*tiny, *more, "--out", tmp_path / "run")
    assert (status, errors) == (0, [])
    model = AnonyGAN.from_pretrained(RunFolder(tmp_path / "run").latest() / WEIGHTS)
    assert model.generator.num_landmarks == 5


def test_the_variants_name_every_value_of_every_choice():
    assert set(VARIANTS) >= QUICK
    assert untried_values(VARIANTS, options.ModelOptions, options.LossOptions) == []


def test_gradient_checkpointing_changes_nothing(run, tiny, tmp_path):
    for again in (False, True):
        flags = ("--dropout", 0.5, "--gradient-checkpointing", again)
        assert run(*tiny, *flags, "--out", tmp_path / str(again))[0] == 0
    assert_same_result(tmp_path / "False", tmp_path / "True")


def test_workers_change_nothing(run, tiny, tmp_path):
    for workers in (0, 1):
        assert run(*tiny, "--workers", workers, "--out", tmp_path / str(workers))[0] == 0
    assert_same_result(tmp_path / "0", tmp_path / "1")


def test_the_learning_rate_has_fallen_at_the_end(run, tiny, tmp_path):
    run(*tiny, "--steps", "4", "--decay", "0.5", "--lr-g", "0.01", "--out", tmp_path / "run")
    state = load_state(RunFolder(tmp_path / "run").latest())
    (group,) = state["optimizers"]["generator"]["param_groups"]
    assert group["lr"] == pytest.approx(0.005)


# Going on


DISTURBED = ["--steps", "24", "--log-every", "1", "--save-every", "2", "--sheet-every", "24"]
CHANCY = ["--dropout", "0.5", "--context-jitter", "0.2"]  # whatever is drawn must be drawn again


@pytest.fixture(scope="module")
def undisturbed(tiny, tmp_path_factory):
    """The folder of a run that was left alone, by its seed."""
    folders = {}

    def undisturbed(seed) -> Path:
        if seed not in folders:
            folders[seed] = tmp_path_factory.mktemp("undisturbed") / "run"
            argv, measure = sys.argv, train.measure_pose
            sys.argv = ["train.py", *tiny, *DISTURBED, *CHANCY, "--seed", str(seed)]
            sys.argv += ["--out", str(folders[seed])]
            train.measure_pose = lambda sources, results, find: "not measured"
            assert train.main() == 0
            sys.argv, train.measure_pose = argv, measure
        return folders[seed]

    return undisturbed


@pytest.mark.slow  # the quick tests kill the toy of tests/training
@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_any_moment_it_goes_on_to_the_same_weights(
    run, start, tiny, tmp_path, undisturbed, seed
):
    folder = tmp_path / "run"
    process = start(*tiny, *DISTURBED, *CHANCY, "--seed", seed, "--out", folder)
    if seed == 0:  # while a checkpoint is being written
        wait_until(process, lambda: rows_of(folder) > 3)
        wait_until(process, lambda: any(folder.glob("checkpoints/.step-*.part")))
    else:
        moment = random.Random(time.time_ns())
        wanted = moment.randint(3, 16)
        wait_until(process, lambda: rows_of(folder) >= wanted)
        time.sleep(moment.random() / 10)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    taken = rows_of(folder)
    assert taken < 24
    status, _, errors = run("--resume", folder)
    assert status == 0, (taken, errors)
    assert_same_result(folder, undisturbed(seed))
    assert list(folder.rglob(".*")) == [], taken


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_saves_and_says_how_to_go_on(
    run, start, tiny, tmp_path, undisturbed, number
):
    folder = tmp_path / "my run"
    every = ["--save-every", "1000", "--workers", int(number == signal.SIGINT)]
    process = start(*tiny, *DISTURBED, *CHANCY, *every, "--out", folder)
    wait_until(process, lambda: rows_of(folder) >= 4)
    # Ctrl-C reaches all processes of a terminal, those that read images too.
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    status, out, errors = finish(process)
    assert (status, errors) == (130, [])
    taken = len(losses(folder))
    assert 4 <= taken < 24
    kept = sorted(p.name for p in (folder / "checkpoints").iterdir())
    assert kept == [f"best-{taken:06d}", f"step-{taken:06d}"]
    assert f"stopped after step {taken}" in out
    assert f"--resume '{folder}'" in out
    assert run("--resume", folder, "--workers", "0", "--save-every", "2")[0] == 0
    assert_same_result(folder, undisturbed(0))


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """A run of four steps."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    argv, measure = sys.argv, train.measure_pose
    sys.argv = ["train.py", *tiny, "--steps", "4", "--save-every", "2", "--log-every", "1"]
    sys.argv += ["--out", str(folder)]
    train.measure_pose = lambda sources, results, find: "not measured"
    assert train.main() == 0
    sys.argv, train.measure_pose = argv, measure
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of that run."""
    return shutil.copytree(finished, tmp_path / "run")


def test_more_steps_are_those_of_a_longer_run(run, tiny, folder, tmp_path):
    longer = [*tiny, "--save-every", "2", "--log-every", "1", "--out", tmp_path / "longer"]
    assert run(*longer)[0] == 0
    assert run("--resume", folder, "--more", "1")[0] == 0
    assert len(losses(folder)) == 5
    assert yaml.safe_load((folder / "config.yaml").read_text())["steps"] == 5
    assert run("--resume", folder, "--steps", "6")[0] == 0
    assert_same_result(folder, tmp_path / "longer")
    assert [row["step"] for row in losses(folder)] == list("123456")


def test_a_finished_run_says_so(run, folder):
    line = failure(run("--resume", folder))
    assert f"expected steps left in {folder}, but all 4 are done; add more with --more" in line


def damage(folder, name, content):
    (RunFolder(folder).latest() / name).write_bytes(content)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_can_be_used(run, folder, finished):
    damage(folder, "state.pt", b"PK\x03\x04 half")
    line = failure(run("--resume", folder))
    latest = folder / "checkpoints" / "step-000004"
    assert f"remove {latest} to resume from the checkpoint before it" in line
    shutil.rmtree(latest)
    assert run("--resume", folder)[0] == 0
    assert_same_result(folder, finished)


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_state_that_would_run_code_does_not(run, folder, tmp_path):
    torch.save(
        {"step": 2, "x": Malicious(tmp_path / "it ran")}, RunFolder(folder).latest() / "state.pt"
    )
    assert "damaged or something else" in failure(run("--resume", folder, "--more", "1"))
    assert not (tmp_path / "it ran").exists()


def test_the_state_of_another_run_is_refused(run, tiny, folder, tmp_path):
    run(*tiny, "--width", "8", "--steps", "1", "--out", tmp_path / "wider")
    shutil.copy(RunFolder(tmp_path / "wider").latest() / "state.pt", RunFolder(folder).latest())
    before = losses(folder)
    line = failure(run("--resume", folder))
    assert "expected a state of this configuration" in line
    assert "of another shape" in line
    assert losses(folder) == before


def test_a_run_that_never_saved_says_so(run, folder):
    shutil.rmtree(folder / "checkpoints")
    line = failure(run("--resume", folder))
    assert f"expected a checkpoint in {folder}, but the run stopped before its first one" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected options in"),
        ("steps: [", "expected YAML in"),
        ("steps: 5\n", "expected options of TrainOptions"),
    ],
)
def test_a_damaged_configuration_is_named(run, folder, content, message):
    (folder / "config.yaml").write_text(content)
    line = failure(run("--resume", folder))
    assert message in line
    assert str(folder) in line


@pytest.mark.parametrize("flags", ["--width 8", "--preset paper", "--lr-g 0.1", "--seed 3"])
def test_what_makes_a_run_cannot_be_changed(run, folder, flags):
    before = (folder / "config.yaml").read_bytes()
    line = failure(run("--resume", folder, *flags.split(), "--more", "1"))
    assert "leave them out, or start a new run with them using --start-from" in line
    assert (folder / "config.yaml").read_bytes() == before


# Losses that are no numbers


def test_a_run_that_diverges_stops_at_a_good_checkpoint(run, tiny, tmp_path):
    folder = tmp_path / "run"
    wild = "--adversarial lsgan --lr-d 0.9 --lr-g 0.9 --weight-app 1e33 --norm group"
    every = "--steps 60 --log-every 1 --save-every 1"
    line = failure(run(*tiny, *wild.split(), *every.split(), "--out", folder))
    match = re.search(r"became NaN or infinite at step (\d+); (.*)", line)
    assert match, line
    step = int(match[1])
    good = RunFolder(folder).latest()
    if step > 1:
        assert match[2] == f"the last good checkpoint is {good}"
        assert good.name == f"step-{step - 1:06d}"
        networks = flat(load_state(good)["networks"])
        assert all(value.isfinite().all() for value in networks.values())
    else:
        assert match[2] == "no checkpoint had been saved yet"
    assert all(float(v) == float(v) for row in losses(folder) for v in row.values())


# Full disks and little memory


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_can_be_gone_on_from(run, start, folder, finished, tmp_path):
    shutil.rmtree(folder / "checkpoints" / "step-000004")
    size = (folder / "checkpoints" / "step-000002" / "state.pt").stat().st_size

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    line = failure(finish(start("--resume", folder, preexec_fn=small_disk)), 1)
    assert re.fullmatch(rf"error: {folder}/checkpoints/\S+: File too large", line)
    kept = sorted(p.name for p in (folder / "checkpoints").iterdir())
    assert kept == ["best-000004", "step-000002"]
    assert load_state(RunFolder(folder).latest())["step"] == 2
    assert run("--resume", folder)[0] == 0
    assert_same_result(folder, finished)


def small_file_system(folder, kilobytes):
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize("kilobytes", [4, 8, 24, 300, 1600])
def test_no_space_left_is_one_line_that_names_a_file(run, tiny, tmp_path, kilobytes):
    disk = tmp_path / "disk"
    if not small_file_system(disk, kilobytes):
        pytest.skip("may not mount a file system")
    try:
        every = ["--log-every", "1", "--save-every", "1"]
        line = failure(run(*tiny, *every, "--out", disk / "run"), 1)
        assert "No space left on device" in line
        assert str(disk) in line
        assert list(disk.rglob(".*.part")) == []
        for checkpoint in disk.glob("run/checkpoints/step-*"):
            load_state(checkpoint)
            AnonyGAN.from_pretrained(checkpoint / WEIGHTS)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_too_little_memory_is_one_line(start, tiny, tmp_path):
    def little_memory():
        resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))

    big = ["--width", "512", "--blocks", "9", "--out", tmp_path / "run"]
    line = failure(finish(start(*tiny, *big, preexec_fn=little_memory)))
    assert line.startswith("error: not enough memory: a smaller --batch-size, --width or size of")
    assert not (tmp_path / "run").exists()


# Bad input


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--device tpu", "expected --device to be one of auto, cpu, cuda, gpu, mps; got tpu"),
        ("--device cuda", "expected a device of type cuda, but this machine has none"),
        ("--devices 0", "--devices"),
        ("--batch-size 10", "expected a batch size from 1 to the 9 images there are, got 10"),
        ("--batch-size 0", "expected a batch size from 1 to the 9 images"),
        ("--same-image-share 1.5", "1 together at most; got 1.5"),
        ("--same-image-share 0.6 --same-person-share 0.6", "1 together at most; got 0.6 and 0.6"),
        ("--same-person-share -0.1", "shares"),
        ("--num-pairs 2", "expected at least 4 pairs, a batch, got 2"),
        ("--steps 0", "expected steps of at least 1, got 0"),
        ("--log-every 0", "expected log_every of at least 1, got 0"),
        ("--decay 1.5", "expected decay from 0 to 1, got 1.5"),
        ("--width 5", "expected an even width"),
        ("--dropout 2", "dropout"),
        ("--size 64", "expected --data or --size, got both"),
        ("--people=9 --faces_per_person 2", "--data or --people, --faces-per-person, got both"),
        ("--adversarial relativistic --r1 1", "expected --r1 and --r2 above 0"),
        ("--r1 1", "expected --norm instance or group with gradient penalties"),
        ("--data none", "none: no such folder"),
        ("--data empty", "empty: an empty folder, not a prepared one"),
        ("--data foreign", "foreign: not a prepared folder"),
        ("--out taken", "expected a new or empty folder, got taken; continue it with --resume"),
        ("--out file", "expected a new or empty folder, got file"),
        ("--resume none", "expected a run folder with config.yaml, found none at none"),
        ("--resume foreign", "expected a run folder with config.yaml, found none at foreign"),
        ("--start-from NOTHERE", "--start-from NOTHERE: expected a weights file, found none at"),
        ("--start-from people-12", "for AnonyGAN: people-128; did you mean people-128?"),
        ("--start-from synthetic-persons", "expected AnonyGAN weights of format 1 in"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run, tiny, tmp_path, monkeypatch, flags, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("taken", "empty", "foreign"):
        (tmp_path / name).mkdir()
    (tmp_path / "taken" / "thesis").touch()
    (tmp_path / "foreign" / "photo.jpg").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    args = flags.split() if "--resume" in flags else [*tiny, *flags.split()]
    status, _, errors = run(*args)
    assert status == 2
    assert message in " ".join(errors)
    assert "Traceback" not in " ".join(errors)
    if "--devices" not in flags:
        assert len(errors) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            "--size 50",
            "expected images with sides of at least 48 pixels, divisible by 4, got 50 x 50",
        ),
        (
            "--size 32",
            "expected images with sides of at least 48 pixels, divisible by 4, got 32 x 32",
        ),
        ("--size 8", "expected a size of at least 16, got 8"),
        ("--people 0", "num_people of at least 1, got 0"),
        ("--people 1 --same-person-share 0", "expected at least two people"),
    ],
)
def test_faces_that_cannot_be_trained_on_are_refused(run, tmp_path, flags, message):
    small = "--people 3 --faces-per-person 2 --size 48 --batch-size 2 --same-person-share 0.25"
    more = ["--same-image-share", "0.25", "--steps", "1", "--out", tmp_path / "run"]
    assert message in failure(run(*small.split(), *more, *flags.split()))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "flags", [["--precision", "nonsense"], ["--widht", "4"], ["--steps", "many"], ["--seed", "-1"]]
)
def test_bad_flags_are_bad_input(run, tiny, tmp_path, flags):
    status, _, errors = run(*tiny, "--out", tmp_path / "run", *flags)
    assert status == 2
    (line,) = errors
    assert line.startswith("error: ") and flags[0] in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_cannot_be_read_is_named(run, tiny, face_folder, tmp_path, workers):
    data = shutil.copytree(face_folder, tmp_path / "data")
    for face in PreparedPictures(data, "train").pictures:
        (data / face.image).write_text("no image")
    flags = ["--data", data, "--workers", workers, "--out", tmp_path / "run"]
    line = failure(run(*tiny, *flags))
    assert re.fullmatch(rf"error: {data}/images/\S+\.png: not an image, or an unknown format", line)


def test_an_unreadable_test_picture_is_named_before_the_run_is_made(
    run, tiny, face_folder, tmp_path
):
    data = shutil.copytree(face_folder, tmp_path / "data")
    spoilt = data / PreparedPictures(data, "test").pictures[0].image
    spoilt.unlink()
    line = failure(run(*tiny, "--data", data, "--out", tmp_path / "run"), 1)
    assert line == f"error: {spoilt}: No such file or directory"
    assert not (tmp_path / "run").exists()


def test_an_interrupt_during_set_up_is_one_line(run, tiny, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "open_faces", interrupted)
    assert failure(run(*tiny, "--out", tmp_path / "run"), 130) == "error: interrupted"
    assert not (tmp_path / "run").exists()


# Two processes


UNEVEN = ["--same-image-share", "0.25", "--same-person-share", "0.25", "--num-pairs", "None"]
# Without what each process draws for itself, and without statistics of a half.
ALIKE = [*UNEVEN, *["--norm", "group", "--dropout", "0", "--context-jitter", "0", "--steps", "1"]]


def uneven_seed(faces):
    """A seed whose first batch has two pairs of one person in one half and none in the other."""
    for seed in range(100):
        sampler = PairSampler(
            faces.persons,
            batch_size=4,
            same_image_share=0.25,
            same_person_share=0.25,
            num_pairs=None,
            seed=seed,
        )
        kinds = sampler.batch(0).kind
        if sorted((half != PairKind.DIFFERENT).sum().item() for half in kinds.split(2)) == [0, 2]:
            return seed
    raise AssertionError("no such seed")


def moments(folder):
    """First moments of Adam: (1 - beta1) times the gradient of the only step."""
    state = load_state(RunFolder(folder).latest())
    return {
        name: [entry["exp_avg"] for _, entry in sorted(optimizer["state"].items())]
        for name, optimizer in state["optimizers"].items()
    }


@pytest.mark.parametrize(
    "loss",
    [
        [],
        pytest.param(
            ["--adversarial", "relativistic", "--r1", "1", "--r2", "1"], marks=pytest.mark.slow
        ),
    ],
    ids=["paper", "penalties"],
)
def test_two_processes_have_the_gradients_of_one(run, start, tiny, face_folder, tmp_path, loss):
    seed = uneven_seed(PreparedPictures(face_folder, "train"))
    flags = [*tiny, *ALIKE, *loss, "--seed", seed]
    two = start(*flags, "--devices", "2", "--out", tmp_path / "two")
    assert run(*flags, "--out", tmp_path / "one")[0] == 0
    status, out, errors = finish(two)
    assert (status, errors) == (0, []), out
    one, two = moments(tmp_path / "one"), moments(tmp_path / "two")
    assert list(one) == list(two) == ["generator", "app", "lm"]
    for name in one:
        assert len(one[name]) == len(two[name]) > 5
        scale = max(gradient.abs().max() for gradient in one[name])
        assert scale > 1e-6
        for ours, theirs in zip(two[name], one[name], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5 * float(scale))
    # The rows hold the losses of the whole batch, not of one half.
    for name, value in losses(tmp_path / "one")[0].items():
        assert float(losses(tmp_path / "two")[0][name]) == pytest.approx(float(value), rel=1e-3)


@pytest.mark.slow
def test_of_two_processes_one_says_why_they_fail(start, tiny, folder):
    began = time.monotonic()
    line = failure(finish(start(*tiny, "--devices", "2", "--out", folder)))
    assert "expected a new or empty folder, got" in line
    assert time.monotonic() - began < 240  # the other does not wait for it


@pytest.mark.slow
def test_both_processes_failing_alike_say_it_once(start, tiny, tmp_path):
    flags = ["--devices", "2", "--batch-size", "5", "--out", tmp_path / "run"]
    line = failure(finish(start(*tiny, *flags)))
    assert "expected a batch divisible among 2 processes, got 5" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["one", "all"])
def test_two_processes_stop_together(run, start, tiny, tmp_path, whom):
    folder = tmp_path / "run"
    flags = [*DISTURBED, "--steps", "2000", "--norm", "group"]
    process = start(*tiny, *flags, "--devices", "2", "--out", folder)
    wait_until(process, lambda: rows_of(folder) >= 4)
    os.killpg(process.pid, signal.SIGINT) if whom == "all" else process.send_signal(signal.SIGINT)
    status, out, errors = finish(process)
    assert (status, errors) == (130, [])
    assert f"--resume {folder}" in out
    taken = len(losses(folder))
    assert run("--resume", folder, "--devices", "1", "--steps", taken + 1)[0] == 0


@pytest.mark.slow
def test_a_full_disk_stops_two_processes_with_one_line(start, tiny, tmp_path):
    folder = tmp_path / "run"

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    flags = ["--devices", "2", "--norm", "group", "--out", folder]
    line = failure(finish(start(*tiny, *flags, preexec_fn=small_disk)), 1)
    assert "File too large" in line
    assert list((folder / "checkpoints").iterdir()) == []


# Two processes that something else starts


@pytest.fixture
def torchrun(environment):
    """The command in two processes of torchrun's."""
    with processes("-m", environment) as start:
        yield partial(start, *TORCHRUN, train.__file__)


TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
# What `fabric run` does once click, which the recipes do not need, has read its options.
FABRIC_RUN = """
import sys
from argparse import Namespace
from lightning_fabric.cli import main
from lightning_fabric.plugins.environments.lightning import find_free_network_port
own = dict(accelerator="cpu", strategy=None, devices="2", num_nodes=1, node_rank=0, precision=None)
address = dict(main_address="127.0.0.1", main_port=find_free_network_port())
main(Namespace(script=sys.argv[1], **own, **address), sys.argv[2:])
"""


@pytest.fixture
def fabric_run(environment):
    """The command in two processes of `fabric run`."""
    with processes("-c", environment) as start:
        yield partial(start, FABRIC_RUN, train.__file__)


@pytest.mark.slow
def test_torchrun_trains_as_devices_2_does(start, torchrun, tiny, tmp_path):
    assert_trains_as_devices_2_does(torchrun, start, tiny, tmp_path)


@pytest.mark.slow
def test_fabric_run_trains_as_devices_2_does(start, fabric_run, tiny, tmp_path):
    assert_trains_as_devices_2_does(fabric_run, start, tiny, tmp_path)


def assert_trains_as_devices_2_does(launcher, start, tiny, tmp_path):
    flags = [*tiny, *CHANCY, "--steps", "2", "--log-every", "1"]
    ours = start(*flags, "--devices", "2", "--out", tmp_path / "ours")
    theirs = launcher(*flags, "--out", tmp_path / "theirs")
    for process in (ours, theirs):
        status, out, errors = finish(process, timeout=300)
        assert (status, errors) == (0, []), out
    assert_same_result(tmp_path / "theirs", tmp_path / "ours")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, 0), (signal.SIGTERM, 1)])
def test_below_torchrun_it_stops_and_goes_on(start, torchrun, tiny, tmp_path, number, workers):
    folder = tmp_path / "run"
    every = ["--log-every", "1", "--save-every", "1000", "--sheet-every", "1000"]
    every += ["--workers", workers]
    process = torchrun(*tiny, *CHANCY, *every, "--steps", "2000", "--out", folder)
    wait_until(process, lambda: rows_of(folder) >= 2, timeout=300)
    process.send_signal(number)
    _, out, _ = finish(process, timeout=300)
    taken = len(losses(folder))
    assert f"stopped after step {taken}" in out
    again = torchrun("--resume", folder, "--steps", taken + 1)
    status, out, errors = finish(again, timeout=300)
    assert (status, errors) == (0, []), out
    flags = [*tiny, *CHANCY, *every, "--steps", taken + 1, "--devices", "2"]
    assert finish(start(*flags, "--out", tmp_path / "undisturbed"), timeout=300).status == 0
    assert_same_result(folder, tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            "--devices 3",
            "expected --devices 2, the number of processes that torchrun started, got 3",
        ),
        ("--widht 4", "Unrecognized options: --widht"),
        ("--batch-size 5", "expected a batch divisible among 2 processes, got 5"),
    ],
)
def test_below_torchrun_bad_input_is_said_once(torchrun, tiny, tmp_path, flags, message):
    process = torchrun(*tiny, *flags.split(), "--out", tmp_path / "run")
    status, _, errors = finish(process, timeout=300)
    assert status == 1  # torchrun's own, whatever its processes end with
    (line,) = (line for line in errors if line.startswith("error: "))
    assert message in line
    assert not (tmp_path / "run").exists()
