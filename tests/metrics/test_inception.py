"""Features of published FIDs; what they should be was computed by torch-fidelity 0.4.0."""

import pytest
import torch

from graphgan.metrics import InceptionFeatures
from graphgan.models._inception_v3 import InceptionV3


def by_formula(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights that keep the numbers of each layer about as large as those of the one before."""
    filled = {}
    for key, value in state.items():
        waves = torch.sin(torch.arange(value.numel(), dtype=torch.float64) ** 1.1 + len(key))
        waves = waves.reshape(value.shape)
        if key.endswith("conv.weight"):
            filled[key] = waves * (4 / value[0].numel()) ** 0.5
        elif key.endswith(("running_var", "bn.weight")):
            filled[key] = 1 + waves / 10
        else:
            filled[key] = waves / 10
    return {key: value.to(state[key].dtype) for key, value in filled.items()}


@pytest.fixture(scope="module")
def features(tmp_path_factory) -> InceptionFeatures:
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(by_formula(InceptionV3().state_dict()), path)
    features = InceptionFeatures(path)
    path.unlink()  # 95 MB
    return features


def picture() -> torch.Tensor:
    y = torch.arange(90, dtype=torch.float64)[:, None]
    x = torch.arange(70, dtype=torch.float64)
    channels = [torch.sin(x / 5 + y / 9), torch.cos(x * y / 300), torch.sin((x - y) / 4)]
    return (127.5 * (torch.stack(channels) + 1)).round().to(torch.uint8)[None]


FEATURES = [0.0014, 0.00389, 0.0945, 0.00122, 0.11608, 0.0, 0.0572, 0.0]
LOGITS = [-0.80893, -0.05855, 0.10077, -0.21698]


def test_gives_what_torch_fidelity_gives(features):
    found, logits = features(picture()), features.classify(picture())
    assert found.shape == (1, 2048) and logits.shape == (1, 1008)
    assert found[0, ::256].tolist() == pytest.approx(FEATURES, abs=2e-5)
    assert float(found.norm()) == pytest.approx(3.594242, rel=1e-5)
    biased = logits + features.network.fc.bias  # the Inception score is of those without
    assert biased[0, ::252].tolist() == pytest.approx(LOGITS, abs=2e-5)


def test_pictures_are_resized_as_tensorflow_did_it(features):
    """Pixel 0 lies on pixel 0, and pixel i at i n / 299; the last ones repeat the edge."""
    ramp = torch.arange(0, 230, 10, dtype=torch.uint8).expand(1, 3, 23, 23)
    fitted = features._fitted(ramp) * 128 + 128
    expected = (torch.arange(299) * 23 / 299 * 10).clamp(max=220)
    torch.testing.assert_close(fitted[0, 1, 7], expected, atol=1e-3, rtol=0)
    same = torch.randint(256, (1, 3, 299, 299), dtype=torch.uint8)
    assert torch.equal(features._fitted(same), (same.float() - 128) / 128)


@pytest.mark.unhooked
def test_refuses_other_pictures(features):
    with pytest.raises(ValueError, match=r"8-bit images .* got torch.float32"):
        features(torch.zeros(1, 3, 9, 9))


def test_a_missing_file_says_where_it_is_to_be_had(tmp_path):
    with pytest.raises(
        ValueError, match=r"no such file; get it with: curl -LO https://.*-6726825d"
    ):
        InceptionFeatures(tmp_path / "pt_inception.pth")
