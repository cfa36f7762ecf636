import importlib.util
from pathlib import Path

import pytest
import torch
from skimage.data import astronaut

from graphgan.models.mmod import FIRST, MMOD, SMALLEST, STRIDE, WINDOW


@pytest.fixture(scope="module")
def weights() -> Path:
    spec = importlib.util.find_spec("face_recognition_models")
    folder = Path(next(iter(spec.submodule_search_locations))) / "models"
    return folder / "mmod_human_face_detector.dat"


@pytest.fixture(scope="module")
def network(weights):
    return MMOD.from_weights(weights)


@pytest.fixture(scope="module")
def photo():
    """A face of about 100 pixels, the middle of which is near (128, 115)."""
    return torch.from_numpy(astronaut()[:256, 96:352]).permute(2, 0, 1).contiguous()[None]


def test_a_face_scores_where_it_is_and_dlib_says_the_same(network, photo, weights):
    import dlib

    small = torch.nn.functional.interpolate(photo.float(), size=(200, 200), mode="area").byte()
    scores = network(small)[0]
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    found = dlib.cnn_face_detection_model_v1(str(weights))(
        small[0].permute(1, 2, 0).contiguous().numpy(), 0
    )
    assert scores.max() > 0 and len(found) == 1
    middle = found[0].rect.center()
    assert abs(STRIDE * column + FIRST - middle.x) <= 1.5 * STRIDE
    assert abs(STRIDE * row + FIRST - middle.y) <= 1.5 * STRIDE
    # dlib searches other sizes, too, and tells the best score of them.
    assert float(scores.max()) <= found[0].confidence + 0.2


def test_nothing_scores_below_nothing(network):
    assert (network(torch.full((1, 3, 120, 160), 127, dtype=torch.uint8)) < -0.5).all()


def test_every_window_has_a_score(network):
    for height, width in [(SMALLEST, SMALLEST), (45, 37), (200, 133)]:
        scores = network(torch.zeros(2, 3, height, width))
        expected = ((height - SMALLEST) // STRIDE + 1, (width - SMALLEST) // STRIDE + 1)
        assert scores.shape == (2, *expected)


def test_bands_of_a_tall_picture_give_what_the_whole_gives(network):
    tall = torch.randint(0, 256, (1, 3, 700, 60)).byte()  # more windows than a band has
    whole = network._shrink(tall)
    for conv in network.convs[3:-1]:
        whole = conv(whole).relu()
    assert torch.allclose(network(tall), network.convs[-1](whole)[:, 0], atol=1e-4)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_network_sees_turned_faces(network, photo, quarters):
    square = photo[:, :, :253, :253]  # windows at the same distance from every edge
    turned = torch.rot90(square, -quarters, (2, 3))
    upright = network(square)[0]
    seen = network.turned(quarters)(turned)[0]
    assert torch.allclose(torch.rot90(seen, quarters, (0, 1)), upright, atol=1e-3)
    assert WINDOW == 80 and torch.equal(network(square)[0], upright)  # itself it stays as it was


@pytest.mark.unhooked
@pytest.mark.parametrize("shape", [(1, 3, 28, 60), (1, 1, 60, 60), (3, 60, 60)])
def test_refuses_what_is_no_picture(network, shape):
    with pytest.raises(ValueError, match="expected RGB pictures of 29 pixels"):
        network(torch.zeros(shape))


def test_another_file_is_named(weights, tmp_path):
    (tmp_path / "a.dat").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"a.dat: not dlib's face detector: expected 7"):
        MMOD.from_weights(tmp_path / "a.dat")
    (tmp_path / "b.dat").write_bytes(weights.read_bytes()[:200_000])
    with pytest.raises(ValueError, match=r"b.dat: not dlib's face detector"):
        MMOD.from_weights(tmp_path / "b.dat")
    with pytest.raises(FileNotFoundError):
        MMOD.from_weights(tmp_path / "none.dat")
