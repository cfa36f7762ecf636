"""Inception-v3; its numbers were compared with torch-fidelity's on equal random weights by hand."""

import functools
import hashlib

import pytest
import torch

from graphgan.models._inception_v3 import InceptionV3


@functools.cache
def shapes() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = InceptionV3().state_dict()
    return {key: tuple(value.shape) for key, value in state.items()}


def light_state() -> dict[str, torch.Tensor]:
    """The layout in a few bytes: each tensor is one number, repeated."""
    counters = {key for key in shapes() if key.endswith("num_batches_tracked")}
    return {
        key: torch.tensor(3 if key in counters else 0.5).expand(shape)
        for key, shape in shapes().items()
    }


@pytest.fixture(scope="module")
def network() -> InceptionV3:
    torch.manual_seed(0)
    return InceptionV3().eval()


def test_the_well_known_keys_and_shapes(network):
    """Those of the file of pytorch-fid and torch-fidelity, as a checksum: all of them, by name."""
    assert shapes()["Mixed_7b.branch3x3_2a.conv.weight"] == (384, 384, 1, 3)
    assert shapes()["fc.weight"] == (1008, 2048)
    norms = [m for m in network.modules() if hasattr(m, "running_var")]
    assert {norm.eps for norm in norms} == {1e-3}  # TensorFlow's
    layout = repr(sorted(shapes().items())).encode()
    assert hashlib.sha256(layout).hexdigest().startswith("d1c9a52dc8072dcb")


def test_a_file_is_read(tmp_path):
    state = light_state()
    torch.save(state, tmp_path / "weights.pth")
    loaded = InceptionV3.from_weights(tmp_path / "weights.pth")
    assert not loaded.training
    assert {float(p.min()) for p in loaded.parameters()} == {0.5}
    old = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth")
    assert InceptionV3.from_weights(tmp_path / "old.pth").classify(torch.zeros(1, 3, 75, 75)).shape


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "weights.pth"
    with pytest.raises(ValueError, match=r"weights\.pth: no such file"):
        InceptionV3.from_weights(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"weights\.pth"):
        InceptionV3.from_weights(path)
    torch.save(light_state() | {"fc.weight": torch.zeros(10, 2048)}, path)
    with pytest.raises(ValueError, match=r"weights\.pth: .* fc\.weight \(10, 2048\)"):
        InceptionV3.from_weights(path)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 74, 99), "at least 75 pixels, got 74 x 99"),
        (torch.zeros(1, 1, 99, 99), r"\(b, 3, h, w\), got \(1, 1, 99, 99\)"),
        (torch.zeros(0, 3, 99, 99), "at least one item in images"),
    ],
)
def test_refuses_other_pictures(network, images, message):
    with pytest.raises(ValueError, match=message):
        network(images)
