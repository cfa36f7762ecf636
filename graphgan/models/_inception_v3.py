"""Inception-v3 as used for published FIDs.

Sources: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016,
figures 5-7 and table 1, https://arxiv.org/abs/1512.00567; Heusel et al., "GANs Trained by a Two
Time-Scale Update Rule Converge to a Local Nash Equilibrium", NIPS 2017. Differs from the paper in
the same way as TensorFlow's graph of 2015-12-05: 1,008 classes, average pooling at the border
counts only pixels of the image, and the last block uses max pooling instead of average pooling.
Keys and shapes match ``pt_inception-2015-12-05-6726825d.pth``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from graphgan._checks import check_features
from graphgan._states import fill
from graphgan.models._convolutions import ConvNormReLU
from graphgan.models._weight_files import read_state

NUM_FEATURES = 2048
MIN_SIZE = 75  # smaller images leave nothing for the last pooling

Network = TypeVar("Network", bound="InceptionV3")  # the tests' type checker does not support Self

_Layer = tuple[int, int, int]
"""Channels, height and width of the kernel."""

_Branch = Sequence[Sequence[_Layer]]
"""Steps one after the other: a layer, or two that see the same and are joined."""

_Pool = Literal["mean", "max"]


class InceptionV3(nn.Module):
    """Image features from Inception-v3 trained on ImageNet.

    For evaluation only; load it with `from_weights`. It omits dropout and the auxiliary classifier,
    which are only needed for training.

    Shapes:
        ``images: b 3 h w`` in [-1, 1] (299 x 299 pixels as trained, at least 75 a side) ->
        ``b 2048``
    Raises:
        ValueError: wrong shapes, an empty batch, integer images.

    Example:
        >>> InceptionV3().eval()(torch.zeros(1, 3, 75, 75)).shape
        torch.Size([1, 2048])
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvNormReLU(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvNormReLU(32, 32, 3)
        self.Conv2d_2b_3x3 = ConvNormReLU(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = ConvNormReLU(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvNormReLU(80, 192, 3)
        self.Mixed_5b = _mixed_5(192, 32)
        self.Mixed_5c = _mixed_5(256, 64)
        self.Mixed_5d = _mixed_5(288, 64)
        self.Mixed_6a = _reduction_6()
        self.Mixed_6b = _mixed_6(128)
        self.Mixed_6c = _mixed_6(160)
        self.Mixed_6d = _mixed_6(160)
        self.Mixed_6e = _mixed_6(192)
        self.Mixed_7a = _reduction_7()
        self.Mixed_7b = _mixed_7(1280, "mean")
        self.Mixed_7c = _mixed_7(2048, "max")
        self.fc = nn.Linear(NUM_FEATURES, 1008)

    @classmethod
    def from_weights(cls: type[Network], path: Path | str) -> Network:
        """Load torch-fidelity's or pytorch-fid's weights; returns the network in eval mode.

        The parameters do not require gradients; images may.

        Raises:
            ValueError: the file does not exist or has other content, keys are missing, unexpected
                or have wrong shapes, or weights are not finite. The message names the file.
        """
        state = read_state(Path(path))
        with torch.device("meta"):
            network = cls()
        # Older files lack these counters, which are only used in training.
        counters = [key for key in network.state_dict() if key.endswith("num_batches_tracked")]
        try:
            fill(network, {key: torch.tensor(0) for key in counters} | state)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return network.eval().requires_grad_(False)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2048"]:
        check_features(images, 3, "images", smallest=MIN_SIZE)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(images)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        features: Tensor = x.mean(dim=(2, 3))
        return features

    def classify(
        self, images: Float[Tensor, "b 3 h w"], *, bias: bool = True
    ) -> Float[Tensor, "b 1008"]:
        """Logits of its classes."""
        return F.linear(self(images), self.fc.weight, self.fc.bias if bias else None)


# --- blocks ---------------------------------------------------------------------------------------


class _Mixed(nn.Module):
    """Several branches and a pooling of the same features, concatenated.

    Args:
        branches: branches by name.
        pool: 3x3 pooling.
        pool_channels: channels of a 1x1 convolution after it; None for none.
        stride: 2 if the last layer of each branch and the pooling halve the size.
    """

    def __init__(
        self,
        in_channels: int,
        branches: Mapping[str, _Branch],
        *,
        pool: _Pool,
        pool_channels: int | None = None,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.pool, self.stride = pool, stride
        self.names = [
            self._add_branch(in_channels, name, branch, stride) for name, branch in branches.items()
        ]
        self.branch_pool = (
            nn.Identity() if pool_channels is None else ConvNormReLU(in_channels, pool_channels, 1)
        )

    def _add_branch(
        self, in_channels: int, name: str, branch: _Branch, stride: int
    ) -> list[tuple[str, ...]]:
        """Names of its layers, two for a pair; a single layer has that of the branch."""
        width = in_channels
        names: list[tuple[str, ...]] = []
        for i, step in enumerate(branch, start=1):
            own = name if len(branch) == 1 else f"{name}_{i}"
            names.append((own,) if len(step) == 1 else (f"{own}a", f"{own}b"))
            shrinks = stride if i == len(branch) else 1
            for key, (channels, *kernel) in zip(names[-1], step, strict=True):
                self.add_module(key, _conv(width, channels, kernel, shrinks))
            width = sum(channels for channels, _, _ in step)
        return names

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h2 w2"]:
        outputs = []
        for branch in self.names:
            y = x
            for part in branch:
                y = torch.cat([self.get_submodule(name)(y) for name in part], dim=1)
            outputs.append(y)
        outputs.append(self.branch_pool(self._pooled(x)))
        return torch.cat(outputs, dim=1)

    def _pooled(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b i h2 w2"]:
        edge = 1 if self.stride == 1 else 0
        if self.pool == "max":
            return F.max_pool2d(x, 3, stride=self.stride, padding=edge)
        return F.avg_pool2d(x, 3, stride=self.stride, padding=edge, count_include_pad=False)


def _conv(in_channels: int, out_channels: int, kernel: Sequence[int], stride: int) -> ConvNormReLU:
    """Padded to preserve the size, or strided without padding."""
    height, width = kernel
    padding = (height // 2, width // 2) if stride == 1 else 0
    return ConvNormReLU(in_channels, out_channels, (height, width), stride=stride, padding=padding)


def _mixed_5(in_channels: int, pool_channels: int) -> _Mixed:
    branches: dict[str, _Branch] = {
        "branch1x1": [[(64, 1, 1)]],
        "branch5x5": [[(48, 1, 1)], [(64, 5, 5)]],
        "branch3x3dbl": [[(64, 1, 1)], [(96, 3, 3)], [(96, 3, 3)]],
    }
    return _Mixed(in_channels, branches, pool="mean", pool_channels=pool_channels)


def _reduction_6() -> _Mixed:
    branches: dict[str, _Branch] = {
        "branch3x3": [[(384, 3, 3)]],
        "branch3x3dbl": [[(64, 1, 1)], [(96, 3, 3)], [(96, 3, 3)]],
    }
    return _Mixed(288, branches, pool="max", stride=2)


def _mixed_6(inner: int) -> _Mixed:
    one, row, column = [(inner, 1, 1)], [(inner, 1, 7)], [(inner, 7, 1)]
    branches: dict[str, _Branch] = {
        "branch1x1": [[(192, 1, 1)]],
        "branch7x7": [one, row, [(192, 7, 1)]],
        "branch7x7dbl": [one, column, row, column, [(192, 1, 7)]],
    }
    return _Mixed(768, branches, pool="mean", pool_channels=192)


def _reduction_7() -> _Mixed:
    branches: dict[str, _Branch] = {
        "branch3x3": [[(192, 1, 1)], [(320, 3, 3)]],
        "branch7x7x3": [[(192, 1, 1)], [(192, 1, 7)], [(192, 7, 1)], [(192, 3, 3)]],
    }
    return _Mixed(768, branches, pool="max", stride=2)


def _mixed_7(in_channels: int, pool: _Pool) -> _Mixed:
    pair = [(384, 1, 3), (384, 3, 1)]
    branches: dict[str, _Branch] = {
        "branch1x1": [[(320, 1, 1)]],
        "branch3x3": [[(384, 1, 1)], pair],
        "branch3x3dbl": [[(448, 1, 1)], [(384, 3, 3)], pair],
    }
    return _Mixed(in_channels, branches, pool=pool, pool_channels=192)
