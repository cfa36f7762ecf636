"""Blocks whose costs are told in docs/blocks, each with the formulas that its page gives.

A formula is Python in the letters of ``sizes``; the pages show it without the stars.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from graphgan.data import draw_change
from graphgan.landmarks import bend_to_landmarks
from graphgan.layers import (
    AttentionHead,
    BipartiteGraphConv,
    BipartiteReasoning,
    CrossAttention,
    EfficientChannelAttention,
    IdentityEmbedding,
    ImageEncoder,
    ImageHead,
    LandmarkAppearanceAggregation,
    LandmarkAttention,
    LandmarkEncoder,
    LandmarkStem,
    PoseAttentionalTransfer,
    ResidualBlock,
    ResidualDown,
    ResidualUp,
)
from graphgan.layers._fusion import fuse
from graphgan.losses import FeatureLoss, PerceptualLoss
from graphgan.models import (
    AnonyGAN,
    EfficientNetLite,
    FeatureNetwork,
    LandmarkGenerator,
    ProjectedDiscriminator,
    RandomMixing,
    generate_at_full_resolution,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A block at a typical size.

    Args:
        title: as one would write it.
        build: makes it; parameters are counted of modules.
        inputs: what it is called with, floats first.
        sizes: the letters of the formulas, and their values.
        convolution: channels, height and width of the 3x3 convolution that time is compared with.
        parameters, products, kept: formulas of the number of parameters, of multiply-adds (of
            matrix products and convolutions, forward) and of the floats that autograd keeps, the
            last without small terms. Empty: the block stands in a table without formulas.
        part: a block in it, whose numbers are R in the formulas.
    """

    title: str
    build: Callable[[], Callable[..., object]]
    inputs: Callable[[], tuple]
    convolution: tuple[int, int, int]
    sizes: dict[str, int] = field(default_factory=dict)
    parameters: str = ""
    products: str = ""
    kept: str = ""
    part: "Case | None" = None


def points(k: int, side: int, seed: int = 0) -> Tensor:
    """Landmarks inside a picture of ``side`` pixels."""
    generator = torch.Generator().manual_seed(seed)
    return (side - 1) * torch.rand(1, k, 2, generator=generator)


def maps(channels: int, side: int) -> Tensor:
    return torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(0))


def _complete(s: int, t: int) -> Tensor:
    return torch.cartesian_prod(torch.arange(s), torch.arange(t)).T.contiguous()


def _first_of_vgg19() -> nn.Sequential:
    """As `vgg19_features` makes them; untaught, which costs the same."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()
    )


def _lite0() -> FeatureNetwork:
    """As `FeatureNetwork.efficientnet_lite` makes it; untaught, which costs the same."""
    network = fuse(EfficientNetLite("lite0"))
    stages = {f"stride{4 << i}": part for i, part in enumerate(network.parts())}
    return FeatureNetwork(stages, channels=network.stage_channels)


def _features_of_lite0(side: int) -> list[Tensor]:
    return [maps(c, side // (4 << i)) for i, c in enumerate((24, 40, 112, 320))]


def _anonygan() -> AnonyGAN:
    return AnonyGAN(LandmarkGenerator(width=16, num_blocks=4, dropout=0.0), size=(128, 128))


def _faces(side: int) -> tuple:
    mask = (maps(1, side) > 0).float()
    return maps(3, side), maps(3, side), points(68, side), points(68, side, 1), mask


MIXING = Case(
    title="RandomMixing((24, 40, 112, 320), 64)",
    build=lambda: RandomMixing((24, 40, 112, 320), 64),
    inputs=lambda: (_features_of_lite0(128),),
    sizes={"h": 32, "w": 32, "W": 64},
    parameters="496*W + 36*W**2",
    products="(765*W**2 + 2944*W)*h*w//64",
    kept="46*h*w + 85*W*h*w//64",
    convolution=(64, 32, 32),
)

REASONING = Case(
    title="BipartiteReasoning(128, 64)",
    build=lambda: BipartiteReasoning(128, 64),
    inputs=lambda: (maps(128, 32), maps(128, 32)),
    sizes={"c": 128, "h": 32, "w": 32, "N": 64, "D": 128},
    parameters="2*c*D + D + c*N + N + 2*c + 2*(N**2 + N + D**2)",
    products="6*c*N*h*w + 4*c*D*N + 2*N**2*D + 2*N*D**2",
    kept="(4*c + 2*N)*h*w + 2*N*(c + 4*D)",
    convolution=(128, 32, 32),
)

CASES: dict[str, list[Case]] = {
    "channel_attention": [
        Case(
            title="EfficientChannelAttention(128)",
            build=lambda: EfficientChannelAttention(128),
            inputs=lambda: (maps(128, 32),),
            sizes={"c": 128, "h": 32, "w": 32, "J": 5},
            parameters="J",
            products="c*J",
            kept="c*h*w",
            convolution=(128, 32, 32),
        )
    ],
    "landmark_attention": [
        Case(
            title="LandmarkAttention(68, descriptor='position')",
            build=lambda: LandmarkAttention(68, descriptor="position"),
            inputs=lambda: (points(68, 128), points(68, 128, 1), (128, 128)),
            sizes={"k": 68, "J": 3},
            parameters="J + 6*k",
            products="2*k*J",
            kept="12*k",
            convolution=(68, 128, 128),
        )
    ],
    "landmark_convolution": [
        Case(
            title="LandmarkStem(68, 64)",
            build=lambda: LandmarkStem(68, 64),
            inputs=lambda: (points(68, 128), (128, 128)),
            sizes={"k": 68, "c": 64, "h": 128, "w": 128, "J": 7},
            parameters="k*c*J**2",
            products="k*c*J**4",
            kept="k*J**2*(J**2 + c)",
            convolution=(64, 128, 128),
        ),
        Case(
            title="LandmarkStem(68, 64, rendering='gaussian')",
            build=lambda: LandmarkStem(68, 64, rendering="gaussian"),
            inputs=lambda: (points(68, 128), (128, 128)),
            sizes={"k": 68, "c": 64, "h": 128, "w": 128, "J": 7},
            parameters="k*c*J**2",
            products="k*c*J*w*(J + h)",
            kept="k*c*J*(J + w)",
            convolution=(64, 128, 128),
        ),
        Case(
            title="LandmarkStem(68, 64) on ready maps",
            build=lambda: LandmarkStem(68, 64),
            inputs=lambda: (maps(68, 128), (128, 128)),
            sizes={"k": 68, "c": 64, "h": 128, "w": 128, "J": 7},
            parameters="k*c*J**2",
            products="k*c*J**2*h*w",
            kept="k*h*w + k*(h + J - 1)*(w + J - 1)",
            convolution=(64, 128, 128),
        ),
    ],
    "bipartite_reasoning": [
        REASONING,
        Case(
            title="BipartiteGraphConv((128, 128)), 1,024 sources, 18 targets, all joined",
            build=lambda: BipartiteGraphConv((128, 128)),
            inputs=lambda: (
                (torch.randn(1, 1024, 128), torch.randn(1, 18, 128)),
                _complete(1024, 18),
            ),
            sizes={"c": 128, "s": 1024, "t": 18, "e": 1024 * 18},
            parameters="c**2 + c",
            products="s*c**2",
            kept="s*c + 5*e",
            convolution=(128, 32, 32),
        ),
    ],
    "cross_attention": [
        Case(
            title="CrossAttention(128)",
            build=lambda: CrossAttention(128),
            inputs=lambda: (maps(128, 32), maps(128, 32)),
            sizes={"c": 128, "h": 32, "w": 32, "d": 80},
            parameters="8*c*d + 4*c",
            products="8*c*d*h*w + 4*d*h**2*w**2",
            kept="(4*c + 8*d)*h*w",
            convolution=(128, 32, 32),
        )
    ],
    "pose_attention": [
        Case(
            title="PoseAttentionalTransfer(256, 512)",
            build=lambda: PoseAttentionalTransfer(256, 512),
            inputs=lambda: (maps(256, 32), maps(512, 32)),
            sizes={"C": 256, "h": 32, "w": 32},
            parameters="72*C**2 + 8*C",
            products="72*C**2*h*w",
            kept="24*C*h*w",
            convolution=(256, 32, 32),
        )
    ],
    "aggregation": [
        Case(
            title="LandmarkAppearanceAggregation(256, 512)",
            build=lambda: LandmarkAppearanceAggregation(256, 512),
            inputs=lambda: (maps(256, 32), maps(512, 32)),
            sizes={"C": 256, "h": 32, "w": 32},
            part=REASONING,
            parameters="72*C**2 + 8*C + R",
            products="72*C**2*h*w + R",
            kept="24*C*h*w + R",
            convolution=(256, 32, 32),
        )
    ],
    "output_heads": [
        Case(
            title="ImageHead(256)",
            build=lambda: ImageHead(256),
            inputs=lambda: (maps(256, 32),),
            sizes={"C": 256, "h": 32, "w": 32},
            parameters="45*C**2//8 + 153*C//4 + 3",
            products="9*C**2*h*w + 588*C*h*w",
            kept="17*C*h*w + 48*h*w",
            convolution=(256, 32, 32),
        ),
        Case(
            title="AttentionHead(256)",
            build=lambda: AttentionHead(256),
            inputs=lambda: (maps(256, 32),),
            sizes={"C": 256, "h": 32, "w": 32},
            parameters="45*C**2//8 + C//4",
            products="9*C**2*h*w + 4*C*h*w",
            kept="7*C*h*w + 16*h*w",
            convolution=(256, 32, 32),
        ),
    ],
    "losses": [
        Case(
            title="PerceptualLoss of VGG-19's layers 0 to 3",
            build=lambda: PerceptualLoss(_first_of_vgg19()),
            inputs=lambda: (maps(3, 128), maps(3, 128)),
            sizes={"h": 128, "w": 128},
            parameters="9*3*64 + 64 + 9*64**2 + 64",
            products="2*(9*3*64 + 9*64**2)*h*w",
            kept="195*h*w",
            convolution=(64, 128, 128),
        ),
        Case(
            title="FeatureLoss of lite0's maps",
            build=FeatureLoss,
            inputs=lambda: (_features_of_lite0(128), _features_of_lite0(128)),
            sizes={"h": 128, "w": 128},
            parameters="0",
            products="0",
            kept="46*h*w//16",
            convolution=(64, 128, 128),
        ),
    ],
    "projected_discriminator": [
        MIXING,
        Case(
            title="ProjectedDiscriminator((24, 40, 112, 320), width=64)",
            build=lambda: ProjectedDiscriminator((24, 40, 112, 320), width=64),
            inputs=lambda: (_features_of_lite0(128),),
            sizes={"h": 32, "w": 32, "W": 64},
            part=MIXING,
            parameters="66*W**2 + 9*W + 4 + R",
            products="(429*W**2 + 13*W)*h*w//64 + R",
            kept="66*W**2 + 143*W*h*w//64 + R",
            convolution=(64, 32, 32),
        ),
        Case(
            title="FeatureNetwork of EfficientNetLite('lite0')",
            build=_lite0,
            inputs=lambda: (maps(3, 128),),
            convolution=(64, 32, 32),
        ),
    ],
    "augmentation": [
        Case(
            title="draw_change(images, strength=1.0)",
            build=lambda: lambda x: draw_change(x, strength=1.0).of_images(x),
            inputs=lambda: (maps(3, 128),),
            convolution=(64, 128, 128),
        ),
        Case(
            title="draw_change(images, strength=1.0, colors='paper', cutout=True)",
            build=lambda: (
                lambda x: draw_change(x, strength=1.0, colors="paper", cutout=True).of_images(x)
            ),
            inputs=lambda: (maps(3, 128),),
            convolution=(64, 128, 128),
        ),
    ],
    "full_resolution": [
        Case(
            title="the network alone",
            build=_anonygan,
            inputs=lambda: _faces(128),
            convolution=(64, 128, 128),
        ),
        Case(
            title="generate_at_full_resolution",
            build=lambda: partial(generate_at_full_resolution, _anonygan()),
            inputs=lambda: _faces(512),
            convolution=(64, 128, 128),
        ),
        Case(
            title="the network at that size",
            build=_anonygan,
            inputs=lambda: _faces(512),
            convolution=(64, 128, 128),
        ),
    ],
    "deformation": [
        Case(
            title="bend_to_landmarks, 68 landmarks",
            build=lambda: bend_to_landmarks,
            inputs=lambda: (maps(3, 128), points(68, 128), points(68, 128, 1)),
            sizes={"c": 3, "h": 128, "w": 128, "k": 68, "n": 64 * 64},
            parameters="0",
            products="16*k*n",
            kept="(2*k + 43)*n + (c + 2)*h*w",
            convolution=(64, 128, 128),
        )
    ],
    "index": [
        Case(
            title="ImageEncoder(6)",
            build=lambda: ImageEncoder(6),
            inputs=lambda: (maps(6, 128),),
            convolution=(64, 128, 128),
        ),
        Case(
            title="LandmarkEncoder(68, width=32)",
            build=lambda: LandmarkEncoder(68, width=32),
            inputs=lambda: (points(68, 128), (128, 128)),
            convolution=(64, 128, 128),
        ),
        Case(
            title="ResidualBlock(256)",
            build=lambda: ResidualBlock(256),
            inputs=lambda: (maps(256, 32),),
            convolution=(256, 32, 32),
        ),
        Case(
            title="ResidualDown(64, 128)",
            build=lambda: ResidualDown(64, 128),
            inputs=lambda: (maps(64, 64),),
            convolution=(64, 64, 64),
        ),
        Case(
            title="ResidualUp(64, 32)",
            build=lambda: ResidualUp(64, 32),
            inputs=lambda: (maps(64, 64),),
            convolution=(64, 64, 64),
        ),
        Case(
            title="IdentityEmbedding(1200)",
            build=lambda: IdentityEmbedding(1200),
            inputs=lambda: (torch.tensor([7]),),
            convolution=(64, 64, 64),
        ),
    ],
}
