"""Whole-image features that distinguish real from generated images, with freely licensed weights.

Source: Tan and Le, "EfficientNet", ICML 2019, see `graphgan.models.EfficientNetLite`. Published
FIDs are of another network, Inception-v3: numbers of the two cannot be compared.
"""

import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan._checks import check_positive
from graphgan._threads import results_in_order
from graphgan.data import to_float_image, to_uint8_image
from graphgan.landmarks import Crop, crop_image
from graphgan.layers._fusion import fuse
from graphgan.models import EfficientNetLite

_AT_ONCE = 2  # at this size, larger batches are slower on CPUs

_SIDE_OF_BOX = 1.25  # the replaced region fills most of it
_RAISED_BY = 0.05


class RealismFeatures(nn.Module):
    """EfficientNet-lite features for Frechet and kernel distances.

    Images are resized to the network's training size, 260 x 260 pixels for "lite2", bicubically
    with antialiasing, and clipped to 0 to 255. Images that are not square are squeezed.

    Args:
        variant: "lite2" or "lite0".
        weights: see `EfficientNetLite.pretrained`; None uses the installed package.
    Attributes:
        name: name in tables: the variant.
        of_close_ups: evaluation passes face crops (`close_up`) instead of whole images.
        fingerprint: identifies weights and size; cached features are valid as long as it does not
            change.
    Shapes:
        ``images: b 3 h w``, 8 bits -> ``b 1280``
    Raises:
        MissingExtraError: no weights given, and their package is not installed.
        ValueError: an unknown variant, a file with other content; when called: wrong images, or
            none.
    """

    of_close_ups = True

    def __init__(self, variant: str = "lite2", weights: Path | str | None = None) -> None:
        super().__init__()
        self.name = variant
        network = EfficientNetLite.pretrained(variant, weights)
        self.size = network.size
        self.fingerprint = f"{variant} {self.size} {_checksum(network)}"
        self.network = fuse(network)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster

    @torch.no_grad()
    def forward(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1280"]:
        if images.dtype != torch.uint8 or images.ndim != 4 or not len(images):
            got = f"{images.dtype} {tuple(images.shape)}"
            raise ValueError(f"expected 8-bit images of shape (b, 3, h, w), got {got}")
        parts = torch.split(images, _AT_ONCE)
        return torch.cat(list(results_in_order(parts, self._seen)))

    @torch.no_grad()  # a new thread does not inherit the caller's setting
    def _seen(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1280"]:
        return self.network(self._fitted(images))  # type: ignore[no-any-return]

    def _fitted(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 s s"]:
        size = (self.size, self.size)
        values = to_float_image(images)
        fitted = F.interpolate(values, size, mode="bicubic", antialias=True).clamp(-1, 1)
        return fitted.contiguous(memory_format=torch.channels_last)


def close_up(
    image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "k 2"], *, size: int = 260
) -> UInt8[Tensor, "3 {size} {size}"]:
    """Crop the face and little else, where `RealismFeatures` is most sensitive to changes.

    A square of 1.25 times the longer side of the landmarks' box, centered on it and raised by a
    twentieth of the side: from the forehead to below the chin. The image is reflected at its edges.

    Args:
        image: image with the face.
        landmarks: landmarks of the face, such as those before it was replaced; NaN where missing.
        size: side of the result in pixels.
    Raises:
        ValueError: no landmark is present, all present ones coincide, or a size below one pixel.

    Example:
        >>> image = torch.randint(256, (3, 90, 120), dtype=torch.uint8)
        >>> close_up(image, torch.tensor([[40.0, 30.0], [80.0, 70.0]])).shape
        torch.Size([3, 260, 260])
    """
    check_positive(size=size)
    present = landmarks[landmarks.isfinite().all(-1)]
    if not len(present) or bool((present == present[0]).all()):
        raise ValueError(f"expected landmarks of a face, got {len(present)} that are all equal")
    low, high = present.amin(0), present.amax(0)
    side = _SIDE_OF_BOX * float((high - low).max())
    x, y = ((low + high) / 2).tolist()
    crop = Crop(x - side / 2, y - (0.5 + _RAISED_BY) * side, side, side)
    return to_uint8_image(crop_image(to_float_image(image), crop, (size, size)))


def _checksum(network: nn.Module) -> str:
    """Of the weights, whatever file they came in."""
    digest = hashlib.sha256()
    for key, value in network.state_dict().items():
        digest.update(key.encode() + value.numpy().tobytes())
    return digest.hexdigest()
