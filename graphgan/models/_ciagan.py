"""CIAGAN: generates the face of a chosen person from a landmark drawing and a masked image.

Source: [C] Maximov et al., "CIAGAN: Conditional Identity Anonymization Generative Adversarial
Networks", CVPR 2020, https://arxiv.org/abs/2005.09544. Differs from the authors' code: a person is
a number instead of a one-hot vector, and generators for smaller images omit the innermost blocks
instead of the outermost.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from graphgan._checks import check_choice, check_features, check_positive
from graphgan.landmarks import CIAGAN_29, IBUG_68, draw_lines
from graphgan.landmarks._maps import check_landmarks
from graphgan.landmarks._schemes import CIAGAN_29_INDICES
from graphgan.layers import IdentityEmbedding, ResidualBlock, ResidualDown, ResidualUp
from graphgan.layers._convolution import spectral_conv
from graphgan.layers._normalization import make_norm
from graphgan.models._pretrained import Pretrained

_DEPTHS = {64: 4, 128: 5}  # sides of images: how many blocks bring them to a code of 4 x 4


class CIAGANGenerator(Pretrained):
    """Encode the images, add an identity to the code, and decode it through residual blocks.

        code   = down([drawing | masked])                      8w x 4 x 4
        joined = norm(conv([code | embedding(identity)]))      8w x 4 x 4
        image  = conv(up(residual(joined)))

    Channels are w, 2w, 4w, 8w, 8w on the way down and 8w, 4w, 2w, w, w / 2 on the way up (at 64
    pixels without the innermost of each). Each block down and up is followed by an InstanceNorm
    with scale and shift. Every convolution except the last has spectral normalization.

    The network only knows the people it was trained on; an identity is the number of one of them.
    Images must be in [0, 1], because the first operation on them is a ReLU.

    Args:
        num_identities: people that there are to choose from.
        width: w; must be even.
        num_blocks: number of residual blocks in the middle.
        size: side of the images: 128 as published, or 64.
        people: names of the identities in the order of their numbers; None if unknown.
    Attributes:
        num_identities, size, people: as given.
    Shapes:
        ``drawing, masked: b 3 size size`` in [0, 1], ``identity: b`` from 0 to
        ``num_identities - 1`` -> ``b 3 size size``, [0, 1] as far as it has learned it
    Raises:
        ValueError: wrong shapes; identities that are not integers or out of range; names whose
            number differs from ``num_identities`` or that repeat.

    Example:
        >>> generator = CIAGANGenerator(10, num_blocks=1)
        >>> picture = torch.zeros(1, 3, 128, 128)
        >>> generator(picture, picture, torch.tensor([7])).shape
        torch.Size([1, 3, 128, 128])
    """

    SIZES: ClassVar[tuple[int, ...]] = tuple(_DEPTHS)
    """Sides of images that it supports."""

    def __init__(
        self,
        num_identities: int = 1200,
        *,
        width: int = 32,
        num_blocks: int = 4,
        size: int = 128,
        people: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        check_positive(num_identities=num_identities, num_blocks=num_blocks)
        check_choice("size", size, self.SIZES)
        if width < 2 or width % 2:
            raise ValueError(f"expected an even width, got {width}")
        self.num_identities = num_identities
        self.size = size
        self.people = _checked_names(people, num_identities)
        self.config = {"num_identities": num_identities, "width": width, "num_blocks": num_blocks}
        if size != 128:
            self.config["size"] = size
        if self.people is not None:
            self.config["people"] = list(self.people)
        depth = _DEPTHS[size]
        down = (6, width, 2 * width, 4 * width, 8 * width, 8 * width)[: depth + 1]
        up = (*down[:0:-1], width // 2)
        self.down = nn.Sequential(
            *(_normed(ResidualDown(down[i], down[i + 1]), down[i + 1]) for i in range(depth))
        )
        self.identity_embedding = IdentityEmbedding(num_identities, width=width)
        joined = down[-1] + self.identity_embedding.out_channels
        self.join = _normed(spectral_conv(joined, up[0]), up[0])
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(up[0], norm="affine_instance", spectral=True)
                for _ in range(num_blocks)
            )
        )
        self.up = nn.Sequential(
            *(_normed(ResidualUp(up[i], up[i + 1]), up[i + 1]) for i in range(depth))
        )
        self.to_image = nn.Conv2d(up[-1], 3, 3, padding=1)

    def number_of(self, person: str) -> int:
        """The number of the training person with this name.

        Raises:
            ValueError: no person with this name, or the network has no names.
        """
        if self.people is None:
            raise ValueError(
                f"expected a number from 0 to {self.num_identities - 1}: this network does not "
                f"know the names of its training people, got {person!r}"
            )
        if person not in self.people:
            raise ValueError(
                f"expected one of the {self.num_identities} people that the network was trained "
                f"on, such as {', '.join(self.people[:3])}; got {person!r}"
            )
        return self.people.index(person)

    def forward(
        self,
        drawing: Float[Tensor, "b 3 h w"],
        masked: Float[Tensor, "b 3 h w"],
        identity: Int[Tensor, "b"],
    ) -> Float[Tensor, "b 3 h w"]:
        check_features(drawing, 3, "drawing")
        if drawing.shape[2:] != (self.size, self.size) or masked.shape != drawing.shape:
            raise ValueError(
                f"expected two images of shape (b, 3, {self.size}, {self.size}), got "
                f"{tuple(drawing.shape)} and {tuple(masked.shape)}"
            )
        if identity.shape != drawing.shape[:1]:
            raise ValueError(
                f"expected {len(drawing)} identities, got a tensor of shape {tuple(identity.shape)}"
            )
        code = self.down(torch.cat([drawing, masked], dim=1))
        code = self.join(torch.cat([code, self.identity_embedding(identity)], dim=1))
        image: Tensor = self.to_image(self.up(self.blocks(code)))
        return image


def ciagan_inputs(
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
    masks: Float[Tensor, "b 1 h w"],
    *,
    size: int,
) -> tuple[Float[Tensor, "b 3 s s"], Float[Tensor, "b 3 s s"]]:
    """Inputs of a `CIAGANGenerator`: landmark drawings and masked images, both in [0, 1].

    Both have the dtype of the images, whatever the dtypes of landmarks and masks.

    The drawing shows the jaw, the bridge of the nose and the inner lips; the masked face is black.

    Args:
        images: in [-1, 1], of any size.
        landmarks: in pixels of the images.
        masks: 1 inside the face.
        size: size of the generator's images.
    Raises:
        ValueError: landmarks of another scheme.
    """
    check_landmarks(landmarks, count=IBUG_68.num_landmarks)
    resized = resized_points(landmarks, (images.shape[2], images.shape[3]), (size, size))
    drawing = draw_lines(resized[:, CIAGAN_29_INDICES], CIAGAN_29, (size, size))
    masked = (images + 1) / 2 * (1 - masks).to(images.dtype)
    return (drawing.to(images.dtype) + 1) / 2, resized_images(masked, (size, size))


def resized_images(
    images: Float[Tensor, "b c h w"], size: tuple[int, int]
) -> Float[Tensor, "b c h2 w2"]:
    """Resize bilinearly, with antialiasing when shrinking; images already of that size are returned
    unchanged."""
    if images.shape[2:] == size:
        return images
    precise = images.to(
        torch.promote_types(images.dtype, torch.float32)
    )  # not available in 16 bits
    return F.interpolate(precise, size, mode="bilinear", antialias=True).to(images.dtype)


def resized_points(
    landmarks: Float[Tensor, "b k 2"], given: tuple[int, int], size: tuple[int, int]
) -> Float[Tensor, "b k 2"]:
    """Landmark positions after images of height and width ``given`` are resized to ``size``."""
    scale = landmarks.new_tensor([size[1] / given[1], size[0] / given[0]])
    return (landmarks + 0.5) * scale - 0.5  # pixel centers are integers


def _checked_names(people: Sequence[str] | None, count: int) -> tuple[str, ...] | None:
    if people is None:
        return None
    if len(people) != count:
        raise ValueError(f"expected the names of {count} people or none, got {len(people)}")
    if len(set(people)) < count:
        raise ValueError(f"expected different names, got {count - len(set(people))} duplicates")
    return tuple(map(str, people))


def _normed(block: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(block, make_norm("affine_instance", channels))
