"""The landmark-guided generator: encode, reason, decode, blend.

Sources: [A] Dall'Asen et al., "Graph-based Generative Face Anonymisation with Pose Preservation",
ICIAP 2021, figure 2; [B] Tang et al., "Bipartite Graph Reasoning GANs for Person Image Generation",
BMVC 2020, figure 1. The defaults follow the paper. The authors' code differs: one encoder reads
both sets of landmarks (``shape_encoding="joint"``), and the attention starts with the condition
(``attention_order="condition_first"``) and selects the generated image
(``blend="attend_intermediate"``).
"""

from typing import Any, Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_choice, check_features, check_positive
from graphgan.landmarks._maps import Rendering
from graphgan.layers import (
    AttentionHead,
    ImageEncoder,
    ImageHead,
    LandmarkAppearanceAggregation,
    LandmarkAttention,
    LandmarkEncoder,
    blend,
)
from graphgan.layers._aggregation import Reasoning
from graphgan.layers._bipartite import NodeAggregation
from graphgan.layers._fusion import fuse
from graphgan.layers._heads import Blend, Upsampling
from graphgan.layers._landmark_attention import Descriptor, Order
from graphgan.layers._normalization import Norm
from graphgan.layers._recomputing import recomputed

# glibc maps larger blocks anew each time, with a page fault for every 4 KiB.
_LARGEST_BLOCK = 2**25  # bytes

ShapeEncoding = Literal["separate", "joint"]
OutputBlend = Blend | Literal["none"]


class GeneratorOutput(NamedTuple):
    """A generator's output for one batch.

    Shapes:
        ``image: b 3 h w`` in [-1, 1], the result; ``attention: b m h w``, the maps of the blend
        (None without one); ``intermediate: b 3 h w`` in [-1, 1], the image before the blend
    """

    image: Tensor
    attention: Tensor | None
    intermediate: Tensor


class LandmarkGenerator(nn.Module):
    """Generate an image with the content of ``appearance`` in the shape of the source landmarks.

    Args:
        appearance_channels: 6 for condition and context, 3 for the condition alone.
        num_landmarks: k, landmarks in each of the two sets.
        width: channels after the first convolutions; the codes have C = 4 ``width``.
        num_blocks: number of aggregation blocks; 6 in [A], 9 in [B].
        num_nodes: nodes of the reasoning; by default C / 4.
        reasoning: reasoning in the blocks: "bipartite" as published, or, for ablations with about
            as many parameters, "none", "cross_attention" or "pose_attention", see
            `LandmarkAppearanceAggregation`.
        shape_encoding: "separate": one encoder of half the width reads each set, and the codes of
            condition and source are the two maps of the first block. "joint": one encoder reads all
            2 k maps, and its code is split.
        landmark_attention: descriptor of the landmark attention; None for no attention.
        attention_kernel: J of the landmark attention, odd.
        attention_order: which set comes first in the attention.
        rendering: rendering of the landmark maps.
        sigma: standard deviation of Gaussian maps, in pixels.
        dropout: dropout probability in the blocks.
        norm: norm of all convolutions.
        reasoning_norm: norm inside the reasoning. With "batch" and ``reasoning_aggr="sum"``, as
            published, use a generator only at its training size, see `BipartiteReasoning`.
        reasoning_aggr: aggregation of the bipartite reasoning: "sum" as published, or "mean", which
            does not depend on the size.
        attention_norm: norm inside the attention head; None, as published, for none.
        blend: how the generated image is blended with ``base``; "none" for no blend.
        upsampling: upsampling in the heads.
    Attributes:
        gradient_checkpointing: False by default. If True, the blocks and the image head keep only
            their inputs and recompute the rest in the backward pass.
    Shapes:
        ``appearance: b appearance_channels h w``, two of ``b k 2`` (or maps ``b k h w``),
        ``base: b 3 h w`` -> `GeneratorOutput`; h and w divisible by 4
    Raises:
        ValueError: mismatched shapes, sizes not divisible by 4 or below 8, or a missing base.

    Example:
        >>> generator = LandmarkGenerator(6, 68, width=8, num_blocks=2)
        >>> images, landmarks = torch.zeros(2, 6, 32, 32), 31 * torch.rand(2, 68, 2)
        >>> generator(images, (landmarks, landmarks), images[:, :3]).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        appearance_channels: int = 6,
        num_landmarks: int = 68,
        *,
        width: int = 64,
        num_blocks: int = 6,
        num_nodes: int | None = None,
        reasoning: Reasoning = "bipartite",
        shape_encoding: ShapeEncoding = "separate",
        landmark_attention: Descriptor | None = "gap",
        attention_kernel: int = 3,
        attention_order: Order = "source_first",
        rendering: Rendering = "one_hot",
        sigma: float = 6.0,
        dropout: float = 0.5,
        norm: Norm = "batch",
        reasoning_norm: Norm = "batch",
        reasoning_aggr: NodeAggregation = "sum",
        attention_norm: Norm | None = None,
        blend: OutputBlend = "attend_base",
        upsampling: Upsampling = "transposed",
    ) -> None:
        config = {k: v for k, v in locals().items() if k not in {"self", "__class__"}}
        super().__init__()
        check_positive(num_blocks=num_blocks, width=width)
        check_choice("shape_encoding", shape_encoding, get_args(ShapeEncoding))
        check_choice("blend", blend, (*get_args(Blend), "none"))
        if shape_encoding == "separate" and width % 2:
            raise ValueError(f"expected an even width for separate encoding, got {width}")
        self.config: dict[str, Any] = config
        self.gradient_checkpointing = False
        self.num_landmarks = num_landmarks
        self.appearance_channels = appearance_channels
        self.blend = blend
        self.separate = shape_encoding == "separate"
        channels = 4 * width
        if landmark_attention is not None:
            self.landmark_attention = LandmarkAttention(
                num_landmarks,
                kernel_size=attention_kernel,
                descriptor=landmark_attention,
                order=attention_order,
            )
        self.appearance_encoder = ImageEncoder(appearance_channels, width=width, norm=norm)
        self.shape_encoder = LandmarkEncoder(
            num_landmarks if self.separate else 2 * num_landmarks,
            width=width // 2 if self.separate else width,
            norm=norm,
            rendering=rendering,
            sigma=sigma,
        )
        self.blocks = nn.ModuleList(
            LandmarkAppearanceAggregation(
                channels,
                channels if i == 0 else 2 * channels,
                num_nodes=num_nodes,
                reasoning=reasoning,
                dropout=dropout,
                norm=norm,
                reasoning_norm=reasoning_norm,
                reasoning_aggr=reasoning_aggr,
                joined=i < num_blocks - 1,
            )
            for i in range(num_blocks)
        )
        self.image_head = ImageHead(channels, norm=norm, upsampling=upsampling)
        if blend != "none":
            self.attention_head = AttentionHead(
                channels,
                num_maps=2 if blend == "two_maps" else 1,
                bounded=blend != "two_maps",
                norm=attention_norm,
                upsampling=upsampling,
            )

    def forward(
        self,
        appearance: Float[Tensor, "b a h w"],
        landmarks: tuple[Tensor, Tensor],
        base: Float[Tensor, "b 3 h w"] | None = None,
    ) -> GeneratorOutput:
        self._check(appearance, landmarks, base)
        if (count := self._at_once(appearance)) < appearance.shape[0]:
            return self._in_parts(count, appearance, *landmarks, base)
        shape = self.encode_landmarks(*landmarks, size=(appearance.shape[2], appearance.shape[3]))
        code = self.appearance_encoder(appearance)
        for block in self.blocks:
            code, shape = self._call(block, code, shape)
        intermediate = self._call(self.image_head, code)
        if self.blend == "none" or base is None:
            return GeneratorOutput(intermediate, None, intermediate)
        attention = self.attention_head(code)
        image = blend(attention, intermediate, base, mode=self.blend)
        return GeneratorOutput(image, attention, intermediate)

    def _at_once(self, appearance: Tensor) -> int:
        """Items that are computed together: all, or on CPUs in inference as many as are fastest."""
        batch, _, height, width = appearance.shape
        learning = self.training or torch.is_grad_enabled()
        if learning or torch.compiler.is_compiling() or appearance.device.type != "cpu":
            return batch
        floats: int = self.config["width"] * height * width  # of the largest map of one item
        return max(1, _LARGEST_BLOCK // (4 * floats))

    def _in_parts(
        self, count: int, appearance: Tensor, condition: Tensor, source: Tensor, base: Tensor | None
    ) -> GeneratorOutput:
        given = [torch.split(x, count) for x in (appearance, condition, source)]
        bases = [None] * len(given[0]) if base is None else torch.split(base, count)
        parts = [self(a, (c, s), b) for a, c, s, b in zip(*given, bases, strict=True)]
        attention = [part.attention for part in parts if part.attention is not None]
        return GeneratorOutput(
            torch.cat([part.image for part in parts]),
            torch.cat(attention) if attention else None,
            torch.cat([part.intermediate for part in parts]),
        )

    def fuse(self) -> "LandmarkGenerator":
        """An equivalent, faster network for inference; it cannot be trained or saved."""
        return fuse(self)

    def encode_landmarks(
        self, condition: Tensor, source: Tensor, *, size: tuple[int, int]
    ) -> Float[Tensor, "b c h4 w4"]:
        """The shape code of the first block, from weighted, rendered and encoded landmarks."""
        w_condition, w_source = (None, None)
        if hasattr(self, "landmark_attention"):
            w_condition, w_source = self.landmark_attention(condition, source, size)
        if self.separate:
            codes = [
                self.shape_encoder(condition, size, w_condition),
                self.shape_encoder(source, size, w_source),
            ]
            return torch.cat(codes, dim=1)
        weights = None
        if w_condition is not None and w_source is not None:
            weights = torch.cat([w_condition, w_source], dim=1)
        joined: Tensor = self.shape_encoder(torch.cat([condition, source], dim=1), size, weights)
        return joined

    def _call(self, module: nn.Module, *inputs: Tensor) -> Any:
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return recomputed(module, *inputs)
        return module(*inputs)

    def _check(
        self, appearance: Tensor, landmarks: tuple[Tensor, Tensor], base: Tensor | None
    ) -> None:
        check_features(appearance, self.appearance_channels, "appearance")
        expected_points = (appearance.shape[0], self.num_landmarks)
        if any(points.shape[:2] != expected_points for points in landmarks):
            shapes = " and ".join(str(tuple(points.shape)) for points in landmarks)
            raise ValueError(
                f"expected two sets of {self.num_landmarks} landmarks for {len(appearance)} items, "
                f"got shapes {shapes}"
            )
        height, width = appearance.shape[2:]
        if height % 4 or width % 4 or min(height, width) < 8:
            raise ValueError(f"expected sides of at least 8, divisible by 4, got {height}x{width}")
        if self.blend == "none":
            return
        expected = (appearance.shape[0], 3, height, width)
        if base is None or base.shape != expected:
            shape = None if base is None else tuple(base.shape)
            raise ValueError(f"expected a base of shape {expected}, got {shape}")
