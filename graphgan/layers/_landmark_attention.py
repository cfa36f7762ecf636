"""Landmark attention: a weight for each landmark of the source and of the condition.

Source: [A] Dall'Asen et al., "Graph-based Generative Face Anonymisation with Pose
Preservation", ICIAP 2021, https://arxiv.org/abs/2112.05496, eq. (1): channel attention [E] over
``Concat(Lm_s, Lm_c)`` with J = 3.
Differs from the authors' code: there the condition comes first (``order="condition_first"``).

As published, it cannot learn: a one-hot map has the mean 1 / (h w) wherever its landmark lies, so
``descriptor="gap"`` carries no information about the landmarks. The other descriptors are not in
the paper.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_batch, check_choice, check_positive
from graphgan.layers._channel_attention import ChannelGate

Descriptor = Literal["gap", "position", "embedding"]
Order = Literal["source_first", "condition_first"]


class LandmarkAttention(nn.Module):
    """Weight the landmarks of a condition and a source: ``w = sigmoid(Conv1d_J(d))``.

    ``d`` holds one number per landmark, for one set after the other. With p_k the landmark's
    position relative to the image center, in units of half the image:

    - ``"gap"``: mean of the landmark's map, 1 / (h w) inside the image and 0 if outside or missing
    - ``"embedding"``: ``e_k``, learned, the same for every image
    - ``"position"``: ``e_k + a_k . p_k``, both learned; only ``e_k`` if the landmark is missing

    Source and condition have separate ``e`` and ``a``, so a landmark may matter in one and not in
    the other.

    Args:
        num_landmarks: k, landmarks in each set.
        kernel_size: J, odd.
        descriptor: what describes a landmark, see above.
        order: which set comes first along the convolution's axis.
    Shapes:
        ``condition, source: b k 2`` in pixels, ``size: (h, w)`` -> two of ``b k``, in (0, 1), for
        the condition and for the source, of the dtype of the weights. With ``"gap"`` maps
        ``b k h w`` may stand in for points. Keep points in float32 where the weights are bf16,
        which holds whole pixels up to 256 at best.
    Raises:
        ValueError: wrong number of landmarks, sets of different shapes, maps where the descriptor
            needs coordinates, images instead of landmarks, a size that is not a pair.

    Example:
        >>> attention = LandmarkAttention(68, descriptor="position")
        >>> points = 64 * torch.rand(2, 68, 2)
        >>> [weights.shape for weights in attention(points, points, (64, 64))]
        [torch.Size([2, 68]), torch.Size([2, 68])]
    """

    def __init__(
        self,
        num_landmarks: int,
        *,
        kernel_size: int = 3,
        descriptor: Descriptor = "gap",
        order: Order = "source_first",
    ) -> None:
        super().__init__()
        check_positive(num_landmarks=num_landmarks)
        check_choice("descriptor", descriptor, get_args(Descriptor))
        check_choice("order", order, get_args(Order))
        self.num_landmarks = num_landmarks
        self.descriptor = descriptor
        self.order = order
        self.gate = ChannelGate(kernel_size)
        if descriptor != "gap":
            self.embedding = nn.Parameter(torch.zeros(2 * num_landmarks))
        if descriptor == "position":
            self.direction = nn.Parameter(torch.zeros(2 * num_landmarks, 2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start with small differences: with equal descriptors, the kernel could not learn."""
        self.gate.conv.reset_parameters()
        for name in ("embedding", "direction"):
            weights = getattr(self, name, None)
            if weights is not None and not weights.is_meta:  # there it would import the compiler
                nn.init.normal_(weights, std=0.1)

    def forward(
        self,
        condition: Float[Tensor, "b k 2"] | Float[Tensor, "b k h w"],
        source: Float[Tensor, "b k 2"] | Float[Tensor, "b k h w"],
        size: tuple[int, int],
    ) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]]:
        self._check(condition, source, size)
        first, second = (source, condition) if self._source_first else (condition, source)
        weights = self.gate(self._describe(torch.cat([first, second], dim=1), size))
        weights_first, weights_second = weights.chunk(2, dim=1)
        if self._source_first:
            return weights_second, weights_first
        return weights_first, weights_second

    def _check(self, condition: Tensor, source: Tensor, size: tuple[int, int]) -> None:
        k = self.num_landmarks
        if not isinstance(size, tuple | list) or len(size) != 2:
            raise ValueError(f"expected size as a pair (h, w), got {size!r}")
        for name, landmarks in (("condition", condition), ("source", source)):
            if not isinstance(landmarks, Tensor):
                kind = type(landmarks).__name__
                raise ValueError(f"expected {name} landmarks as a tensor (b, {k}, 2), got {kind}")
            points = landmarks.ndim == 3 and landmarks.shape[1:] == (k, 2)
            maps = landmarks.ndim == 4 and landmarks.shape[1] == k
            if not (points or maps):
                raise ValueError(
                    f"expected {name} landmarks of shape (b, {k}, 2) or maps (b, {k}, h, w), "
                    f"got {tuple(landmarks.shape)}{_hint(landmarks)}"
                )
            check_batch(landmarks, f"{name} landmarks")
        if condition.shape != source.shape:
            shapes = f"{tuple(condition.shape)} and {tuple(source.shape)}"
            raise ValueError(f"expected landmarks of one batch and kind, got {shapes}")

    @property
    def _source_first(self) -> bool:
        return self.order == "source_first"

    def _describe(self, landmarks: Tensor, size: tuple[int, int]) -> Float[Tensor, "b k2"]:
        if self.descriptor == "gap":
            return landmarks.mean((2, 3)) if landmarks.ndim == 4 else _gap(landmarks, size)
        if landmarks.ndim == 4:
            raise ValueError(f"expected coordinates for descriptor={self.descriptor!r}, got maps")
        if self.descriptor == "embedding":
            return self.embedding.expand(landmarks.shape[0], -1)
        height, width = size
        half = landmarks.new_tensor([(width - 1) / 2, (height - 1) / 2]).clamp(min=0.5)
        position = torch.nan_to_num(landmarks / half - 1)
        return self.embedding + (position * self.direction).sum(-1)

    def extra_repr(self) -> str:
        return f"{self.num_landmarks}, descriptor={self.descriptor!r}, order={self.order!r}"


def _hint(landmarks: Tensor) -> str:
    """A hint on what a wrong shape may be."""
    looks_like_images = landmarks.ndim == 4 and landmarks.shape[1] in (1, 3)
    return "; these look like images, but landmarks are expected" if looks_like_images else ""


def _gap(landmarks: Float[Tensor, "b k 2"], size: tuple[int, int]) -> Float[Tensor, "b k"]:
    """Means of the one-hot maps, computed without the maps."""
    height, width = size
    nearest = landmarks.round()
    last = nearest.new_tensor([width - 1, height - 1])
    inside = ((nearest >= 0) & (nearest <= last)).all(-1)  # NaN compares as outside
    return inside.to(landmarks.dtype) / (height * width)
