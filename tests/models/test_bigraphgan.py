import pytest
import torch

from graphgan.landmarks import bend_limbs, gaussian_maps
from graphgan.models import BiGraphGAN, LandmarkGenerator


def sample(batch=2):
    image = 2 * torch.rand(batch, 3, 32, 16) - 1
    joints, wanted = 15 * torch.rand(2, batch, 18, 2)
    return image, joints, wanted


@pytest.mark.parametrize("variant", ["market", "deepfashion"])
@torch.no_grad()
def test_the_published_variants(variant):
    model = BiGraphGAN.published(variant, width=4, num_blocks=2).eval()
    image, joints, wanted = sample()
    output = model(image, joints, wanted)
    if variant == "market":
        first, second = output.attention.split(1, dim=1)
        expected = output.intermediate * first + image * second
    else:
        assert output.attention is None
        expected = output.intermediate
    torch.testing.assert_close(output.image, expected)


@torch.no_grad()
def test_maps_and_coordinates_are_the_same():
    model = BiGraphGAN.published("market", width=4, num_blocks=2).eval()
    image, joints, wanted = sample()
    joints[:, 3] = torch.nan  # a missing joint is an empty map
    maps = (gaussian_maps(points, (32, 16), sigma=6.0) for points in (joints, wanted))
    torch.testing.assert_close(model(image, *maps).image, model(image, joints, wanted).image)


# Bending


def bending(**options):
    generator = LandmarkGenerator(3, 18, width=4, num_blocks=1, blend="attend_base")
    return BiGraphGAN(generator, bend=True, **options).eval()


@torch.no_grad()
def test_generator_and_blend_see_the_picture_bent():
    model = bending()
    image, joints, wanted = sample()
    bent = bend_limbs(image, joints, wanted)
    assert not torch.allclose(bent, image, atol=0.1)
    output = model(image, joints, wanted)
    expected = model.generator(bent, (joints, wanted), bent)
    torch.testing.assert_close(output.image, expected.image)
    torch.testing.assert_close(
        output.image, bent * output.attention + output.intermediate * (1 - output.attention)
    )


@torch.no_grad()
def test_the_file_knows_that_it_bends_and_what_it_was_trained_with(tmp_path):
    model = bending(trained_with=["lite0"])
    model.save_pretrained(tmp_path / "a.safetensors")
    again = BiGraphGAN.from_pretrained(tmp_path / "a.safetensors")
    assert (again.bend, again.trained_with) == (True, ("lite0",))
    assert again.config == model.config
    inputs = sample()
    assert torch.equal(again(*inputs).image, model(*inputs).image)
    assert BiGraphGAN.published("market", width=4, num_blocks=1).config.keys() == {"generator"}


@pytest.mark.unhooked
def test_an_unknown_variant_lists_the_known_ones():
    with pytest.raises(ValueError, match="'market', 'deepfashion'; got 'fashion'"):
        BiGraphGAN.published("fashion")
