import pytest
import torch
import torch.nn.functional as F

from graphgan.layers import blend
from graphgan.models import (
    AnonyGAN,
    ConditionFitting,
    GeneratorOutput,
    LandmarkGenerator,
    generate_at_full_resolution,
)
from graphgan.models._full_resolution import resized

SMALL, LARGE = (16, 24), (48, 72)


def model(*, fitting: ConditionFitting | None = None, size=SMALL, base="condition", **options):
    torch.manual_seed(0)
    generator = LandmarkGenerator(6, 68, width=4, num_blocks=1, **options)
    return AnonyGAN(generator, base=base, fitting=fitting, size=size).eval()


def faces(size: tuple[int, int] = LARGE, batch: int = 2):
    draw = torch.Generator().manual_seed(1)
    condition, source = 2 * torch.rand(2, batch, 3, *size, generator=draw) - 1
    last = torch.tensor([size[1] - 1.0, size[0] - 1.0])
    points = torch.rand(2, batch, 68, 2, generator=draw) * last
    mask = torch.zeros(batch, 1, *size)
    mask[..., size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = 1
    return condition, source, *points, mask


def at_the_small_size(condition, source, first, second, mask):
    """The same inputs as the model was trained on them."""
    scale = torch.tensor([SMALL[1] / condition.shape[3], SMALL[0] / condition.shape[2]])
    images = (resized(x, SMALL) for x in (condition, source))
    points = ((x + 0.5) * scale - 0.5 for x in (first, second))
    return *images, *points, (F.adaptive_avg_pool2d(mask, SMALL) >= 0.5).float()


def attending(value: float, **options) -> AnonyGAN:
    """A model whose attention is that number everywhere."""
    network = model(**options)

    def of_fitted(fitted, *others):
        output = AnonyGAN.of_fitted(network, fitted, *others)
        attention = torch.full_like(output.attention, value)
        image = blend(attention, output.intermediate, fitted, mode="attend_base")
        return output._replace(image=image, attention=attention)

    network.of_fitted = of_fitted
    return network


@torch.no_grad()
@pytest.mark.parametrize("bend", [0.0, 1.0])
def test_at_the_model_s_own_size_it_is_the_model(bend):
    network = model(fitting=ConditionFitting(68, bend=bend))
    given = faces(SMALL)
    full = generate_at_full_resolution(network, *given)
    assert torch.equal(full, network(*given).image)


@torch.no_grad()
@pytest.mark.parametrize("size", [(128, 128), (256, 256)])
def test_smooth_changes_of_a_matched_light_are_left_out(size):
    condition, source, *points, _ = faces(size, batch=1)
    condition, source, mask = 0.3 * condition, 0.3 * source, torch.zeros(1, 1, *size)
    mask[..., size[0] // 4 : -size[0] // 4, size[1] // 4 : -size[1] // 4] = 1
    given = (condition, source, *points, mask)
    x = torch.linspace(0, 1, 128)
    patch = 0.2 + 0.1 * x.expand(1, 3, 128, 128)  # lighter, most at the right
    dots = torch.zeros(1, 3, 128, 128)
    dots[..., 60:64, 60:64] = 0.3

    def change(lit: bool, added: torch.Tensor) -> torch.Tensor:
        fitting = ConditionFitting(68, match_light=lit)
        network = model(fitting=fitting, size=(128, 128))
        network.generator.forward = lambda _, __, base: GeneratorOutput(base + added, None, None)
        made = generate_at_full_resolution(network, *given) - fitting(*given)
        return made[:, :, size[0] // 4 : -size[0] // 4, size[1] // 4 : -size[1] // 4].abs()

    assert change(True, patch).mean() < 0.2 * change(False, patch).mean()
    assert change(True, dots).max() > 0.7 * change(False, dots).max()


@torch.no_grad()
def test_it_is_the_condition_and_what_was_changed_of_the_small_one():
    network, given = model(), faces()
    small = at_the_small_size(*given)
    changed = network(*small).image - small[0]
    full = generate_at_full_resolution(network, *given)
    assert full.shape == given[0].shape
    torch.testing.assert_close(full, (given[0] + resized(changed, LARGE)).clamp(-1, 1))
    assert (full - given[0]).abs().mean() > 0.05


@torch.no_grad()
def test_the_condition_is_fitted_at_its_own_resolution():
    fitting = ConditionFitting(68, bend=1.0, match_light=True, match_sharpness=True)
    given = faces()
    full = generate_at_full_resolution(attending(1.0, fitting=fitting), *given)
    expected = fitting(*given)
    torch.testing.assert_close(full, expected.clamp(-1, 1), atol=1e-5, rtol=0)
    assert (full - fitting.bent(given[0], *given[2:4])).abs().mean() > 0.06


@torch.no_grad()
def test_of_the_source_s_face_nothing_is_seen():
    network, (condition, source, first, second, mask) = model(), faces()
    mask[:, :, 8:40, 12:60] = 1
    inside, outside = source.clone(), source.clone()
    inside[:, :, 20:28, 24:48] = 1  # shrinking looks a few pixels around
    outside[:, :, :4] = 1

    def made(source: torch.Tensor) -> torch.Tensor:
        return generate_at_full_resolution(network, condition, source, first, second, mask)

    assert torch.equal(made(source), made(inside))
    assert not torch.equal(made(source), made(outside))


# Sizes


def test_resized_images_keep_flat_areas_and_do_not_alias():
    flat = torch.full((1, 3, 40, 56), 0.3)
    torch.testing.assert_close(resized(flat, (16, 24)), torch.full((1, 3, 16, 24), 0.3))
    stripes = torch.tensor([1.0, -1.0]).repeat(32).expand(1, 3, 64, 64)
    assert resized(stripes, (16, 16)).abs().max() < 0.1
    assert resized(flat, (40, 56)) is flat


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": None}, "records its training size, got one without"),
        ({"base": "context"}, "blends the condition, got one with base 'context'"),
        ({"blend": "attend_intermediate"}, "blend 'attend_intermediate'"),
        ({"blend": "none"}, "blend 'none'"),
    ],
)
def test_refuses_other_models(options, message):
    with pytest.raises(ValueError, match=message):
        generate_at_full_resolution(model(**options), *faces())


@pytest.mark.unhooked
@pytest.mark.parametrize("changed", [0, 1, 4])
def test_refuses_unlike_shapes(changed):
    given = list(faces())
    given[changed] = given[changed][..., :-4]
    with pytest.raises(ValueError, match=r"expected a condition of .* and a mask of .*, got"):
        generate_at_full_resolution(model(), *given)
