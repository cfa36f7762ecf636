"""Features for standard FID: Inception-v3 with TensorFlow's image resizing."""

from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan.models._inception_v3 import InceptionV3

SIZE = 299
WEIGHTS_URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
"""Download address of the weights used for published FIDs (Apache-2.0, 91 MB)."""


class InceptionFeatures(nn.Module):
    """The 2,048 features of Inception-v3 that define FID and KID.

    Images are resized to 299 x 299 pixels as in TensorFlow 1: bilinearly between pixels
    ``floor(i n / 299)`` and the next, without antialiasing; then ``(v - 128) / 128``.

    This needs neither torch-fidelity, which torchmetrics requires, nor torchvision, only one
    weights file, see `WEIGHTS_URL`.

    Args:
        weights: ``pt_inception-2015-12-05-6726825d.pth`` of torch-fidelity's or pytorch-fid's
            releases.
    Shapes:
        ``images: b 3 h w``, 8 bits -> ``b 2048``
    Raises:
        ValueError: the file does not exist or has other weights; when called: images that are not
            8-bit, or none.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        if not Path(weights).is_file():
            raise ValueError(f"{weights}: no such file; get it with: curl -LO {WEIGHTS_URL}")
        self.path = weights
        self.network = InceptionV3.from_weights(weights)

    @torch.no_grad()
    def forward(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2048"]:
        return self.network(self._fitted(images))  # type: ignore[no-any-return]

    def classify(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1008"]:
        """Logits without their bias, as used for the Inception score."""
        return self.network.classify(self._fitted(images), bias=False)

    def _fitted(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 299 299"]:
        if images.dtype != torch.uint8 or images.ndim != 4:
            got = f"{images.dtype} {tuple(images.shape)}"
            raise ValueError(f"expected 8-bit images of shape (b, 3, h, w), got {got}")
        x = _resized(_resized(images.float(), 3), 2)
        return (x - 128) / 128


def _resized(x: Float[Tensor, "b c h w"], dim: int) -> Float[Tensor, "b c h2 w2"]:
    """Linear between neighbors along an axis, whose first pixels lie on each other."""
    length = x.shape[dim]
    places = torch.arange(SIZE, device=x.device) * (length / SIZE)
    before = places.long()
    share = (places - before).view(-1, *(1 for _ in range(x.ndim - 1 - dim)))
    one = x.index_select(dim, before)
    other = x.index_select(dim, (before + 1).clamp(max=length - 1))
    return one + (other - one) * share
