"""dlib's face recognizer in PyTorch: 128 numbers per face, without dlib.

Source: King, "High Quality Face Recognition with Deep Metric Learning", 2017,
http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html; the network is the one
of dlib's ``dlib_face_recognition_resnet_model_v1.dat``, a ResNet of 29 convolutions with half the
filters of He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
Differs from dlib: the scale and shift of each channel are folded into the convolutions.
"""

from functools import cache

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan.faces._dlib_chips import CHIP_SIZE, face_chips
from graphgan.models import Pretrained
from graphgan.weights._catalog import RECOGNIZER

DESCRIPTOR_SIZE = 128
"""Numbers a face."""

_MEAN, _SCALE = (122.782, 117.001, 104.298), 256.0  # of the images that dlib trained on, red first
# Channels of each residual block, and whether it halves the image.
_BLOCKS = (
    *((32, False),) * 3,
    (64, True),
    *((64, False),) * 3,
    (128, True),
    *((128, False),) * 2,
    (256, True),
    *((256, False),) * 2,
    (256, True),
)
_AT_ONCE = 16  # faces per batch: larger batches need more memory without being faster


class DlibResNet(Pretrained):
    """Descriptors of upright faces; two faces at most 0.6 apart are of one person.

    ``(p - mean) / 256``, a 7x7 convolution of stride 2, a 3x3 maximum of stride 2, 14 residual
    blocks of two 3x3 convolutions, the mean over the image, a linear layer without bias. A block is
    ``y = relu(conv(relu(conv(x))) + x)``. In four of them the first convolution has stride 2, and
    the mean of 2x2 pixels replaces ``x``. Before the addition, the smaller map is padded with zeros
    at the right and bottom, and the one with fewer channels with zero channels at the end.

    Shapes:
        ``images: b 3 150 150`` RGB, 0 to 255 (8-bit or float), cut as dlib cuts them -> ``b 128``
    Raises:
        ValueError: images of the wrong shape.

    Example:
        >>> DlibResNet()(torch.zeros(2, 3, 150, 150)).shape
        torch.Size([2, 128])
    """

    def __init__(self) -> None:
        super().__init__()
        self.config = {}
        self.stem = nn.Conv2d(3, 32, 7, 2)
        widths = [32, *(width for width, _ in _BLOCKS)]
        self.blocks = nn.Sequential(
            *(_Block(widths[i], width, halves) for i, (width, halves) in enumerate(_BLOCKS))
        )
        self.head = nn.Linear(widths[-1], DESCRIPTOR_SIZE, bias=False)

    def forward(
        self, images: UInt8[Tensor, "b 3 150 150"] | Float[Tensor, "b 3 150 150"]
    ) -> Float[Tensor, "b 128"]:
        expected = (3, CHIP_SIZE, CHIP_SIZE)
        if images.ndim != 4 or tuple(images.shape[1:]) != expected:
            raise ValueError(
                f"expected images of shape (b, 3, 150, 150), got {tuple(images.shape)}"
            )
        x = images.to(self.head.weight.dtype, memory_format=torch.channels_last)
        x = (x - x.new_tensor(_MEAN)[:, None, None]) / _SCALE
        x = F.max_pool2d(self.stem(x).relu_(), 3, 2)
        descriptors: Tensor = self.head(self.blocks(x).mean((2, 3)))
        return descriptors


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        step, border = (2, 0) if halves else (1, 1)
        self.first = nn.Conv2d(inputs, outputs, 3, step, border)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        y: Tensor = self.second(self.first(x).relu_())
        if not self.halves:
            return y.add_(x).relu_()
        x = F.avg_pool2d(x, 2)
        height, width = (max(sides) for sides in zip(x.shape[2:], y.shape[2:], strict=True))
        return (
            _filled(y, y.shape[1], height, width) + _filled(x, y.shape[1], height, width)
        ).relu_()


def _filled(
    x: Float[Tensor, "b c h w"], channels: int, height: int, width: int
) -> Float[Tensor, "b {channels} {height} {width}"]:
    """Zeros behind, below and to the right."""
    missing = (0, width - x.shape[3], 0, height - x.shape[2], 0, channels - x.shape[1])
    return F.pad(x, missing) if any(missing) else x


class DlibResNetRecognizer:
    """dlib's face descriptors, computed for 16 faces at a time.

    Each face is aligned to 150 x 150 pixels by a similarity of its eyes, nose and upper lip,
    identical to dlib's in every pixel. `DlibResNet` describes it with the shipped weights, which
    are loaded once per process. dlib rounds landmarks to whole pixels; for such landmarks,
    distances match dlib's to 1e-3.

    Args:
        device: device to run the network on.

    Example:
        >>> recognize = DlibResNetRecognizer()
        >>> recognize(torch.zeros(3, 64, 64, dtype=torch.uint8), torch.zeros(0, 68, 2)).shape
        torch.Size([0, 128])
    """

    name = "dlib-resnet"
    fingerprint = "dlib-resnet 1"
    threshold: float | None = 0.6

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    @torch.no_grad()
    def __call__(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
    ) -> Float[Tensor, "n 128"]:
        """The descriptor of each face, in order, on the CPU.

        Args:
            image: RGB.
            landmarks: iBUG-68, in pixels. A face whose landmarks are not all finite, or lie within
                a pixel, gets a row of NaN.
        Raises:
            ValueError: an image or landmarks of the wrong shape, or unreadable weights.
        """
        chips, present = face_chips(image, landmarks)
        descriptors = torch.full((len(landmarks), DESCRIPTOR_SIZE), torch.nan, device="cpu")
        if len(chips):
            network = _network(self.device)
            parts = [network(part.to(self.device)).cpu() for part in torch.split(chips, _AT_ONCE)]
            descriptors[present] = torch.cat(parts)
        return descriptors


@cache
def _network(device: str) -> DlibResNet:
    network = DlibResNet.from_pretrained(RECOGNIZER).requires_grad_(False).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
