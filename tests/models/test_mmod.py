import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from skimage.data import astronaut

from graphgan.models import mmod
from graphgan.models.mmod import FIRST, MMOD, SMALLEST, STRIDE, WINDOW


def packaged() -> Path:
    spec = importlib.util.find_spec("face_recognition_models")
    return Path(next(iter(spec.submodule_search_locations))) / "models"


@pytest.fixture(scope="module")
def weights():
    pytest.importorskip("dlib")
    return packaged() / "mmod_human_face_detector.dat"


@pytest.fixture(scope="module")
def network(weights):
    return MMOD.from_weights(weights)


@pytest.fixture(scope="module")
def face():
    """About 80 pixels wide, its middle at (61, 57)."""
    return torch.from_numpy(astronaut()[54:174, 156:276]).permute(2, 0, 1).contiguous()


@pytest.mark.parametrize(("height", "width"), [(SMALLEST, SMALLEST), (36, 37), (61, 100)])
def test_there_is_a_window_every_eight_pixels(height, width):
    scores = MMOD()(torch.zeros(2, 3, height, width))
    rows, columns = ((side - SMALLEST) // STRIDE + 1 for side in (height, width))
    assert scores.shape == (2, rows, columns)


def test_a_score_is_that_of_the_pixels_around_its_window_s_centre():
    network = MMOD()
    for conv in network.convs:
        conv.weight.data.abs_()  # nothing cancels out
    side = SMALLEST + 30 * STRIDE
    picture = torch.ones(1, 3, side, side, requires_grad=True)
    network(picture)[0, 14, 15].backward()
    seen = picture.grad[0].sum(0) != 0
    for axis, window in ((1, 14), (0, 15)):
        pixels = seen.any(axis).nonzero()
        assert (pixels[0] + pixels[-1]).item() / 2 == STRIDE * window + FIRST


def test_the_face_of_a_photo_is_where_the_score_is_highest(network, face):
    (scores,) = network(face[None])
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    assert scores.max() > 0.5
    assert abs(STRIDE * column + FIRST - 61) <= STRIDE
    assert abs(STRIDE * row + FIRST - 57) <= STRIDE


def test_scores_are_those_of_dlib(network, weights, face):
    import dlib

    detector = dlib.cnn_face_detection_model_v1(str(weights))
    face = F.interpolate(face[None], (104, 104), mode="bilinear", antialias=True)[0]
    (found,) = detector(face.permute(1, 2, 0).contiguous().numpy(), 0)
    margin = 11  # around the largest size in dlib's picture of all sizes
    assert found.rect.width() == pytest.approx(WINDOW, abs=1)  # it is the largest that won
    mean = torch.tensor(mmod._MEAN)[:, None, None]
    padded = F.pad(face - mean, (margin,) * 4) + mean
    assert float(network(padded[None]).max()) == pytest.approx(found.confidence, abs=0.02)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_turned_filters_see_what_the_others_see_in_a_turned_picture(network, quarters):
    # Sides at which the last window ends with the picture: the windows are then the same.
    picture = torch.rand(1, 3, SMALLEST + 8 * STRIDE, SMALLEST + 11 * STRIDE) * 255
    turned = network(torch.rot90(picture, quarters, (2, 3)))
    expected = torch.rot90(turned, -quarters, (1, 2))
    torch.testing.assert_close(network.turned(quarters)(picture), expected, atol=1e-4, rtol=0)


def test_a_network_stays_as_it_is_when_it_is_turned(network, face):
    before = network(face[None])
    network.turned(1)
    assert torch.equal(network(face[None]), before)


def test_rows_in_parts_give_the_same(network, monkeypatch):
    picture = torch.rand(1, 3, 210, 90) * 255
    whole = network(picture)
    monkeypatch.setattr(mmod, "_BAND", 3)
    torch.testing.assert_close(network(picture), whole, atol=1e-5, rtol=0)


def test_eight_bit_and_float_pictures_agree(network, face):
    assert torch.equal(network(face[None]), network(face[None].float()))


@pytest.mark.unhooked
@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 28, 64), (1, 3, 64, 0)])
def test_refuses_other_pictures(shape):
    with pytest.raises(ValueError, match="expected RGB pictures of 29 pixels a side and more, got"):
        MMOD()(torch.zeros(shape))


def test_refuses_files_of_something_else(tmp_path, weights):
    whole = weights.read_bytes()
    for data, message in (
        (b"", "expected 7 convolutions, got 0"),
        (whole[:3000], r"the file ends \d+ bytes too early"),
        (whole[: len(whole) // 2], "the file ends"),
        (whole.replace(b"bn_con2", b"bn_fc_2"), "expected a batch normalisation after each"),
        (whole.replace(b"con_4\x01\x02", b"con_4\x01\x07"), "a tensor of version 2, got 7"),
        (whole[5_100:], "16 filters of 3 x 5 x 5 and their biases in convolution 1, got 12832"),
        (whole[:200] + b"\xff" * 8 + whole[208:], "finite"),
    ):
        path = tmp_path / "weights.dat"
        path.write_bytes(data)
        with pytest.raises(
            ValueError, match=rf"weights\.dat: not dlib's face detector: .*{message}"
        ):
            MMOD.from_weights(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.dat"):
        MMOD.from_weights(tmp_path / "none.dat")
