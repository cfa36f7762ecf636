"""Other tools are run as whole processes; faces that stay in view are counted."""

import io
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from graphgan.data import SyntheticFaces, read_image, write_image

BOX = torch.tensor([40.0, 50, 120, 140])


@pytest.fixture
def photo() -> torch.Tensor:
    return SyntheticFaces(1, 1, size=160)[0].image


def test_a_face_is_in_view_after_jpeg_and_not_after_a_mosaic(benchmark_modules, photo):
    judges = benchmark_modules["judges"]
    file = io.BytesIO()
    Image.fromarray(photo.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=75)
    again = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)
    mosaic = photo[:, ::20, ::20].repeat_interleave(20, 1).repeat_interleave(20, 2)
    assert judges.similarity(BOX, photo, photo) == 1
    assert judges.left_in_view(BOX[None], photo, again) == 1
    assert judges.left_in_view(BOX[None], photo, mosaic) == 0
    assert judges.left_in_view(BOX[None] + 500, photo, again) == 0


def test_counts_of_what_is_in_view(benchmark_modules, photo, tmp_path):
    peers = benchmark_modules["peers"]
    paths = [tmp_path / name for name in ("photo.png", "same.png", "black.png", "gone.png")]
    for path, image in zip(paths, (photo, photo, torch.zeros_like(photo)), strict=False):
        write_image(path, image)

    def judge(images: list[Path]) -> list[torch.Tensor]:
        return [BOX[None] if read_image(path).any() else torch.zeros(0, 4) for path in images]

    results = [[path] for path in paths[1:]]
    assert peers.counts(judge, paths[:1], *results) == ["1", "1 (1)", "0 (0)", "0 (0)"]
    assert peers.counts(judge, paths[:1], *results, looks=False) == ["1", "1", "0", "0"]


def test_both_tools_run_and_are_compared(benchmark_modules, photo, tmp_path, capsys, monkeypatch):
    # deface is a stand-in that copies, and so is ours: no face is hidden.
    peers = benchmark_modules["peers"]
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(2):
        write_image(photos / f"{i}.png", photo)
    (photos / "faces.csv").write_text(
        "image,left,top,right,bottom\n0.png,40,50,120,140\n1.png,40,50,120,140\n"
    )
    deface = tmp_path / "deface"
    deface.write_text(f"#!{sys.executable}\n{_COPIES}")
    deface.chmod(deface.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(peers, "_OURS", _COPIES_A_FOLDER)
    peers.main(peers.Options(photos=photos, deface=deface, judges=(), runs=1, threads=1))
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| photos: 2 photos, 0.1 megapixels |") for line in lines)
    assert any(line.startswith("| seconds a megapixel |") for line in lines)
    assert "| known | 2 | 2 | 2 |" in lines


def test_memory_is_that_of_the_process_alone(benchmark_modules):
    measured = benchmark_modules["peers"].measured
    small = measured([sys.executable, "-S", "-c", "pass"], 1, {0})
    large = measured([sys.executable, "-S", "-c", "b'x' * 10**8"], 1, {0})
    assert small.memory < 5e7  # this process, with torch, has several times as much
    assert 0.9e8 < large.memory - small.memory < 1.2e8


def test_a_process_that_fails_is_told_with_its_last_words(benchmark_modules):
    command = [sys.executable, "-c", "print('no room'); raise SystemExit(4)"]
    with pytest.raises(ValueError, match="ended with 4: no room"):
        benchmark_modules["peers"].measured(command, 1, {0})


_COPIES = """
import shutil, sys
from pathlib import Path
for path in list(Path(sys.argv[1]).iterdir()):
    shutil.copy(path, path.with_stem(path.stem + "_anonymized"))
"""
_COPIES_A_FOLDER = "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[3])"
