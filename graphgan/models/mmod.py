"""MMOD: dlib's convolutional face detector in PyTorch, with the weights that dlib reads.

Source: King, "Max-Margin Object Detection", 2015, https://arxiv.org/abs/1502.00046; the network is
the one of dlib's ``mmod_human_face_detector.dat``. Scores are dlib's; without a matrix library
dlib takes a hundred times as long for them.
Differs from dlib: each scale is searched on its own, where dlib lays all of them into one picture;
normalisation and input scaling are folded into the weights.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan._states import fill
from graphgan.models._dlib_files import DlibReader

WINDOW = 80
"""Pixels a side of the faces that the network knows."""
STRIDE = 8
"""Pixels from one window to the next."""
FIRST = 14
"""Pixels from the centre of the picture's first pixel to the centre of the first window."""
SMALLEST = 2 * FIRST + 1
"""Pixels a side of the least picture, which has one window."""

_WIDTHS = (3, 16, 32, 32, 45, 45, 45, 1)
_SIZES = (5, 5, 5, 5, 5, 5, 9)
_SHRINKING = 3  # layers that halve the picture
_MEAN = (122.782, 117.001, 104.298)  # of the pictures that dlib trained on, red first
_SCALE, _EPS = 256.0, 1e-4
_BAND = 16  # rows of windows whose first features are computed at a time

Network = TypeVar("Network", bound="MMOD")  # the hook of the tests knows no Self


class MMOD(nn.Module):
    """How much each window of 80 x 80 pixels looks like a face, every 8 pixels.

    Three convolutions that halve the picture, four that look at ever larger parts of it. A score
    above 0 is a face to dlib. Beside an 8-bit picture and some of its rows as floats, it takes as
    much memory as the picture does.

    Shapes:
        ``images: b 3 h w`` RGB, 0 to 255 (8-bit or float), of 29 pixels a side and more -> scores
        ``b h2 w2``; the window of score (i, j) has its centre at ``(8 j + 14, 8 i + 14)``
    Raises:
        ValueError: smaller pictures, or others than RGB.

    Example:
        >>> MMOD()(torch.zeros(1, 3, 45, 37)).shape
        torch.Size([1, 3, 2])
    """

    def __init__(self) -> None:
        super().__init__()
        layers = []
        for i, size in enumerate(_SIZES):
            shrinks = i < _SHRINKING
            step, border = (2, 0) if shrinks else (1, size // 2)
            layers.append(nn.Conv2d(_WIDTHS[i], _WIDTHS[i + 1], size, step, border))
        self.convs = nn.ModuleList(layers)
        self._channels_last()

    @classmethod
    def from_weights(cls: type[Network], path: str | Path) -> Network:
        """The detector of a file of dlib's, in eval mode, on the CPU.

        Raises:
            ValueError: something else is in the file; it is named.
            OSError: there is no such file, or it may not be read.
        """
        path, network = Path(path), cls()
        try:
            fill(network, dict(_read_layers(DlibReader(path.read_bytes()))))
        except ValueError as error:
            raise ValueError(f"{path}: not dlib's face detector: {error}") from None
        network._channels_last()
        network.eval().requires_grad_(False)
        return network

    def _channels_last(self) -> None:
        """Twice as fast on a CPU."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def turned(self: Network, quarters: int) -> Network:
        """A detector of faces that lean by so many quarter turns clockwise, as seen in the picture.

        Its windows lie where this one's do; only its filters are turned.
        """
        network = copy.deepcopy(self)
        for conv in network.convs:
            assert isinstance(conv, nn.Conv2d)
            filters = torch.rot90(conv.weight.detach(), -quarters, (2, 3))
            conv.weight.copy_(filters.contiguous(memory_format=torch.channels_last))
        return network

    def forward(
        self, images: UInt8[Tensor, "b 3 h w"] | Float[Tensor, "b 3 h w"]
    ) -> Float[Tensor, "b h2 w2"]:
        if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < SMALLEST:
            raise ValueError(
                f"expected RGB pictures of {SMALLEST} pixels a side and more, "
                f"got {tuple(images.shape)}"
            )
        x = torch.cat([self._shrink(band) for band in _bands(images)], dim=2)
        for conv in self.convs[_SHRINKING:-1]:
            x = conv(x).relu_()
        last = self.convs[-1]
        assert isinstance(last, nn.Conv2d)
        return _one_filter(x, last)

    def _shrink(self, images: Tensor) -> Float[Tensor, "b c h2 w2"]:
        weight = next(self.parameters())
        x = images.to(weight.dtype, memory_format=torch.channels_last)
        for conv in self.convs[:_SHRINKING]:
            x = conv(x).relu_()
        return x


def _one_filter(x: Float[Tensor, "b c h w"], conv: nn.Conv2d) -> Float[Tensor, "b h w"]:
    """What a convolution with one filter gives, in a quarter of the time.

    Each row of the filter becomes a filter of its own, since libraries compute eight of them and
    more in the time of one; the results are added, each moved by its row.
    """
    weight, bias = conv.weight[0], conv.bias
    size, reach = weight.shape[1], weight.shape[1] // 2
    filters = weight.transpose(0, 1)[:, :, None].contiguous(memory_format=torch.channels_last)
    rows = F.pad(F.conv2d(x, filters, padding=(0, reach)), (0, 0, reach, reach))
    moved = [rows[:, i, i : i + x.shape[2]] for i in range(size)]
    scores = torch.stack(moved).sum(0)
    return scores if bias is None else scores + bias


def _bands(images: Tensor) -> Iterator[Tensor]:
    """Overlapping rows of the pictures: together they have the windows of the whole."""
    windows = (images.shape[2] - SMALLEST) // STRIDE + 1
    for first in range(0, windows, _BAND):
        last = min(first + _BAND, windows) - 1
        yield images[:, :, STRIDE * first : STRIDE * last + SMALLEST]


def _read_layers(file: DlibReader) -> Iterator[tuple[str, Tensor]]:
    """Weights and biases by their names in the network, what normalises folded into them."""
    for i, (inputs, outputs, size) in enumerate(zip(_WIDTHS, _WIDTHS[1:], _SIZES, strict=False)):
        if not file.find("con_4"):
            raise ValueError(f"expected {len(_SIZES)} convolutions, got {i}")
        numbers = file.tensor()
        if len(numbers) != (inputs * size**2 + 1) * outputs:
            raise ValueError(
                f"expected {outputs} filters of {inputs} x {size} x {size} and their biases in "
                f"convolution {i + 1}, got {len(numbers)} numbers"
            )
        weight = numbers[:-outputs].view(outputs, inputs, size, size)
        bias = numbers[-outputs:]
        if i < len(_SIZES) - 1:
            gain, offset = _read_normalisation(file, outputs)
            weight, bias = weight * gain[:, None, None, None], bias * gain + offset
        if i == 0:  # the picture is (p - mean) / 256 to the file's weights
            mean = weight.new_tensor(_MEAN)[:, None, None]
            bias = bias - (weight * mean).sum((1, 2, 3)) / _SCALE
            weight = weight / _SCALE
        yield f"convs.{i}.weight", weight
        yield f"convs.{i}.bias", bias


def _read_normalisation(file: DlibReader, channels: int) -> tuple[Tensor, Tensor]:
    """``gain x + offset`` of a batch normalisation by the running mean and variance."""
    if not file.find("bn_con2"):
        raise ValueError("expected a batch normalisation after each convolution but the last")
    learned = file.tensor()
    for _ in range(2 * 5):  # where in it scale and shift lie: version and four sizes
        file.integer()
    _, _, mean, variance = (file.tensor() for _ in range(4))
    if not (len(learned) == 2 * channels and len(mean) == len(variance) == channels):
        raise ValueError(f"expected a normalisation of {channels} channels, got {len(mean)}")
    gain = learned[:channels] / (variance + _EPS).sqrt()
    return gain, learned[channels:] - mean * gain
