import shutil
import sys
from pathlib import Path

import export
import onnxruntime
import pytest
import torch
from running import failure

from graphgan.models import AnonyGAN, LandmarkGenerator
from graphgan.training import RunFolder


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "generator.safetensors"
    AnonyGAN(LandmarkGenerator(width=4, num_blocks=1)).save_pretrained(path)
    return path


@pytest.fixture
def run(run_of, weights, tmp_path):
    usual = {"checkpoint": weights, "out": tmp_path / "out.onnx", "size": 32}

    def run(*more, **changes):
        flags = {name: value for name, value in (usual | changes).items() if value is not None}
        return run_of(export, *more, **flags)

    return run


@pytest.mark.unhooked  # it exports
def test_a_run_becomes_a_file_that_onnxruntime_runs_alone(run, weights, tmp_path):
    folder = RunFolder.create(tmp_path / "run", {})
    folder.save(1, {}, lambda checkpoint: shutil.copy(weights, checkpoint))
    (tmp_path / "out.onnx").write_text("before")
    status, out, errors = run("--overwrite", checkpoint=folder.path)
    assert (status, errors) == (0, [])
    assert "out.onnx: 68 landmarks, 32 x 32 pixels; differs from PyTorch by " in out
    content = (tmp_path / "out.onnx").read_bytes()
    for told in (b"/work", b"site-packages", b'File "', sys.prefix.encode()):  # of the machine
        assert told not in content
    session = onnxruntime.InferenceSession(tmp_path / "out.onnx")
    faces, points = 2 * torch.rand(2, 3, 3, 32, 32) - 1, 31 * torch.rand(2, 3, 68, 2)
    mask = torch.ones(3, 1, 32, 32)
    given = {
        "condition": faces[0],
        "source": faces[1],
        "condition_landmarks": points[0],
        "source_landmarks": points[1],
        "mask": mask,
    }
    (image,) = session.run(["image"], {name: x.numpy() for name, x in given.items()})
    expected = AnonyGAN.from_pretrained(weights)(**given).image
    torch.testing.assert_close(torch.from_numpy(image), expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("own", "flags", "size"),
    [
        ((48, 64), (), (48, 64)),
        ((48, 64), ("--size", "32"), (32, 32)),
        (None, ("--size", "32"), (32, 32)),
    ],
)
def test_the_size_is_that_of_training_unless_told_otherwise(
    run, tmp_path, monkeypatch, own, flags, size
):
    path, given = tmp_path / "weights.safetensors", []
    AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=own).save_pretrained(path)
    monkeypatch.setattr(export, "export_onnx", lambda *args, size: given.append(size) or 1e-7)
    status, out, _ = run(*flags, checkpoint=path, size=None)
    assert (status, given) == (0, [size])
    assert f"{size[1]} x {size[0]} pixels" in out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": None}, "expected --size: these weights do not record their training"),
        ({"checkpoint": "file.onnx"}, "expected safetensors in file.onnx"),
        ({"out": "file.onnx"}, "file.onnx: already exists; --overwrite replaces it"),
        ({"out": "taken"}, "taken: expected a file to write, got a folder"),
        ({"out": "none/out.onnx"}, "none/out.onnx: expected a folder to write to, found none at"),
        ({"size": 30}, "expected sides of at least 8, divisible by 4, got 30x30"),
    ],
)
def test_bad_arguments_are_one_line_and_nothing_is_written(
    run, tmp_path, monkeypatch, changes, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "file.onnx").write_text("of somebody")
    before = sorted(tmp_path.rglob("*"))
    assert message in failure(run(**changes))
    assert sorted(tmp_path.rglob("*")) == before
