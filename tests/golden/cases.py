"""Every case as our networks compute it, in any precision, beside what is published."""

import copy
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

import golden
from golden.edges import pass_messages
from graphgan.layers import BipartiteReasoning, EfficientChannelAttention
from graphgan.layers._fusion import fuse
from graphgan.models._published_layouts import bipartite_reasoning
from graphgan.models.published import Kind, load_published


class Way(NamedTuple):
    """How a case is run: in which precision, by dense graphs or edge lists, fused or not."""

    dtype: torch.dtype = torch.float32
    edges: bool = False
    fused: bool = False


@lru_cache(maxsize=1)  # one after another they are run in several ways; drawing weights is slow
def _published(kind: Kind, case: str) -> nn.Module:
    return load_published(kind, golden.state(golden.layout(case)))


def load(kind: Kind, case: str, way: Way) -> nn.Module:
    module = copy.deepcopy(_published(kind, case)).to(way.dtype)
    if way.edges:
        pass_messages(module)
    return fuse(module) if way.fused else module


def eca(way: Way) -> dict[str, Tensor]:
    block = EfficientChannelAttention(10, kernel_size=3).to(way.dtype)
    (weight,) = golden.state(golden.layout("eca")).values()
    block.load_state_dict({key: weight for key in block.state_dict()})
    return {"output": block(golden.images("eca/input", 2, 10, 6, 5).to(way.dtype))}


def bipartite_unit(way: Way) -> dict[str, Tensor]:
    module = BipartiteReasoning(8, 4, num_states=8).eval()
    state = golden.state(golden.layout("bipartite_unit"))
    module.load_state_dict({r.ours: r.to_ours(state[r.published]) for r in bipartite_reasoning()})
    maps = golden.images("bipartite_unit/input", 2, 16, 6, 5).to(way.dtype).chunk(2, dim=1)
    return {"output": torch.cat(module.to(way.dtype)(*maps), dim=1)}


def patch_discriminator(way: Way) -> dict[str, Tensor]:
    case = "anonygan_discriminator"
    model = load("anonygan_appearance_discriminator", case, way)
    features = model(*golden.images(f"{case}/input", 2, 6, 64, 64).to(way.dtype).chunk(2, dim=1))
    return {f"feature_{i}": x[:, ::8] if i < 5 else x for i, x in enumerate(features)}


def bigraphgan(name: str, width: int, way: Way) -> dict[str, Tensor]:
    kind: Kind = (
        "bigraphgan_market_generator"
        if name == "market_1501"
        else "bigraphgan_deepfashion_generator"
    )
    image = golden.images(f"bigraphgan_{name}/image", 2, 3, 32, width).to(way.dtype)
    maps = (golden.images(f"bigraphgan_{name}/pose_maps", 2, 36, 32, width).to(way.dtype) + 1) / 2
    model = load(kind, f"bigraphgan_{name}_generator", way)
    return {"output": model(image, *maps.chunk(2, dim=1)).image}


def resnet_discriminator(way: Way) -> dict[str, Tensor]:
    case = "bigraphgan_discriminator"
    model = load(case, case, way)
    return {"output": model(golden.images(f"{case}/input", 2, 6, 32, 16).to(way.dtype))}


def ciagan(way: Way) -> dict[str, Tensor]:
    case = "ciagan_generator"
    drawing, masked = golden.images(f"{case}/input", 2, 6, 128, 128).to(way.dtype).chunk(2, dim=1)
    out = load(case, case, way)(drawing, masked, torch.tensor([3, 777]))
    return {"output": out[:, :, ::4, ::4]}


def anonygan(case: str, way: Way, *, maps: bool = False) -> dict[str, Tensor]:
    """With every code on the way, in the channels that are kept."""
    model = load("anonygan_generator", case, way)
    generator, codes = model.generator, {}
    condition, context = (
        golden.images(f"{case}/{name}", 2, 3, 48, 40).to(way.dtype)
        for name in ("condition", "context")
    )
    points = [
        golden.landmarks(f"{case}/{name}_landmarks", 2, generator.num_landmarks, 48, 40)
        for name in ("condition", "source")
    ]
    if maps:
        points = [
            torch.from_numpy(golden.weights.one_hot_maps(p.long().numpy(), 48, 40)) for p in points
        ]

    def keep(name: str, every: int) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple, output: Tensor | tuple) -> None:
            codes[name] = (output[0] if isinstance(output, tuple) else output)[:, ::every]

        return hook

    generator.appearance_encoder.register_forward_hook(keep("appearance_0", 16))
    generator.shape_encoder.register_forward_hook(keep("shape_0", 16))
    for i, block in enumerate(generator.blocks, 1):
        block.register_forward_hook(keep(f"appearance_{i}", 32))
    if hasattr(generator, "landmark_attention"):
        generator.landmark_attention.register_forward_hook(
            lambda module, inputs, output: codes.update(
                weighted_landmarks_sum=torch.cat(output, dim=1)  # one-hot maps sum up to 1
            )
        )
    appearance = torch.cat([condition, context], dim=1) if model.sees_context else condition
    base = context if model.base == "context" else condition
    output = generator(appearance, tuple(p.to(way.dtype) for p in points), base)
    found = {"intermediate": output.intermediate, "attention": output.attention}
    return codes | found | {"output": output.image}


CASES: dict[str, Callable[[Way], dict[str, Tensor]]] = {
    "eca": eca,
    "bipartite_unit": bipartite_unit,
    "anonygan_generator_68": lambda way: anonygan("anonygan_generator_68", way),
    "anonygan_generator_29_no_attention": lambda way: anonygan(
        "anonygan_generator_29_no_attention", way
    ),
    "anonygan_discriminator": patch_discriminator,
    "bigraphgan_market_1501_generator": lambda way: bigraphgan("market_1501", 16, way),
    "bigraphgan_deepfashion_generator": lambda way: bigraphgan("deepfashion", 32, way),
    "bigraphgan_discriminator": resnet_discriminator,
    "ciagan_generator": ciagan,
}
WITH_EDGES = [name for name in CASES if "generator" in name and "ciagan" not in name]


def compare(ours: dict[str, Tensor], others: dict[str, Tensor]) -> float:
    """The largest difference, as a share of each output's largest number (1 at least)."""
    assert ours.keys() == others.keys(), (sorted(ours), sorted(others))
    shares = []
    for name, other in others.items():
        assert ours[name].shape == other.shape, name
        largest = max(1.0, other.abs().max().item())
        shares.append(((ours[name] - other).abs().max() / largest).item())
    return max(shares)


def published(case: str) -> dict[str, Tensor]:
    """What the published code gives, without the inputs that some files hold too."""
    return {name: value for name, value in golden.expected(case).items() if name != "input"}
