import pytest
import torch
from torch import Tensor

from graphgan.models import LandmarkGenerator

K, SIZE = 5, (12, 16)
OPTIONS = {
    "reasoning": ["bipartite", "none", "cross_attention", "pose_attention"],
    "attention_norm": [None, "batch", "group"],
    "shape_encoding": ["separate", "joint"],
    "landmark_attention": [None, "gap", "position", "embedding"],
    "attention_order": ["source_first", "condition_first"],
    "rendering": ["one_hot", "bilinear", "gaussian"],
    "norm": ["batch", "instance", "group"],
    "reasoning_norm": ["batch", "instance", "group"],
    "reasoning_aggr": ["sum", "mean"],
    "blend": ["attend_base", "attend_intermediate", "two_maps", "none"],
    "upsampling": ["transposed", "resize"],
    "num_nodes": [None, 3],
    "dropout": [0.0, 0.5],
    "sigma": [1.0, 6.0],
    "attention_kernel": [3, 5],
}
EVERY_VALUE = [(name, value) for name, values in OPTIONS.items() for value in values]


def small(**options) -> LandmarkGenerator:
    return LandmarkGenerator(6, K, **({"width": 4, "num_blocks": 2} | options)).eval()


def sample(batch: int = 2) -> tuple[Tensor, tuple[Tensor, Tensor], Tensor]:
    extent = torch.tensor([SIZE[1] - 1.0, SIZE[0] - 1.0])
    condition, source = torch.rand(2, batch, K, 2) * extent
    appearance, base = torch.rand(batch, 6, *SIZE), 2 * torch.rand(batch, 3, *SIZE) - 1
    return appearance, (condition, source), base


@pytest.mark.parametrize(("name", "value"), EVERY_VALUE)
def test_every_value_of_every_option_draws_a_picture_and_is_in_the_configuration(name, value):
    generator, inputs = small(**{name: value}), sample()
    output = generator(*inputs)
    assert output.image.shape == (2, 3, *SIZE)
    assert output.intermediate.abs().max() <= 1
    assert output.image.isfinite().all()
    if name == "blend":
        maps = {"two_maps": 2, "none": None}.get(value, 1)
        assert (None if output.attention is None else output.attention.shape[1]) == maps
    again = LandmarkGenerator(**generator.config).eval()
    assert again.config == generator.config
    again.load_state_dict(generator.state_dict())
    assert torch.equal(again(*inputs).image, output.image)


def test_every_option_is_in_the_configuration_and_tested():
    assert small().config.keys() - OPTIONS.keys() == {
        "appearance_channels",
        "num_landmarks",
        "width",
        "num_blocks",
    }


@torch.no_grad()
def test_the_picture_is_the_figure_of_the_paper():
    generator, (appearance, landmarks, base) = small(), sample()
    code = generator.appearance_encoder(appearance)
    shape = generator.encode_landmarks(*landmarks, size=SIZE)
    for block in generator.blocks:
        code, shape = block(code, shape)
    output = generator(appearance, landmarks, base)
    assert torch.equal(output.intermediate, generator.image_head(code))
    assert torch.equal(output.attention, generator.attention_head(code))
    expected = output.attention * base + (1 - output.attention) * output.intermediate
    torch.testing.assert_close(output.image, expected)


@torch.no_grad()
@pytest.mark.parametrize("shape_encoding", ["separate", "joint"])
def test_attention_weighs_the_set_it_belongs_to(shape_encoding):
    generator = small(landmark_attention="position", shape_encoding=shape_encoding)
    _, (condition, source), _ = sample()
    w_condition, w_source = generator.landmark_attention(condition, source, SIZE)
    code = generator.encode_landmarks(condition, source, size=SIZE)
    if shape_encoding == "separate":
        parts = ((condition, w_condition), (source, w_source))
        expected = torch.cat([generator.shape_encoder(x, SIZE, w) for x, w in parts], dim=1)
    else:
        both, weights = torch.cat([condition, source], 1), torch.cat([w_condition, w_source], 1)
        expected = generator.shape_encoder(both, SIZE, weights)
    assert torch.equal(code, expected)


@torch.no_grad()
def test_maps_may_stand_in_for_points():
    from graphgan.landmarks import one_hot_maps

    generator, (appearance, landmarks, base) = small(), sample()
    maps = tuple(one_hot_maps(points, SIZE) for points in landmarks)
    expected = generator(appearance, landmarks, base).image
    torch.testing.assert_close(generator(appearance, maps, base).image, expected)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape_encoding": "both"}, "'separate', 'joint'; got 'both'"),
        ({"landmark_attention": "mean"}, "'gap', 'position', 'embedding'; got 'mean'"),
        ({"attention_order": "first"}, "'source_first', 'condition_first'; got 'first'"),
        ({"rendering": "disc"}, "'one_hot', 'bilinear', 'gaussian'; got 'disc'"),
        ({"norm": "layer"}, "'affine_instance', 'group'; got 'layer'"),
        ({"blend": "mean"}, "'attend_base', .*; got 'mean'"),
        ({"upsampling": "bicubic"}, "'transposed', 'resize'; got 'bicubic'"),
        ({"reasoning": "graph"}, "'bipartite', 'none', .*; got 'graph'"),
        ({"num_blocks": 0}, "num_blocks of at least 1, got 0"),
        ({"width": 0}, "width of at least 1, got 0"),
        ({"width": 3}, "even width for separate encoding, got 3"),
        ({"dropout": 1.0}, r"dropout in \[0, 1\), got 1.0"),
    ],
)
def test_refuses_other_options(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


# Large batches


@pytest.mark.parametrize("mode", ["attend_base", "none"])
@torch.no_grad()
def test_a_large_batch_is_computed_in_parts(mode, monkeypatch):
    generator, inputs = small(blend=mode), sample(batch=5)
    whole, counts = generator(*inputs), []
    generator.appearance_encoder.register_forward_hook(
        lambda module, args, out: counts.append(len(args[0]))
    )
    monkeypatch.setattr("graphgan.models._generator._LARGEST_BLOCK", 2 * 4 * 4 * 12 * 16 + 1)
    parts = generator(*inputs)
    assert counts == [2, 2, 1]
    assert (parts.attention is None) == (whole.attention is None)
    for a, b in zip(parts, whole, strict=True):
        if b is not None:
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("training", [False, True])
def test_a_batch_that_is_trained_on_stays_together(training, monkeypatch):
    generator, counts = small().train(training), []
    generator.appearance_encoder.register_forward_hook(
        lambda module, args, out: counts.append(len(args[0]))
    )
    monkeypatch.setattr("graphgan.models._generator._LARGEST_BLOCK", 1)
    generator(*sample(batch=5)).image.sum().backward()
    with torch.set_grad_enabled(not training):
        generator(*sample(batch=5))
    assert counts == [5, 5]
