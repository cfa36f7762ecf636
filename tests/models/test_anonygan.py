import json
import pickle
from pathlib import Path

import pytest
import torch
from open_faces import open_face
from safetensors.torch import load_file, save_file

from graphgan.landmarks import face_mask
from graphgan.landmarks._mouth import mouth_masks
from graphgan.layers._smoothing import smooth
from graphgan.models import AnonyGAN, ConditionFitting, LandmarkGenerator

SIZE = (16, 20)


def small(channels: int = 6, *, base="condition", k: int = 68, **options) -> AnonyGAN:
    generator = LandmarkGenerator(channels, k, width=4, num_blocks=1, **options)
    return AnonyGAN(generator, base=base).eval()


def faces(batch: int = 2, k: int = 68):
    condition, source = 2 * torch.rand(2, batch, 3, *SIZE) - 1
    landmarks = torch.rand(2, batch, k, 2) * torch.tensor([SIZE[1] - 1.0, SIZE[0] - 1.0])
    mask = torch.zeros(batch, 1, *SIZE)
    mask[..., 4:12, 5:15] = 1
    return condition, source, *landmarks, mask


variants = pytest.mark.parametrize(
    ("channels", "base"), [(6, "condition"), (6, "context"), (3, "condition"), (3, "context")]
)


@torch.no_grad()
@variants
def test_the_face_of_the_source_is_never_seen(channels, base):
    model, (condition, source, *rest) = small(channels, base=base), faces()
    mask = rest[-1].bool().expand_as(source)
    other_face = torch.where(mask, torch.randn_like(source), source)
    outputs = model(condition, source, *rest), model(condition, other_face, *rest)
    for first, second in zip(*outputs, strict=True):
        assert torch.equal(first, second)


@torch.no_grad()
@variants
def test_the_surroundings_of_the_face_are_seen_where_asked_for(channels, base):
    model, (condition, source, *rest) = small(channels, base=base), faces()
    mask = rest[-1].bool().expand_as(source)
    elsewhere = torch.where(mask, source, -source)
    first, second = model(condition, source, *rest), model(condition, elsewhere, *rest)
    assert torch.equal(first.intermediate, second.intermediate) == (channels == 3)
    assert torch.equal(first.image, second.image) == (channels == 3 and base == "condition")


@torch.no_grad()
@pytest.mark.parametrize("base", ["condition", "context"])
def test_the_hole_is_mid_gray_and_the_base_is_blended(base):
    model, (condition, source, first, second, mask) = small(base=base), faces()
    context = torch.where(mask.bool(), 0.0, source)
    blended_with = condition if base == "condition" else context
    appearance = torch.cat([condition, context], dim=1)
    expected = model.generator(appearance, (first, second), blended_with)
    output = model(condition, source, first, second, mask)
    assert all(torch.equal(a, b) for a, b in zip(output, expected, strict=True))


@torch.no_grad()
@variants
@pytest.mark.parametrize("detail", [0.0, 0.1])
def test_a_condition_may_have_been_fitted_before(channels, base, detail):
    plain = small(channels, base=base)
    fitting = ConditionFitting(68, bend=0.6)
    options = {"base": base, "detail": detail}
    model = AnonyGAN(plain.generator, fitting=fitting, **options).eval()
    condition, source, first, second, mask = faces()
    fitted = fitting(condition, source, first, second, mask)
    expected = model(condition, source, first, second, mask)
    output = model.of_fitted(fitted, source, first, second, mask)
    assert all(torch.equal(a, b) for a, b in zip(output, expected, strict=True))
    not_fitted = model.of_fitted(condition, source, first, second, mask)
    assert not torch.equal(not_fitted.image, expected.image)


def test_its_own_mask_rises_over_the_brows_with_a_forehead():
    plain = small()
    higher = AnonyGAN(plain.generator, forehead=0.7).eval()
    condition, source, first, second, _ = faces()
    mask = face_mask(second, SIZE, forehead=0.7)
    expected = plain(condition, source, first, second, mask).image
    assert torch.equal(higher(condition, source, first, second).image, expected)
    assert not torch.equal(plain(condition, source, first, second).image, expected)
    assert AnonyGAN.from_config(higher.config).forehead == 0.7


def fitted(*, bend: float, **options) -> AnonyGAN:
    fitting = ConditionFitting(68, bend=bend)
    return AnonyGAN(small().generator, fitting=fitting, **options).eval()


@torch.no_grad()
def test_details_can_be_those_of_the_condition():
    model = fitted(bend=0.6)
    condition, source, first, second, mask = faces()
    given = model.fitting(condition, source, first, second, mask)
    made = model(condition, source, first, second, mask).image
    model.detail = 3.4 / SIZE[0]  # a square of 5 pixels
    detailed = model(condition, source, first, second, mask).image
    expected = given + smooth(made - given, 5)
    torch.testing.assert_close(detailed, expected.clamp(-1, 1))


@torch.no_grad()
@pytest.mark.parametrize("detail", [0.0, 0.1])
def test_the_generator_leaves_the_inside_of_mouths(detail):
    fitting = ConditionFitting(68, bend=1.0, keep_openings=True)
    model = AnonyGAN(small().generator, fitting=fitting, detail=detail).eval()
    condition, source = torch.rand(2, 1, 3, 64, 64)
    first, second = open_face(0, 5, 0.5), open_face(12, 5, 0.5)
    mask = torch.ones(1, 1, 64, 64)
    given = fitting(condition, source, first, second, mask)
    made = model(condition, source, first, second, mask).image
    inside = (mouth_masks(fitting.targets(first, second), (64, 64)) == 1).expand_as(made)
    assert inside.any()
    torch.testing.assert_close(made[inside], given[inside])
    assert (made - given)[~inside].abs().mean() > 0.01


@torch.no_grad()
def test_what_is_in_the_hole_is_never_looked_at():
    model = fitted(bend=0.6, forehead=0.7)
    condition, source, first, second, _ = faces()
    mask = face_mask(second, SIZE, forehead=0.7)
    other = torch.where(mask.bool(), torch.rand_like(source), source)
    expected = model(condition, source, first, second).image
    assert torch.equal(model(condition, other, first, second).image, expected)
    outside = torch.where(mask.bool(), source, -source)
    assert not torch.equal(model(condition, outside, first, second).image, expected)


@torch.no_grad()
def test_of_the_face_in_the_hole_light_goes_along_and_not_what_it_shows():
    fitting = ConditionFitting(68, bend=0.6, match_light=True)
    model = AnonyGAN(small().generator, fitting=fitting, forehead=0.7).eval()
    size = (4 * SIZE[0], 4 * SIZE[1])  # some hundred pixels: few are not enough for a plane
    condition, source = 2 * torch.rand(2, 2, 3, *size) - 1
    first, second = 4 * torch.stack(faces()[2:4])
    mask = face_mask(second, size, forehead=0.7)
    shuffled = source.clone()
    for image, inside in zip(shuffled, mask[:, 0].bool(), strict=True):
        pixels = image[:, inside]
        image[:, inside] = pixels[:, torch.randperm(pixels.shape[1])]
    darker = torch.where(mask.bool(), source - 0.5, source)
    expected = model(condition, source, first, second).image
    apart = [
        float((model(condition, x, first, second).image - expected).abs().mean())
        for x in (shuffled, darker)
    ]
    assert (shuffled - source).abs().mean() > 0.1
    assert apart[0] < 0.3 * apart[1]


@torch.no_grad()
def test_the_mask_is_that_of_the_source_s_face_unless_given():
    model, (condition, source, first, second, _) = small(), faces()
    mask = face_mask(second, SIZE)
    expected = model(condition, source, first, second, mask)
    assert torch.equal(model(condition, source, first, second).image, expected.image)


def test_the_default_is_the_paper_s():
    model = AnonyGAN()
    config = model.config
    assert config["base"] == "condition"
    assert {name: config["generator"][name] for name in ("width", "num_blocks", "dropout")} == {
        "width": 64,
        "num_blocks": 6,
        "dropout": 0.5,
    }
    assert config["generator"]["blend"] == "attend_base"
    assert config["generator"]["shape_encoding"] == "separate"
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(27.79e6, abs=5e3)


# Files


@pytest.fixture
def saved(tmp_path):
    model = small(base="context", landmark_attention="position", norm="group")
    model.save_pretrained(tmp_path / "model.safetensors")
    return model, tmp_path / "model.safetensors"


@torch.no_grad()
def test_a_saved_network_comes_back_bit_by_bit(saved):
    model, path = saved
    again = AnonyGAN.from_pretrained(path)
    assert not again.training
    assert again.config == model.config
    inputs = faces()
    assert torch.equal(again(*inputs).image, model(*inputs).image)


def rewrite(path, *, tensors=None, **metadata):
    """The same file with something else in it."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        kept = file.metadata() | metadata
    kept = {key: value for key, value in kept.items() if value is not None}
    save_file(load_file(path) if tensors is None else tensors, path, kept)


def without_one(path):
    tensors = load_file(path)
    tensors.pop("generator.image_head.to_image.bias")
    rewrite(path, tensors=tensors)


def with_a_number_that_is_none(path, value):
    tensors = load_file(path)
    tensors["generator.image_head.to_image.bias"][1] = value
    rewrite(path, tensors=tensors)


def with_config(path, **changes):
    config = small(base="context", landmark_attention="position", norm="group").config
    config["generator"] |= changes
    rewrite(path, config=json.dumps(config))


DAMAGES = {
    "a pickle": (
        lambda path: path.write_bytes(pickle.dumps({"state_dict": {}})),
        "expected safetensors in",
    ),
    "a checkpoint of torch": (
        lambda path: torch.save({"weight": torch.ones(3)}, path),
        "expected safetensors in",
    ),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-100]), "expected safetensors in"),
    "cut off in its header": (
        lambda path: path.write_bytes(path.read_bytes()[:50]),
        "expected safetensors in",
    ),
    "empty": (lambda path: path.write_bytes(b""), "expected safetensors in"),
    "missing": (lambda path: path.unlink(), "expected a weights file, found none at"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "expected a weights file"),
    "of another kind": (
        lambda path: rewrite(path, kind="CIAGAN"),
        "expected AnonyGAN weights of format 1 .* got CIAGAN of format 1",
    ),
    "of another format": (
        lambda path: rewrite(path, format="7"),
        "expected AnonyGAN weights of format 1 .* got AnonyGAN of format 7",
    ),
    "without metadata": (
        lambda path: save_file(load_file(path), path),
        "expected AnonyGAN weights of format 1 .* got None",
    ),
    "without configuration": (
        lambda path: rewrite(path, config=None),
        "expected a configuration in",
    ),
    "of a broken configuration": (
        lambda path: rewrite(path, config="{"),
        "expected a configuration in",
    ),
    "of a configuration that is none": (
        lambda path: rewrite(path, config="[1]"),
        "expected a configuration in",
    ),
    "of an empty configuration": (
        lambda path: rewrite(path, config="{}"),
        "expected the configuration of AnonyGAN in",
    ),
    "of unknown options": (
        lambda path: with_config(path, wings=2),
        "expected the configuration of AnonyGAN in .*wings",
    ),
    "of another configuration": (
        lambda path: with_config(path, width=8),
        r"expected the weights of AnonyGAN: .* for \(.* of another shape",
    ),
    "without one of the weights": (without_one, "expected the weights of AnonyGAN: .* missing"),
    "with one that is not a number": (
        lambda path: with_a_number_that_is_none(path, torch.nan),
        "safetensors: expected finite weights, got others in generator.image_head.to_image.bias",
    ),
    "with an infinite one": (
        lambda path: with_a_number_that_is_none(path, -torch.inf),
        "safetensors: expected finite weights, got others in generator.image_head.to_image.bias",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_file_is_refused_by_name(saved, damage):
    _, path = saved
    harm, message = DAMAGES[damage]
    harm(path)
    with pytest.raises(ValueError, match=message) as error:
        AnonyGAN.from_pretrained(path)
    assert str(path) in str(error.value)


def test_a_pickle_in_the_place_of_weights_does_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("bang").touch, ())

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="expected safetensors"):
        AnonyGAN.from_pretrained(path)
    assert not (tmp_path / "bang").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_failing_write_leaves_the_old_file_and_nothing_else(saved, monkeypatch, error):
    model, path = saved
    before = path.read_bytes()

    def fail(target, content):
        with target.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise error

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(error):
        model.save_pretrained(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


# At the door


@pytest.mark.unhooked
def test_without_landmarks_that_have_a_mask_a_missing_one_is_an_error():
    with pytest.raises(ValueError, match=r"a scheme with a face mask, .* got 7 landmarks"):
        small(k=7)(*faces(k=7)[:4])


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-5), (torch.bfloat16, 0.02)])
@pytest.mark.parametrize("fitting", [None, ConditionFitting(68, match_light=True)])
@variants
def test_networks_of_any_precision_take_landmarks_in_single_precision(
    channels, base, fitting, dtype, within
):
    model, (condition, source, *rest) = small(channels, base=base), faces()
    model.fitting = fitting
    expected = model(condition, source, *rest).image
    out = model.to(dtype)(condition.to(dtype), source.to(dtype), *rest).image
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), expected, rtol=0, atol=within)


def test_what_others_must_know_is_kept_with_the_weights(tmp_path):
    generator = LandmarkGenerator(width=4, num_blocks=1)
    model = AnonyGAN(generator, size=(96, 64), trained_with=["lite0"])
    model.save_pretrained(tmp_path / "a.safetensors")
    loaded = AnonyGAN.from_pretrained(tmp_path / "a.safetensors")
    assert loaded.size == (96, 64) and loaded.trained_with == ("lite0",)


@torch.no_grad()
def test_a_file_from_before_there_was_a_choice_of_reasoning_loads_as_before(tmp_path):
    model, given, path = small(), faces(), tmp_path / "a.safetensors"
    config = json.loads(json.dumps(model.config))
    del config["generator"]["reasoning"]
    metadata = {"format": "1", "kind": "AnonyGAN", "config": json.dumps(config)}
    save_file(model.state_dict(), path, metadata)
    again = AnonyGAN.from_pretrained(path)
    assert again.config == model.config
    assert torch.equal(again(*given).image, model(*given).image)
