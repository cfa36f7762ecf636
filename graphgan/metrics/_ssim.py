"""Structural similarity, one number an item, over an image or over the person in it.

Sources: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
IEEE TIP 2004; mask-SSIM of Ma et al., "Pose Guided Person Image Generation", NIPS 2017. Differs
from the evaluation that most papers on pose transfer share: there the range of the values is that
of each generated image, here it is that of the format, the same for every image.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_features
from graphgan.landmarks import paste
from graphgan.metrics._regions import check_pair

WINDOW = 11  # pixels a side; a Gaussian of 1.5 pixels, as kornia's always is


def ssim(
    output: Float[Tensor, "b 3 h w"],
    target: Float[Tensor, "b 3 h w"],
    *,
    mask: Float[Tensor, "b 1 h w"] | None = None,
) -> Float[Tensor, "b"]:
    """Mean over channels and places of ``l(x, y) c(x, y)`` in a Gaussian window, 1 where equal.

    ``l = (2 mu_x mu_y + C1) / (mu_x^2 + mu_y^2 + C1)``,
    ``c = (2 s_xy + C2) / (s_xx + s_yy + C2)``, C1 = 0.01^2, C2 = 0.03^2, with the values brought to
    [0, 1]: means count from black, so images in [-1, 1] would give other numbers. Between -1 and
    1. The places are those where the whole window lies inside the image, 5 pixels from its
    border and more. Computed in double precision, given back in that of the images.

    With a mask it is the mean over the places inside, weighted by it: the numbers of the region
    itself, though its windows see 5 pixels beyond its edge. NaN where the mask has no such place.
    `mask_ssim` is the published measure of a masked region, which is another one.

    Args:
        output: images in [-1, 1], with sides of at least 11.
        target: what they should be, likewise.
        mask: weights from 0 to 1.
    Raises:
        ValueError: mismatched shapes, no item, integers, a side below 11.

    Example:
        >>> picture = 2 * torch.rand(1, 3, 32, 32) - 1
        >>> ssim(picture, picture)
        tensor([1.])
    """
    from kornia.metrics import ssim as ssim_map  # slower to import than everything except torch

    _check(output, target, mask)
    # Variances are differences of close numbers; Apple GPUs lack double precision.
    precise = torch.float32 if output.device.type == "mps" else torch.float64
    x, y = ((image.to(precise) + 1) / 2 for image in (output, target))
    places = ssim_map(x, y, WINDOW, max_val=1.0, eps=0.0, padding="valid").mean(1, keepdim=True)
    edge = WINDOW // 2
    weights = torch.ones_like(places) if mask is None else mask[..., edge:-edge, edge:-edge]
    total = (places * weights).flatten(1).sum(1)
    return (total / weights.flatten(1).sum(1)).to(output.dtype)


def mask_ssim(
    output: Float[Tensor, "b 3 h w"],
    target: Float[Tensor, "b 3 h w"],
    mask: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b"]:
    """`ssim` over the whole of both images, all outside the mask made black: as published.

    Equal black counts as 1, so a small mask gives a high number whatever is inside it, and an
    empty one gives 1. Compare only numbers of the same masks, and use ``ssim(..., mask=mask)``,
    which looks at the region alone, to learn how good it is.

    Args:
        output: images in [-1, 1], with sides of at least 11.
        target: what they should be, likewise.
        mask: 1 where to look, 0 elsewhere; see `graphgan.landmarks.pose_mask`.
    Raises:
        ValueError: mismatched shapes, no item, integers, a side below 11.

    Example:
        >>> black, white = -torch.ones(1, 3, 32, 32), torch.ones(1, 3, 32, 32)
        >>> mask_ssim(black, white, torch.zeros(1, 1, 32, 32))
        tensor([1.])
    """
    _check(output, target, mask)
    black = torch.full_like(output, -1)
    return ssim(paste(output, black, mask), paste(target, black, mask))


def _check(output: Tensor, target: Tensor, mask: Tensor | None) -> None:
    check_features(output, 3, "output", smallest=WINDOW)
    check_pair(output, target, mask)
