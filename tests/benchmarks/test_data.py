"""Both ways of the data path give a step the same batch: their speeds can be compared."""

import numpy as np
import pytest
import torch

from graphgan.data import SyntheticFaces
from graphgan.landmarks import one_hot_maps

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(benchmark_modules):
    return benchmark_modules["data"]


@pytest.fixture(scope="module")
def files(data, tmp_path_factory):
    drawn = SyntheticFaces(5, 2, size=32)
    pictures = [drawn[i] for i in range(len(drawn))]
    return data.FacesOnDisk.write(tmp_path_factory.mktemp("data") / "faces", pictures, (32, 32))


@pytest.mark.parametrize("workers", [0, 1])
def test_both_ways_give_the_same_batches(data, files, workers):
    plain = data.map_file_batches(files, CPU, workers=workers, steps=3)
    fast = data.our_batches(files.prepared("jpg"), CPU, workers=workers, steps=3)
    for reference, ours in zip(plain, fast, strict=True):
        torch.testing.assert_close(ours.condition, reference.condition, rtol=0, atol=1e-6)
        torch.testing.assert_close(ours.source, reference.source, rtol=0, atol=1e-6)
        maps = one_hot_maps(ours.condition_landmarks, (32, 32))
        assert torch.equal(maps, reference.condition_maps)
        assert torch.equal(one_hot_maps(ours.source_landmarks, (32, 32)), reference.source_maps)


def test_pictures_in_memory_are_those_on_disk(data, files):
    prepared = files.prepared("png")
    kept = data.our_batches(data.PicturesInMemory(prepared), CPU, steps=2)
    for a, b in zip(kept, data.our_batches(prepared, CPU, steps=2), strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True) if x is not None)


def test_faces_are_stretched_with_their_landmarks(data, monkeypatch):
    monkeypatch.setattr(data, "SyntheticFaces", lambda *_, size: SyntheticFaces(1, 1, size=size))
    (face,) = data._faces((220, 180))
    drawn = SyntheticFaces(1, 1, size=128)[0]
    assert face.image.shape == (3, 220, 180)
    expected = (drawn.landmarks + 0.5) * torch.tensor([180 / 128, 220 / 128]) - 0.5
    torch.testing.assert_close(face.landmarks, expected)


def test_the_data_path_against_a_step(data):
    row = data.against_step("in memory", data.BATCH / 1200, data.BATCH / 300)
    assert row.ratio == pytest.approx(4)
    assert row.note == "the step: 300.0 samples/s, data: 1200"


def test_decoders_that_are_installed_decode(data):
    encoded = data.jpeg_like_a_photo(48, 64)
    plain = data.decode_pillow(encoded)
    assert plain.shape == (48, 64, 3)
    for name, decode in data.available_decoders().items():
        pixels = decode(encoded)
        assert pixels.shape == plain.shape, name
        # Chroma may be enlarged and rounded in other ways.
        assert np.abs(pixels.astype(int) - plain).mean() < 3, name
    draft = data.available_decoders(2)["Pillow's draft at 1/2"]
    assert draft(encoded).shape == (24, 32, 3)
