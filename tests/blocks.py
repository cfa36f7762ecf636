"""The list of all public blocks, which the common tests walk."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from graphgan.landmarks import fit_shape_transfer
from graphgan.layers import (
    AttentionHead,
    BipartiteGraphConv,
    BipartiteReasoning,
    ChannelGate,
    CrossAttention,
    EfficientChannelAttention,
    IdentityEmbedding,
    ImageEncoder,
    ImageHead,
    LandmarkAppearanceAggregation,
    LandmarkAttention,
    LandmarkEncoder,
    LandmarkStem,
    NodeReasoning,
    PoseAttentionalTransfer,
    ResidualBlock,
    ResidualDown,
    ResidualUp,
)
from graphgan.models import (
    AnonyGAN,
    AppearanceDiscriminator,
    BiGraphGAN,
    CIAGANGenerator,
    ConditionFitting,
    ConvGraph,
    FeatureNetwork,
    IdentityNetwork,
    LandmarkDiscriminator,
    LandmarkGenerator,
    PatchDiscriminator,
    ProjectedDiscriminator,
    RandomMixing,
    ResNetDiscriminator,
)

EDGES = torch.tensor([[0, 3, 1, 3], [0, 0, 2, 1]])


@dataclass(frozen=True)
class Block:
    """A block, how it is called and what comes out.

    Args:
        build: makes it, small.
        inputs: its arguments for a batch size, a height and a width.
        shapes: of what comes out, for the same three.
        size: height and width it is called with.
        odd_size: another, as odd as the block allows.
        dense: nothing in it follows edge lists, so it exports.
        penalized: gradient penalties, which differentiate twice, may go through it.
        alone: no statistics of the batch go in, as they do, without a gradient, where features are
            brought to unit size.
        rounding: what bfloat16 may change, as a share of the result.
        long: to differentiate; shorter ones of the list have the same parts.
    """

    build: Callable[[], nn.Module]
    inputs: Callable[[int, int, int], tuple]
    shapes: Callable[[int, int, int], list[tuple[int, ...]]]
    size: tuple[int, int] = (8, 8)
    odd_size: tuple[int, int] = (7, 9)
    dense: bool = True
    penalized: bool = True
    alone: bool = True
    rounding: float = 0.03
    long: bool = False

    def example(self, batch: int = 2, size: tuple[int, int] | None = None) -> tuple:
        """Inputs in double precision; the same at every call."""
        torch.manual_seed(1)
        inputs = self.inputs(batch, *(size or self.size))
        return tree_map(lambda x: x.double() if is_float(x) else x, inputs)

    def module(self, seed: int = 0, training: bool = False) -> nn.Module:
        """The block in double precision, in eval mode unless told otherwise.

        Its norms have seen other data: with fresh statistics they would do nothing there.
        """
        torch.manual_seed(seed)
        module = self.build().double()
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.uniform_(-0.1, 0.1)
                layer.running_var.uniform_(0.8, 1.2)
        return module.train(training)


def is_float(x) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


def tensors(out) -> list[Tensor]:
    """Every tensor of a nest."""
    return [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]


def points(batch: int, k: int, h: int, w: int) -> Tensor:
    """Landmarks inside the image; never halfway between pixels, where rounding jumps."""
    pixels = torch.rand(batch, k, 2) * torch.tensor([w - 1, h - 1])
    return pixels.round() + torch.empty(batch, k, 2).uniform_(-0.3, 0.3)


def features(*channels: int) -> Callable[[int, int, int], tuple]:
    return lambda b, h, w: tuple(torch.randn(b, c, h, w) for c in channels)


def maps(*channels: int, times: int = 1) -> Callable[[int, int, int], list[tuple[int, ...]]]:
    return lambda b, h, w: [(b, c, times * h, times * w) for c in channels]


def quarters(*channels: int) -> Callable[[int, int, int], list[tuple[int, ...]]]:
    return lambda b, h, w: [(b, c, -(-h // 4), -(-w // 4)) for c in channels]


def patches(width: int) -> Callable[[int, int, int], list[tuple[int, ...]]]:
    """Sizes of PatchGAN's six results: four halvings, two that take one pixel off."""

    def shapes(b: int, h: int, w: int) -> list[tuple[int, ...]]:
        halved = [(b, c * width, h >> n, w >> n) for n, c in enumerate((1, 2, 4, 8), 1)]
        h, w = halved[-1][2:]
        return [*halved, (b, 8 * width, h - 1, w - 1), (b, 1, h - 2, w - 2)]

    return shapes


def two_strides(*channels: int) -> Callable[[int, int, int], list[torch.Tensor]]:
    """Features of an image of that size at strides 2 and 4."""

    def inputs(b: int, h: int, w: int) -> list[Tensor]:
        sides = ((-(-h // n), -(-w // n)) for n in (2, 4))
        return [torch.randn(b, c, *side) for c, side in zip(channels, sides, strict=True)]

    return inputs


def halves_and_quarters(*channels: int) -> Callable[[int, int, int], list[tuple[int, ...]]]:
    """Of the results of a scale after the other, as many of each."""
    count = len(channels) // 2

    def shapes(b: int, h: int, w: int) -> list[tuple[int, ...]]:
        strides = [2] * count + [4] * count
        return [(b, c, -(-h // n), -(-w // n)) for c, n in zip(channels, strides, strict=True)]

    return shapes


def small_feature_network() -> FeatureNetwork:
    stages = {
        "fine": nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Tanh()),
        "coarse": nn.Conv2d(4, 6, 3, stride=2, padding=1),
    }
    return FeatureNetwork(stages, channels=(4, 6), scale=0.5, shift=(0.1, 0.2, 0.3))


def conv_graph_nodes() -> list[dict]:
    """Halved, a sum whose parts are needed twice, and back."""
    conv = {"op": "conv", "in_channels": 3, "out_channels": 4, "kernel_size": 3, "stride": 2}
    conv |= {"inputs": [0], "groups": 1, "padding": "same"}
    depthwise = conv | {"inputs": [2], "in_channels": 4, "stride": 1, "groups": 4}
    nodes = [conv, {"op": "prelu", "inputs": [1], "channels": 4}, depthwise]
    nodes += [{"op": "add", "inputs": [3, 2]}]
    return [*nodes, {"op": "depth_to_space", "inputs": [4], "block": 2}]


def generator_inputs(k: int) -> Callable[[int, int, int], tuple]:
    def inputs(b: int, h: int, w: int) -> tuple:
        landmarks = (points(b, k, h, w), points(b, k, h, w))
        return torch.rand(b, 6, h, w), landmarks, torch.rand(b, 3, h, w)

    return inputs


def anonygan_inputs(b: int, h: int, w: int) -> tuple:
    images = [2 * torch.rand(b, 3, h, w) - 1 for _ in range(2)]
    mask = (torch.rand(b, 1, h, w) < 0.5).float()
    return *images, points(b, 5, h, w), points(b, 5, h, w), mask


def small_generator(**options) -> LandmarkGenerator:
    return LandmarkGenerator(6, 5, width=4, num_blocks=1, num_nodes=4, **options)


def taught_fitting() -> ConditionFitting:
    fitting = ConditionFitting(
        68,
        bend=0.8,
        keep_shape=1.0,
        mirror=True,
        keep_openings=True,
        match_light=True,
        match_sharpness=True,
    )
    fitting.learn_shapes(fit_shape_transfer(torch.rand(40, 68, 2), torch.arange(40) // 4))
    return fitting


def fitting_inputs(b: int, h: int, w: int) -> tuple:
    images = [2 * torch.rand(b, 3, h, w) - 1 for _ in range(2)]
    mask = (torch.rand(b, 1, h, w) < 0.5).float()
    return *images, points(b, 68, h, w), points(b, 68, h, w), mask


BLOCKS = {
    "ChannelGate": Block(
        lambda: ChannelGate(3), lambda b, h, w: (torch.randn(b, h),), lambda b, h, w: [(b, h)]
    ),
    "EfficientChannelAttention": Block(lambda: EfficientChannelAttention(6), features(6), maps(6)),
    **{
        f"LandmarkAttention-{descriptor}": Block(
            lambda descriptor=descriptor: LandmarkAttention(5, descriptor=descriptor),
            lambda b, h, w: (points(b, 5, h, w), points(b, 5, h, w), (h, w)),
            lambda b, h, w: [(b, 5), (b, 5)],
        )
        for descriptor in ("gap", "position", "embedding")
    },
    **{
        f"LandmarkStem-{rendering}": Block(
            lambda rendering=rendering: LandmarkStem(5, 4, rendering=rendering, sigma=2.0),
            lambda b, h, w: (points(b, 5, h, w), (h, w), torch.rand(b, 5)),
            maps(4),
        )
        for rendering in ("one_hot", "bilinear", "gaussian")
    },
    "LandmarkStem-maps": Block(
        lambda: LandmarkStem(5, 4, bias=True),
        lambda b, h, w: (torch.rand(b, 5, h, w), (h, w)),
        maps(4),
    ),
    "BipartiteGraphConv": Block(
        lambda: BipartiteGraphConv((3, 4)),
        lambda b, h, w: ((torch.randn(b, h, 3), torch.randn(b, w, 4)), EDGES, torch.randn(b, 4)),
        lambda b, h, w: [(b, w, 4)],
        dense=False,
    ),
    "NodeReasoning": Block(
        lambda: NodeReasoning(8, 6),
        lambda b, h, w: (torch.randn(b, 8, 6),),
        lambda b, h, w: [(b, 8, 6)],
    ),
    "BipartiteReasoning": Block(
        lambda: BipartiteReasoning(4, 3), features(4, 4), maps(4, 4), odd_size=(3, 5)
    ),
    "BipartiteReasoning-pair": Block(
        lambda: BipartiteReasoning(4, (3, 2), num_states=5, norm="group"),
        features(4, 4),
        maps(4, 4),
        odd_size=(3, 5),
    ),
    "CrossAttention": Block(
        lambda: CrossAttention(4), features(4, 4), maps(4, 4), odd_size=(3, 5), penalized=False
    ),
    "CrossAttention-heads": Block(
        lambda: CrossAttention(4, 6, num_heads=2, norm="group"),
        features(4, 4),
        maps(4, 4),
        odd_size=(3, 5),
        penalized=False,
    ),
    "LandmarkAppearanceAggregation": Block(
        lambda: LandmarkAppearanceAggregation(8), features(8, 8), maps(8, 16)
    ),
    "LandmarkAppearanceAggregation-later": Block(
        lambda: LandmarkAppearanceAggregation(8, 16, num_nodes=3, norm="instance"),
        features(8, 16),
        maps(8, 16),
    ),
    **{
        f"LandmarkAppearanceAggregation-{reasoning}": Block(
            lambda reasoning=reasoning: LandmarkAppearanceAggregation(8, reasoning=reasoning),
            features(8, 8),
            maps(8, 16),
            penalized=reasoning != "cross_attention",
        )
        for reasoning in ("none", "cross_attention", "pose_attention")
    },
    "PoseAttentionalTransfer": Block(
        lambda: PoseAttentionalTransfer(3, 5), features(3, 5), maps(3, 6)
    ),
    "PoseAttentionalTransfer-wide": Block(
        lambda: PoseAttentionalTransfer(4, hidden_channels=7, norm="instance", joined=False),
        features(4, 4),
        maps(4, 4),
    ),
    "ImageEncoder": Block(
        lambda: ImageEncoder(6, width=2), features(6), quarters(8), size=(8, 12), odd_size=(9, 11)
    ),
    "LandmarkEncoder": Block(
        lambda: LandmarkEncoder(5, width=2),
        lambda b, h, w: (points(b, 5, h, w), (h, w), torch.rand(b, 5)),
        quarters(8),
        size=(8, 12),
        odd_size=(9, 11),
    ),
    **{
        f"ImageHead-{upsampling}": Block(
            lambda upsampling=upsampling: ImageHead(8, upsampling=upsampling),
            features(8),
            maps(3, times=4),
            size=(4, 4),
            odd_size=(3, 5),
        )
        for upsampling in ("transposed", "resize")
    },
    "AttentionHead": Block(
        lambda: AttentionHead(8), features(8), maps(1, times=4), size=(4, 4), odd_size=(3, 5)
    ),
    "AttentionHead-norm": Block(
        lambda: AttentionHead(8, norm="batch"),
        features(8),
        maps(1, times=4),
        size=(4, 4),
        odd_size=(3, 5),
    ),
    "AttentionHead-two_maps": Block(
        lambda: AttentionHead(8, num_maps=2, bounded=False, upsampling="resize"),
        features(8),
        maps(2, times=4),
        size=(4, 4),
        odd_size=(3, 5),
    ),
    "ResidualBlock": Block(lambda: ResidualBlock(4), features(4), maps(4)),
    "ResidualBlock-spectral": Block(
        lambda: ResidualBlock(4, norm="affine_instance", spectral=True), features(4), maps(4)
    ),
    "ResidualDown": Block(
        lambda: ResidualDown(4, 6), features(4), lambda b, h, w: [(b, 6, h // 2, w // 2)]
    ),
    "ResidualUp": Block(
        lambda: ResidualUp(4, 6), features(4), maps(6, times=2), size=(4, 4), odd_size=(3, 5)
    ),
    "IdentityEmbedding": Block(
        lambda: IdentityEmbedding(7, width=2),
        lambda b, h, w: (torch.arange(b) * 3 % 7,),
        lambda b, h, w: [(b, 16, 4, 4)],
    ),
    "ConditionFitting": Block(
        taught_fitting,
        fitting_inputs,
        maps(3),
        penalized=False,
        rounding=0.15,  # which side of a face is shown changes within a pixel
    ),
    "PatchDiscriminator": Block(
        lambda: PatchDiscriminator(4, width=2),
        features(4),
        patches(2),
        size=(48, 48),
        odd_size=(49, 61),
    ),
    "AppearanceDiscriminator": Block(
        lambda: AppearanceDiscriminator(width=2, norm="group"),
        features(3, 3),
        patches(2),
        size=(48, 48),
        odd_size=(49, 61),
    ),
    "LandmarkDiscriminator": Block(
        lambda: LandmarkDiscriminator(5, width=2),
        lambda b, h, w: (torch.randn(b, 3, h, w), points(b, 5, h, w)),
        patches(2),
        size=(48, 48),
        odd_size=(49, 61),
    ),
    "ResNetDiscriminator": Block(
        lambda: ResNetDiscriminator(4, width=2, num_blocks=1),
        features(4),
        quarters(8),
        size=(8, 12),
        odd_size=(9, 11),
    ),
    "FeatureNetwork": Block(small_feature_network, features(3), halves_and_quarters(4, 6)),
    "RandomMixing": Block(
        lambda: RandomMixing((4, 6), 5),
        lambda b, h, w: (two_strides(4, 6)(b, h, w),),
        halves_and_quarters(5, 5),
        penalized=False,
        alone=False,
    ),
    "ProjectedDiscriminator-landmarks": Block(
        lambda: ProjectedDiscriminator((4, 6), width=5, num_landmarks=3),
        lambda b, h, w: (two_strides(4, 6)(b, h, w), points(b, 3, h, w), (h, w)),
        halves_and_quarters(5, 1, 5, 1),
        penalized=False,
        alone=False,
    ),
    "ProjectedDiscriminator-condition": Block(
        lambda: ProjectedDiscriminator((4, 6), width=5, condition_channels=7),
        lambda b, h, w: (two_strides(4, 6)(b, h, w), None, None, torch.randn(b, 7)),
        halves_and_quarters(5, 1, 5, 1),
        penalized=False,
        alone=False,
    ),
    "LandmarkGenerator-published": Block(
        lambda: small_generator(
            shape_encoding="joint", attention_order="condition_first", blend="attend_intermediate"
        ),
        generator_inputs(5),
        maps(3, 1, 3),
        size=(8, 12),
        odd_size=(20, 12),
        penalized=False,
    ),
    "LandmarkGenerator-no_blend": Block(
        lambda: small_generator(blend="none", landmark_attention=None, rendering="gaussian"),
        lambda b, h, w: generator_inputs(5)(b, h, w)[:2],
        maps(3, 3),
        size=(8, 12),
        odd_size=(20, 12),
        penalized=False,
    ),
    "AnonyGAN": Block(
        lambda: AnonyGAN(small_generator(landmark_attention="position")),
        anonygan_inputs,
        maps(3, 1, 3),
        size=(8, 12),
        odd_size=(20, 12),
        penalized=False,
    ),
    "BiGraphGAN": Block(
        lambda: BiGraphGAN.published("market", num_landmarks=5, width=4, num_blocks=1),
        lambda b, h, w: (torch.rand(b, 3, h, w), points(b, 5, h, w), points(b, 5, h, w)),
        maps(3, 2, 3),
        size=(8, 12),
        odd_size=(20, 12),
        penalized=False,
    ),
    "CIAGANGenerator": Block(
        lambda: CIAGANGenerator(7, width=2, num_blocks=1),
        lambda b, h, w: (*(2 * torch.rand(2, b, 3, h, w) - 1).unbind(), torch.arange(b) * 3 % 7),
        maps(3),
        size=(128, 128),
        odd_size=(128, 128),
        penalized=False,
        rounding=0.1,  # thirty convolutions, each normalized
        long=True,
    ),
    "CIAGANGenerator-64": Block(
        lambda: CIAGANGenerator(7, width=2, num_blocks=1, size=64, people=list("abcdefg")),
        lambda b, h, w: (*torch.rand(2, b, 3, h, w).unbind(), torch.arange(b) * 3 % 7),
        maps(3),
        size=(64, 64),
        odd_size=(64, 64),
        penalized=False,
        rounding=0.1,
        long=True,
    ),
    "IdentityNetwork": Block(
        lambda: IdentityNetwork(5, width=2),
        features(3),
        lambda b, h, w: [(b, 5)],
        size=(16, 16),
        odd_size=(17, 21),
    ),
    "ConvGraph": Block(
        lambda: ConvGraph(3, conv_graph_nodes(), [2, 5]),
        features(3),
        lambda b, h, w: [(b, 4, -(-h // 2), -(-w // 2)), (b, 1, h + h % 2, w + w % 2)],
    ),
}
