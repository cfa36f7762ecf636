import csv
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sample
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from graphgan.anonymize.compositor import soft_edges
from graphgan.commands import run_command
from graphgan.data import PreparedPictures, read_image, to_float_image
from graphgan.landmarks import face_regions
from graphgan.models import AnonyGAN, LandmarkGenerator
from graphgan.training import RunFolder


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "generator.safetensors"
    AnonyGAN(LandmarkGenerator(width=4, num_blocks=1)).save_pretrained(path)
    return path


@pytest.fixture
def run(weights, face_folder, tmp_path, capsys):
    """Status, what was printed and the lines of errors, progress left out."""

    def run(*more, **changes):
        flags = {
            "checkpoint": weights,
            "data": face_folder,
            "out": tmp_path / "out",
            "device": "cpu",
            **changes,
        }
        args = [part for name, value in flags.items() for part in (f"--{name}", str(value))]
        with pytest.raises(SystemExit) as exit_:
            run_command(sample.main, sample.Options, [*args, *more])
        printed = capsys.readouterr()
        lines = printed.err.replace("\r", "\n").splitlines()
        return exit_.value.code, printed.out, [x for x in lines if x and "image/s" not in x]

    return run


def failure(result, status=2):
    assert result[0] == status, result
    (line,) = result[2]
    assert line.startswith("error: ")
    return line


def test_every_face_gets_the_next_person_s_identity(run, face_folder, tmp_path):
    status, out, errors = run()
    assert (status, errors) == (0, [])
    assert "6 images in" in out
    faces = PreparedPictures(face_folder, "test")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "images",
        "pairs.csv",
        "sheet.png",
    ]
    images = sorted(path.stem for path in (tmp_path / "out" / "images").iterdir())
    assert images == sorted(faces.names)
    people = dict(zip(faces.names, faces.persons, strict=True))
    rows = list(csv.DictReader((tmp_path / "out" / "pairs.csv").open()))
    assert [row["source"] for row in rows] == faces.names
    assert all(people[row["source"]] != people[row["condition"]] for row in rows)
    assert read_image(tmp_path / "out" / "sheet.png").float().std() > 20


def test_only_the_face_is_changed_and_it_is_changed(run, face_folder, tmp_path):
    run()
    faces = PreparedPictures(face_folder, "test")
    for i, name in enumerate(faces.names):
        face = faces[i]
        region = face_regions(face.landmarks[None], (48, 48))
        inside = (region[0] > 0).expand_as(face.image)
        edge = (soft_edges(region)[0] > 0).expand_as(face.image)
        made = read_image(tmp_path / "out" / "images" / f"{name}.png")
        assert torch.equal(made[~edge], face.image[~edge])
        assert (made[inside].float() - face.image[inside].float()).abs().mean() > 5


def test_unpasted_pictures_are_the_network_s_own(run, weights, face_folder, tmp_path):
    assert run("--paste", "none")[0] == 0
    faces = PreparedPictures(face_folder, "test")
    of = {name: i for i, name in enumerate(faces.names)}
    rows = list(csv.DictReader((tmp_path / "out" / "pairs.csv").open()))
    source, condition = (faces[of[rows[0][key]]] for key in ("source", "condition"))
    images = [to_float_image(face.image)[None] for face in (condition, source)]
    points = [face.landmarks[None] for face in (condition, source)]
    with torch.no_grad():
        expected = AnonyGAN.from_pretrained(weights).eval()(*images, *points).image
    made = to_float_image(read_image(tmp_path / "out" / "images" / f"{rows[0]['source']}.png"))
    assert (made - expected[0]).abs().max() < 0.02


@pytest.mark.slow
def test_a_batch_size_does_not_change_a_picture(run, tmp_path):
    run(out=tmp_path / "a")
    run("--batch-size", "1", out=tmp_path / "b")
    for path in (tmp_path / "a" / "images").iterdir():
        ours, other = read_image(path), read_image(tmp_path / "b" / "images" / path.name)
        assert (ours.int() - other.int()).abs().max() <= 1


def test_some_of_a_split(run, tmp_path):
    assert "2 images" in run("--split", "train", "--count", "2")[1]
    assert len(list((tmp_path / "out" / "images").iterdir())) == 2


def test_a_run_s_newest_weights_are_taken(run, weights, tmp_path):
    folder = RunFolder.create(tmp_path / "run", {})
    for step in (9, 10):
        folder.save(step, {}, lambda checkpoint: shutil.copy(weights, checkpoint))
    (folder.checkpoints / "step-000009" / "generator.safetensors").write_text("old")
    assert run(checkpoint=folder.path)[0] == 0


def rewritten(weights, path, *, change=None, **metadata):
    with safe_open(weights, "pt") as file:
        kept = file.metadata()
    tensors = load_file(weights)
    if change:
        change(tensors)
    save_file(tensors, path, {k: v for k, v in (kept | metadata).items() if v is not None})


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def config(weights, **changes):
    with safe_open(weights, "pt") as file:
        stored = json.loads(file.metadata()["config"])
    return json.dumps(stored | {"generator": stored["generator"] | changes})


A_WEIGHT = "generator.image_head.up.0.weight"

SPOILT = {
    "missing": lambda w, p: None,
    "empty": lambda w, p: p.write_bytes(b""),
    "truncated": lambda w, p: p.write_bytes(w.read_bytes()[:-100]),
    "header only": lambda w, p: p.write_bytes(w.read_bytes()[:50]),
    "text": lambda w, p: p.write_text("hello, this is no checkpoint"),
    "pickle": lambda w, p: p.write_bytes(pickle.dumps(Malicious(p.parent / "it ran"))),
    "torch pickle": lambda w, p: torch.save({"x": Malicious(p.parent / "it ran")}, p),
    "foreign": lambda w, p: save_file({"a": torch.ones(2)}, p),
    "other kind": lambda w, p: rewritten(w, p, kind="CIAGAN"),
    "other format": lambda w, p: rewritten(w, p, format="9"),
    "not a number": lambda w, p: rewritten(w, p, change=lambda t: t[A_WEIGHT].fill_(torch.nan)),
    "tensor lost": lambda w, p: rewritten(w, p, change=lambda t: t.pop(A_WEIGHT)),
    "tensor added": lambda w, p: rewritten(w, p, change=lambda t: t.update(x=torch.ones(1))),
    "no config": lambda w, p: rewritten(w, p, config=None),
    "config no json": lambda w, p: rewritten(w, p, config="{"),
    "config a list": lambda w, p: rewritten(w, p, config="[1]"),
    "config empty": lambda w, p: rewritten(w, p, config="{}"),
    "config foreign": lambda w, p: rewritten(w, p, config=config(w, hidden_size=3)),
    "config of text": lambda w, p: rewritten(w, p, config=config(w, width="wide")),
    "config null": lambda w, p: rewritten(w, p, config=config(w, num_landmarks=None)),
    "config wider": lambda w, p: rewritten(w, p, config=config(w, width=8)),
    "config negative": lambda w, p: rewritten(w, p, config=config(w, num_landmarks=-3)),
    "config huge": lambda w, p: rewritten(w, p, config=config(w, width=2**40)),
    "config base": lambda w, p: rewritten(w, p, config='{"base": "x", "generator": {}}'),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_checkpoint_that_is_none_is_one_line_and_never_run(run, weights, tmp_path, kind):
    path = tmp_path / "spoilt.safetensors"
    SPOILT[kind](weights, path)
    line = failure(run(checkpoint=path))
    assert str(path) in line or kind == "config huge"
    assert not (tmp_path / "it ran").exists()
    assert not (tmp_path / "out").exists()


def test_a_network_of_29_landmarks_is_given_those(run, tmp_path):
    path = tmp_path / "other.safetensors"
    AnonyGAN(LandmarkGenerator(3, 29, width=4, num_blocks=1)).save_pretrained(path)
    assert not run(checkpoint=path)[0]
    assert (tmp_path / "out" / "sheet.png").is_file()


def test_a_network_of_another_number_of_landmarks_is_refused(run, tmp_path):
    path = tmp_path / "other.safetensors"
    AnonyGAN(LandmarkGenerator(6, 5, width=4, num_blocks=1)).save_pretrained(path)
    line = failure(run(checkpoint=path))
    assert (
        f"{path}: expected a network of 68 or 29 landmarks for faces with ibug-68, got one of 5"
        in line
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "none"}, "none: no such folder"),
        ({"checkpoint": "."}, "expected a weights file, found none at"),
        ({"device": "tpu"}, "expected --device to be one of"),
        ({"device": "cuda"}, "but this machine has none"),
        (
            {"out": "taken"},
            "expected a new or empty folder, got taken; choose another folder with --out",
        ),
        ({"out": "file"}, "expected a new or empty folder, got file"),
    ],
)
def test_bad_arguments_are_one_line_and_nothing_is_written(
    run, tmp_path, monkeypatch, changes, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    assert message in failure(run(**changes))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_face_without_a_mask_is_named_before_anything_is_written(run, face_folder, tmp_path):
    data = shutil.copytree(face_folder, tmp_path / "data")
    rows = list(csv.reader((data / "manifest.csv").open()))
    rows[-1][rows[0].index("x5")] = rows[-1][rows[0].index("y5")] = ""
    with (data / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    line = failure(run(data=data))
    assert f"the mask is empty for {rows[-1][0]}; prepare the folder again" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "args",
    [
        ["--split", "all"],
        ["--batch-size", "0"],
        ["--count", "0"],
        ["--seed", "-1"],
        ["--color", "red"],
    ],
)
def test_bad_flags_are_bad_input(run, tmp_path, args):
    status, _, errors = run(*args)
    assert status == 2
    assert args[0] in "".join(errors)
    assert "Traceback" not in "".join(errors)
    assert not (tmp_path / "out").exists()


def test_a_picture_that_cannot_be_read_is_named(run, face_folder, tmp_path):
    data = shutil.copytree(face_folder, tmp_path / "data")
    faces = PreparedPictures(data, "test")
    spoilt = data / faces.pictures[-1].image
    spoilt.write_bytes(spoilt.read_bytes()[:200])
    assert str(spoilt) in failure(run(data=data))


def test_too_little_memory_is_one_line(run, monkeypatch):
    def anonymized(model, batch):
        return torch.empty(2**50)

    monkeypatch.setattr(sample, "anonymized", anonymized)
    assert failure(run()) == "error: not enough memory: a smaller --batch-size needs less"


@pytest.mark.slow
def test_the_command_itself(weights, face_folder, tmp_path, environment):
    script = str(Path(sample.__file__))
    flags = ["--checkpoint", str(weights), "--data", str(face_folder), "--out", str(tmp_path / "o")]
    done = subprocess.run(
        [sys.executable, script, *flags, "--count", "2"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2 images in" in done.stdout
