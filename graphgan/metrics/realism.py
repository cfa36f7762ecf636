"""Features of whole pictures that tell real ones from made ones, by a network of free weights.

Source: Tan and Le, "EfficientNet", ICML 2019, see `graphgan.models.efficientnet_lite`. Published
FIDs are of another network, Inception-v3: numbers of the two cannot be compared.
"""

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan.data.batches import to_float_image
from graphgan.layers.fusion import fuse
from graphgan.models.efficientnet_lite import EfficientNetLite

_AT_ONCE = 4  # of these sizes, more pictures at once are slower on a processor


class RealismFeatures(nn.Module):
    """What EfficientNet-lite sees in pictures, for Frechet and kernel distances.

    Pictures are brought to the size that the network was trained at, 260 x 260 pixels for "lite2":
    bicubic, widened when shrinking so that nothing aliases, and cut off at 0 and 255. Pictures that
    are not square are squeezed.

    Args:
        variant: "lite2" or "lite0".
        weights: see `EfficientNetLite.pretrained`; None for the package that is installed.
    Attributes:
        name: in tables: the variant.
        fingerprint: of weights and size; features stay valid as long as this does not change.
    Shapes:
        ``images: b 3 h w``, 8 bits -> ``b 1280``
    Raises:
        MissingExtraError: no weights given, and their package is not installed.
        ValueError: another variant, or a file of something else; pictures that are not of 8 bits.
    """

    def __init__(self, variant: str = "lite2", weights: Path | str | None = None) -> None:
        super().__init__()
        self.name = variant
        network = EfficientNetLite.pretrained(variant, weights)
        self.size = network.size
        self.fingerprint = f"{variant} {self.size} {_checksum(network)}"
        self.network = fuse(network)

    @torch.no_grad()
    def forward(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1280"]:
        if images.dtype != torch.uint8:
            raise ValueError(f"expected pictures of 8 bits, got {images.dtype}")
        parts = [self.network(self._fitted(part)) for part in torch.split(images, _AT_ONCE)]
        return torch.cat(parts)

    def _fitted(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 s s"]:
        size = (self.size, self.size)
        values = to_float_image(images)
        return F.interpolate(values, size, mode="bicubic", antialias=True).clamp(-1, 1)


def _checksum(network: nn.Module) -> str:
    """Of the weights, whatever file they came in."""
    digest = hashlib.sha256()
    for key, value in network.state_dict().items():
        digest.update(key.encode() + value.numpy().tobytes())
    return digest.hexdigest()
