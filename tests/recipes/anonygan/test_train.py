import os
import re
import shutil
import signal
from functools import partial
from types import SimpleNamespace

import options
import pytest
import torch
import train
import yaml
from drawn_folder import drawn_folder
from efficientnet_weights import needs_lite0
from full_disk import files_up_to
from running import (
    assert_same_result,
    assert_takes_two_steps,
    failure,
    finish,
    losses,
    processes,
    rows_of,
    run_forked,
    untried_values,
    wait_until,
)
from safetensors.torch import load_file

from graphgan.data import (
    PairKind,
    PairSampler,
    PreparedPictures,
    next_picture_pairs,
    read_image,
    read_pairs,
    to_face_batch,
)
from graphgan.data._synthetic import drawn_people as held_out
from graphgan.landmarks import CIAGAN_29, POINTS_5
from graphgan.metrics import masked_error
from graphgan.models import AnonyGAN
from graphgan.training import RunFolder
from graphgan.training._run_folder import load_state
from graphgan.weights._finding import WEIGHTS

# A whole run


def test_a_run_writes_what_it_promises(run_train, tiny, face_folder, tmp_path):
    folder = tmp_path / "a folder" / "run"
    every = ["--log-every", "2", "--save-every", "3", "--sheet-every", "4"]
    status, out, errors = run_train(*tiny, *every, "--out", folder, measured=True)
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


def test_the_moving_average_is_shipped(run_train, tiny, tmp_path):
    assert run_train(*tiny, "--out", tmp_path / "run", "--ema", "0.5", "--lr-g", "0.01")[0] == 0
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


def test_drawn_faces_are_compared_with_the_true_answer(run_train, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "TEST_PEOPLE", 2)
    flags = "--size 48 --width 4 --blocks 1 --discriminator-width 4 --people 3"
    more = "--faces-per-person 2 --batch-size 4 --steps 1 --precision 32-true --device cpu"
    status, out, _ = run_train(*flags.split(), *more.split(), "--out", tmp_path / "run")
    assert status == 0
    assert "inside the mask against the true answer, held-out people" in out
    (error,) = re.findall(r"error on held-out pairs (\S+)\)", out)
    (reported,) = re.findall(r"^ *AnonyGAN +(\S+) \[", out, flags=re.MULTILINE)
    assert float(error) == pytest.approx(float(reported), abs=2e-4)  # the same 16 pairs
    assert read_image(tmp_path / "run/sheets/step-000001.png").shape[2] == 2 + 7 * 50


@pytest.mark.parametrize("people_for_testing", [0, 1])
def test_without_two_test_people_the_sheets_show_the_training_faces(
    run_train, tiny, face_folder, tmp_path, people_for_testing
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
    status, out, _ = run_train(*tiny, "--data", data, "--steps", "1", "--out", tmp_path / "run")
    assert status == 0
    assert (tmp_path / "run/sheets/step-000001.png").is_file()
    assert "measured on training faces, since there are no test faces of two people" in out
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


def test_one_photo_a_person_is_trained_on_and_resumed(run_train, tiny, tmp_path):
    data = drawn_folder(tmp_path, 6, 1, size=48, test_people=2)
    flags = ["--data", data, "--out", tmp_path / "run", "--keep-shape", "2"]
    status, out, errors = run_train(*tiny, *flags, "--bend-condition", "1", "--steps", "1")
    assert (status, errors) == (0, [])
    assert "none one person in two images; --keep-shape 0\n" in out
    assert run_train("--resume", tmp_path / "run", "--more", "1")[0] == 0


def test_shipped_weights_are_a_start_without_their_options(run_train, tiny, face_folder, tmp_path):
    flags = "--discriminator-width 4 --batch-size 4 --precision 32-true --device cpu --steps 1"
    still = ["--lr-g", "1e-20", "--out", tmp_path / "run", "--data", face_folder]
    status, out, _ = run_train("--start-from", "people-128", *flags.split(), *still)
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


# Each run tries several choices.
VARIANTS = [
    "--norm batch --adversarial bce --blend attend_base --landmark-attention gap --landmarks 68 "
    "--shape-encoding separate --attention-order source_first --upsampling transposed "
    "--reasoning bipartite --wfm-pairs different --judged image --recon-of image",
    "--norm instance --adversarial wasserstein --gradient-penalty 10 --gradient-checkpointing True "
    "--blend two_maps --attention-norm True --upsampling resize",
    "--norm group --adversarial relativistic --r1 1 --r2 1 --weight-wfm 0 --reasoning none "
    "--landmark-attention none",
    "--adversarial lsgan --base context --blend attend_intermediate --recon-of pasted "
    "--shape-encoding joint --attention-order condition_first --reasoning cross_attention "
    "--landmark-attention position",
    "--adversarial hinge --base condition --context False --wfm-pairs all --wfm-first-layer 1 "
    "--landmark-attention embedding --reasoning pose_attention --decay 0.9",
    "--wfm-pairs same_person --judged pasted --match-light True --bend-condition 0.5 "
    "--forehead 0.7 --detail 0.1 --condition-jitter 0.3 --dropout 0.5",
    "--bend-condition 1 --keep-shape 2 --mirror-condition True --landmarks 29 --num-pairs None "
    "--same-image-share 0 --same-person-share 1",
    "--match-sharpness True --face-alone True --flip True --context-jitter 0.5 --batch-size 1 "
    "--same-image-share 0 --same-person-share 0",
    "--weight-identity 1 --augmentation 1 --r1 1 --norm group --num-pairs 4 "
    "--same-image-share 1 --same-person-share 0",
    "--preset small --width 4 --blocks 1",
]
SLOW = ["--precision bf16-mixed --workers 1", "--preset paper --width 4 --blocks 1"]
PROJECTED = "--projected True --adversarial hinge --weight-features 5 --augmentation 0.3 "
PROJECTED += "--degraded True"


@pytest.mark.parametrize(
    "flags",
    [
        *VARIANTS,
        *(pytest.param(flags, marks=pytest.mark.slow) for flags in SLOW),
        pytest.param(PROJECTED, marks=[needs_lite0, pytest.mark.slow]),
    ],
)
def test_every_variant_takes_steps(run_train, tiny, tmp_path, flags):
    assert_takes_two_steps(run_train, tmp_path / "run", *tiny, *flags.split())


def test_faces_with_other_landmarks_are_learned_from(run_train, tiny, tmp_path):
    data = drawn_folder(tmp_path, 3, 2, size=48, drawn_at=48, test_people=1, scheme=POINTS_5)
    more = "--flip True --bend-condition 1 --keep-shape 1 --match-light True --steps 1"
    more = ["--data", data, *more.split()]
    status, _, errors = run_train(*tiny, *more, "--out", tmp_path / "run")
    assert (status, errors) == (0, [])
    model = AnonyGAN.from_pretrained(RunFolder(tmp_path / "run").latest() / WEIGHTS)
    assert model.generator.num_landmarks == 5


@needs_lite0
@pytest.mark.slow
def test_features_of_faces_with_other_landmarks_are_judged(run_train, tiny, tmp_path):
    data = drawn_folder(tmp_path, 3, 2, size=48, drawn_at=48, test_people=1, scheme=CIAGAN_29)
    more = "--projected True --face-alone True --weight-keep 1 --weight-attention 1 --steps 1"
    more = ["--data", data, "--weight-features", 1, *more.split()]
    status, _, errors = run_train(*tiny, *more, "--out", tmp_path / "run")
    assert (status, errors) == (0, [])
    assert AnonyGAN.from_pretrained(RunFolder(tmp_path / "run").latest() / WEIGHTS).face_alone


def test_the_variants_name_every_value_of_every_choice():
    assert untried_values(VARIANTS, options.ModelOptions, options.LossOptions) == []


def test_gradient_checkpointing_changes_nothing(run_train, tiny, tmp_path):
    for again in (False, True):
        flags = ("--dropout", 0.5, "--gradient-checkpointing", again, "--steps", 3)
        assert run_train(*tiny, *flags, "--out", tmp_path / str(again))[0] == 0
    assert_same_result(tmp_path / "False", tmp_path / "True")


@pytest.mark.slow
def test_workers_change_nothing(run_train, tiny, tmp_path):
    for workers in (0, 1):
        assert run_train(*tiny, "--workers", workers, "--out", tmp_path / str(workers))[0] == 0
    assert_same_result(tmp_path / "0", tmp_path / "1")


# Going on: the toy of tests/training is killed in the quick tests


DISTURBED = ["--steps", "24", "--log-every", "1", "--save-every", "2", "--sheet-every", "24"]
CHANCY = ["--dropout", "0.5", "--context-jitter", "0.2"]  # whatever is drawn must be drawn again


@pytest.mark.slow
def test_killed_while_it_saves_it_goes_on_to_the_same_weights(
    run_train, start_train, tiny, tmp_path
):
    folder = tmp_path / "run"
    process = start_train(*tiny, *DISTURBED, *CHANCY, "--out", folder)
    wait_until(process, lambda: rows_of(folder) > 3)
    wait_until(process, lambda: any(folder.glob("checkpoints/.step-*.part")))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    taken = rows_of(folder)
    assert taken < 24
    status, _, errors = run_train("--resume", folder)
    assert status == 0, (taken, errors)
    assert run_train(*tiny, *DISTURBED, *CHANCY, "--out", tmp_path / "undisturbed")[0] == 0
    assert_same_result(folder, tmp_path / "undisturbed")
    assert list(folder.rglob(".*")) == [], taken


@pytest.mark.slow
def test_asked_to_stop_it_saves_and_says_how_to_go_on(run_train, start_train, tiny, tmp_path):
    folder = tmp_path / "my run"
    every = ["--save-every", "1000", "--workers", 1]
    process = start_train(*tiny, *DISTURBED, *CHANCY, *every, "--out", folder)
    wait_until(process, lambda: rows_of(folder) >= 4)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C: it reaches those that read images too
    status, out, errors = finish(process)
    assert (status, errors) == (130, [])
    taken = len(losses(folder))
    assert 4 <= taken < 24
    assert [p.name for p in folder.glob("checkpoints/step-*")] == [f"step-{taken:06d}"]
    assert f"stopped after step {taken}" in out
    assert f"--resume '{folder}'" in out
    assert run_train("--resume", folder, "--workers", "0", "--save-every", "2")[0] == 0
    assert run_train(*tiny, *DISTURBED, *CHANCY, "--out", tmp_path / "undisturbed")[0] == 0
    assert_same_result(folder, tmp_path / "undisturbed")


def test_more_steps_are_those_of_a_longer_run(run_train, tiny, tmp_path):
    every, folder = ["--save-every", "2", "--log-every", "1"], tmp_path / "run"
    longer = run_train(*tiny, *every, "--steps", "4", "--out", tmp_path / "longer")
    assert longer[0] == run_train(*tiny, *every, "--steps", "2", "--out", folder)[0] == 0
    assert run_train("--resume", folder, "--more", "1")[0] == 0
    assert len(losses(folder)) == 3
    assert yaml.safe_load((folder / "config.yaml").read_text())["steps"] == 3
    assert run_train("--resume", folder, "--steps", "4")[0] == 0
    assert_same_result(folder, tmp_path / "longer")
    assert [row["step"] for row in losses(folder)] == list("1234")


# What goes wrong: what all recipes share is tested with the toy of tests/training


def test_a_full_disk_is_one_line_that_names_a_file(run_train, tiny, tmp_path):
    with files_up_to(20_000):
        line = failure(run_train(*tiny, "--save-every", "1", "--out", tmp_path / "run"), 1)
    assert line.startswith(f"error: {tmp_path}/run/checkpoints/")
    assert line.endswith("File too large")
    assert list((tmp_path / "run/checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--device tpu", "expected --device to be one of auto, cpu, cuda, gpu, mps; got tpu"),
        ("--batch-size 10", "expected a batch size from 1 to the 9 images there are, got 10"),
        ("--same-image-share 0.6 --same-person-share 0.6", "1 together at most; got 0.6 and 0.6"),
        ("--num-pairs 2", "expected at least 4 pairs, a batch, got 2"),
        ("--width 5", "expected an even width"),
        ("--people=9 --faces_per_person 2", "--data or --people, --faces-per-person, got both"),
        ("--r1 1", "expected --norm instance or group with gradient penalties"),
        ("--data foreign", "foreign: not a prepared folder"),
        ("--out foreign", "expected a new or empty folder, got foreign; continue it with --resume"),
        ("--resume foreign", "expected a run folder with config.yaml, found none at foreign"),
        ("--start-from people-12", "for AnonyGAN: people-128; did you mean people-128?"),
        ("--start-from synthetic-persons", "expected AnonyGAN weights of format 1 in"),
        ("--widht 4", "--widht"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    run_train, tiny, tmp_path, monkeypatch, flags, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "photo.jpg").touch()
    before = sorted(tmp_path.rglob("*"))
    args = flags.split() if "--resume" in flags else [*tiny, *flags.split()]
    assert message in failure(run_train(*args))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--size 50", "sides of at least 48 pixels, divisible by 4, got 50 x 50"),
        ("--size 8", "expected a size of at least 16, got 8"),
        ("--people 1 --same-person-share 0", "expected at least two people"),
    ],
)
def test_faces_that_cannot_be_trained_on_are_refused(run_train, tmp_path, flags, message):
    small = "--people 3 --faces-per-person 2 --size 48 --batch-size 2 --same-person-share 0.25"
    more = ["--same-image-share", "0.25", "--steps", "1", "--out", tmp_path / "run"]
    assert message in failure(run_train(*small.split(), *more, *flags.split()))
    assert not (tmp_path / "run").exists()


def test_a_picture_that_cannot_be_read_is_named(run_train, tiny, face_folder, tmp_path):
    data = shutil.copytree(face_folder, tmp_path / "data")
    spoilt = data / PreparedPictures(data, "test").pictures[0].image
    spoilt.unlink()
    line = failure(run_train(*tiny, "--data", data, "--out", tmp_path / "run"), 1)
    assert line == f"error: {spoilt}: No such file or directory"
    assert not (tmp_path / "run").exists()
    for face in PreparedPictures(data, "train").pictures:
        (data / face.image).write_text("no image")
    line = failure(run_train(*tiny, "--data", data, "--out", tmp_path / "run"))
    assert re.fullmatch(rf"error: {data}/images/\S+\.png: not an image, or an unknown format", line)


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
def test_two_processes_have_the_gradients_of_one(run_train, tiny, face_folder, tmp_path, loss):
    seed = uneven_seed(PreparedPictures(face_folder, "train"))
    flags = [*tiny, *ALIKE, *loss, "--seed", seed]
    assert run_train(*flags, "--out", tmp_path / "one")[0] == 0
    assert run_forked(train.main, *flags, "--out", tmp_path / "two") == [0, 0]
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
def test_both_processes_failing_alike_say_it_once(start_train, tiny, tmp_path):
    flags = ["--devices", "2", "--batch-size", "5", "--out", tmp_path / "run"]
    line = failure(finish(start_train(*tiny, *flags)))
    assert "expected a batch divisible among 2 processes, got 5" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_processes_stop_together(run_train, start_train, tiny, tmp_path):
    folder = tmp_path / "run"
    flags = [*DISTURBED, "--steps", "2000", "--norm", "group"]
    process = start_train(*tiny, *flags, "--devices", "2", "--out", folder)
    wait_until(process, lambda: rows_of(folder) >= 4)
    process.send_signal(signal.SIGINT)
    status, out, errors = finish(process)
    assert (status, errors) == (130, [])
    assert f"--resume {folder}" in out
    taken = len(losses(folder))
    assert run_train("--resume", folder, "--devices", "1", "--steps", taken + 1)[0] == 0


TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture
def torchrun(environment):
    """The command in two processes of torchrun's."""
    with processes("-m", environment) as start:
        yield partial(start, *TORCHRUN, train.__file__)


@pytest.mark.slow
def test_below_torchrun_it_stops_and_goes_on_as_devices_2_does(
    start_train, torchrun, tiny, tmp_path
):
    folder = tmp_path / "run"
    every = ["--log-every", "1", "--save-every", "1000", "--sheet-every", "1000", "--workers", 1]
    process = torchrun(*tiny, *CHANCY, *every, "--steps", "2000", "--out", folder)
    wait_until(process, lambda: rows_of(folder) >= 2, timeout=300)
    process.send_signal(signal.SIGTERM)
    _, out, _ = finish(process, timeout=300)
    taken = len(losses(folder))
    assert f"stopped after step {taken}" in out
    again = torchrun("--resume", folder, "--steps", taken + 1)
    status, out, errors = finish(again, timeout=300)
    assert (status, errors) == (0, []), out
    flags = [*tiny, *CHANCY, *every, "--steps", taken + 1, "--devices", "2"]
    assert finish(start_train(*flags, "--out", tmp_path / "undisturbed"), timeout=300).status == 0
    assert_same_result(folder, tmp_path / "undisturbed")


@pytest.mark.slow
def test_below_torchrun_bad_input_is_said_once(torchrun, tiny, tmp_path):
    process = torchrun(*tiny, "--batch-size", "5", "--out", tmp_path / "run")
    status, _, errors = finish(process, timeout=300)
    assert status == 1  # torchrun's own, whatever its processes end with
    (line,) = (line for line in errors if line.startswith("error: "))
    assert "expected a batch divisible among 2 processes, got 5" in line
    assert not (tmp_path / "run").exists()
