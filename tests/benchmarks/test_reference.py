"""The reference computes what is published: speeds are compared with nothing else."""

import golden
import pytest
import torch
from golden.cases import published


@pytest.fixture(scope="module")
def reference(benchmark_modules):
    return benchmark_modules["reference"]


def maps_of(case: str, height: int, width: int, batch: int = 2) -> torch.Tensor:
    """All maps, the condition's first, as the published code is given them."""
    parts = []
    for which in ("condition", "source"):
        points = golden.landmarks(f"{case}/{which}_landmarks", batch, 68, height, width)
        maps = golden.weights.one_hot_maps(points.long().numpy(), height, width)
        parts.append(torch.from_numpy(maps).float())
    return torch.cat(parts, dim=1)


@torch.no_grad()
def test_the_generator_is_the_published_one(reference):
    case = "anonygan_generator_68"
    model = reference.ReferenceGenerator()
    model.load_state_dict(golden.state(golden.layout(case)))
    images = [golden.images(f"{case}/{name}", 2, 3, 48, 40) for name in ("condition", "context")]
    found = model.eval()(*images, maps_of(case, 48, 40))
    torch.testing.assert_close(found, published(case)["output"], rtol=0, atol=2e-5)


@torch.no_grad()
def test_the_discriminator_is_the_published_one(reference):
    case = "anonygan_discriminator"
    model = reference.ReferenceDiscriminator(6)
    model.load_state_dict(golden.state(golden.layout(case)))
    features = model.eval()(golden.images(f"{case}/input", 2, 6, 64, 64))
    for i, feature in enumerate(features):
        kept = feature[:, ::8] if i < 5 else feature
        torch.testing.assert_close(kept, published(case)[f"feature_{i}"], rtol=0, atol=5e-5)


@pytest.mark.slow
def test_the_step_is_the_published_one(reference):
    case, size = "anonygan_training_step", (64, 64)
    layout = golden.layout(case)
    step = reference.ReferenceStep(dropout=0.0)
    for name, network in (("G", step.generator), ("D_gan", step.d_app), ("D_pose", step.d_lm)):
        network.load_state_dict(golden.state(layout["manifests"][name]))
    condition, source = (
        golden.images(f"{case}/{name}", 3, 3, *size) for name in ("condition", "source")
    )
    maps = maps_of(case, *size, batch=3)
    source[0], maps[0, 68:] = condition[0], maps[0, :68]
    mask = torch.zeros(3, 1, *size)
    mask[:, :, 16:48, 16:48] = 1
    losses = step(condition, source, maps, mask, torch.tensor([True, False, False]))
    wanted = layout["scalars"]
    found = losses["app"] + losses["lm"] + losses["wfm"] + losses["recon"]
    assert found == pytest.approx(wanted["g_total_reference_code"], abs=2e-5)
    assert losses["app"] == pytest.approx(wanted["g_app"], abs=1e-5)
    assert losses["wfm"] == pytest.approx(wanted["g_wfm_all_layers"], abs=1e-5)
    assert losses["d_app"] == pytest.approx(wanted["d_app"], abs=1e-5)
    assert losses["d_lm"] == pytest.approx(wanted["d_landmark"], abs=1e-5)
