"""Distances between sets of images in a network's feature space: FID and the Inception score.

Sources: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
Equilibrium", NIPS 2017; Salimans et al., "Improved Techniques for Training GANs", NIPS 2016.
The network is the caller's: numbers of two networks, of two sizes of images or of two ways to
resize them cannot be compared.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan._checks import check_positive
from graphgan.data import to_uint8_image
from graphgan.extras import needs_extra
from graphgan.metrics._frechet import frechet_distance

Images = Float[Tensor, "_ 3 _ _"] | Iterable[Float[Tensor, "_ 3 _ _"]]
"""Images in [-1, 1]: ``n 3 h w`` at once, or batch by batch as ``b 3 h w``."""

_SLACK = 1e-3  # rounding may slightly exceed [-1, 1]


class InceptionScore(NamedTuple):
    """Mean and standard deviation over the splits; the deviation is NaN for a single split."""

    mean: float
    std: float


def frechet_inception_distance(
    real: Images, generated: Images, features: nn.Module, *, batch_size: int = 32
) -> float:
    """`frechet_distance` between the features of two sets of images.

    0 for equal sets, without upper bound. Fewer images give a higher distance between the same two
    sources, so compare only at equal counts, usually at least 10,000. With ``d`` images or fewer,
    the covariances are rank-deficient, and an error is raised. All features, ``n d``, are kept in
    memory.

    Args:
        real: images in [-1, 1], or an iterable of batches of them.
        generated: likewise; use the same number in every comparison.
        features: maps ``b 3 h w`` of 8 bits, 0 to 255 (uint8, as for `InceptionFeatures`), to
            ``b d``, including its own resizing and normalization. Published numbers use
            Inception-v3 with d = 2048. It runs in eval mode, on the device of its first weight.
        batch_size: maximum number of images per batch.
    Raises:
        ValueError: d images or fewer in a set; images of another shape or range, or that
            are not finite; features that are not ``b d`` or not finite.

    Example:
        >>> pictures = 2 * torch.rand(50, 3, 1, 1) - 1
        >>> distance = frechet_inception_distance(pictures, pictures, nn.Flatten())
        >>> round(distance, 3)
        0.0
    """
    seen = [_outputs(features, images, batch_size, least=2) for images in (real, generated)]
    if len(widths := {outputs.shape[1] for outputs in seen}) > 1:
        raise ValueError(f"expected features of one width, got {sorted(widths)}")
    width, count = seen[0].shape[1], min(map(len, seen))
    if count <= width:
        raise ValueError(
            f"expected more than d = {width} images in each set, got {count}: with fewer, the "
            "covariances are rank-deficient"
        )
    return frechet_distance(*seen)


def inception_score(
    generated: Images,
    classifier: nn.Module,
    *,
    splits: int = 10,
    batch_size: int = 32,
    seed: int = 0,
) -> InceptionScore:
    """``exp(mean over x of KL(p(y|x) || p(y)))``, between 1 and the number of classes.

    The images are shuffled and split into parts of ``ceil(n / splits)``, the last one smaller; p(y)
    is the mean within a part. There may be fewer parts if ``splits`` does not divide n. Differs
    from Salimans et al.: the images are shuffled, and the deviation is the sample deviation (number
    of parts minus one in the denominator).

    Args:
        generated: images in [-1, 1], or an iterable of batches of them.
        classifier: maps ``b 3 h w`` of 8 bits, 0 to 255 (uint8), to logits ``b n``, not
            probabilities. Published numbers use Inception-v3. It runs in eval mode, on the device
            of its first weight.
        splits: number of parts, at most the number of images.
        batch_size: maximum number of images per batch.
        seed: random seed of the shuffling.
    Raises:
        ValueError: fewer than two images, or than ``splits``; images of another shape or range,
            or that are not finite; logits that are not ``b n`` or not finite.
        MissingExtraError: torchmetrics is not installed.

    Example:
        >>> inception_score(torch.zeros(20, 3, 8, 8), nn.Flatten())
        InceptionScore(mean=1.0, std=0.0)
    """
    with needs_extra("recipes"):
        from torchmetrics.image.inception import InceptionScore as Metric
    check_positive(splits=splits)
    logits = _outputs(classifier, generated, batch_size, least=max(2, splits))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that all logits are kept, and that one part has no spread
        metric = Metric(feature=nn.Identity(), splits=splits, sync_on_compute=False)
        # A probability of 0 would give 0 * inf; e^-700 is equivalent and finite.
        metric.update(logits.log_softmax(1).clamp(min=-700))
        with _seeded(seed):
            mean, std = metric.compute()
    return InceptionScore(float(mean), float(std))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """torchmetrics draws from the one generator of the CPU, which is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # and not the GPU's
        yield


@torch.no_grad()
def _outputs(
    module: nn.Module, images: Images, batch_size: int, *, least: int
) -> Float[Tensor, "n d"]:
    """What the module says of all images, in double precision on the CPU; its modes are kept."""
    check_positive(batch_size=batch_size)
    device = next((t.device for t in (*module.parameters(), *module.buffers())), None)
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        batches = _batches(images, batch_size)
        outputs = [_checked(module(batch.to(device)), len(batch)) for batch in batches]
    finally:
        for part, training in modes:
            part.training = training
    if (count := sum(map(len, outputs))) < least:
        raise ValueError(f"expected at least {least} images, got {count}")
    if len(widths := {output.shape[1] for output in outputs}) > 1:
        raise ValueError(f"expected outputs of one width, got {sorted(widths)}")
    return torch.cat(outputs)


def _checked(output: object, count: int) -> Float[Tensor, "b d"]:
    if not isinstance(output, Tensor) or output.ndim != 2 or len(output) != count:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"expected {count} outputs of shape ({count}, d), got {got}")
    numbers = output.cpu().double()
    if not numbers.isfinite().all():
        raise ValueError("expected finite outputs of the network, got others")
    return numbers


def _batches(images: Images, batch_size: int) -> Iterator[UInt8[Tensor, "b 3 h w"]]:
    """As 8 bits, in batches of ``batch_size`` at most."""
    for batch in (images,) if isinstance(images, Tensor) else images:
        if batch.ndim != 4 or batch.shape[1] != 3 or not batch.is_floating_point():
            got = f"{batch.dtype} {tuple(batch.shape)}"
            raise ValueError(f"expected floating-point images of shape (n, 3, h, w), got {got}")
        if batch.numel() and not batch.abs().max() <= 1 + _SLACK:  # nor beside NaN
            low, high = batch.aminmax()
            raise ValueError(f"expected images in [-1, 1], got {low:.3g} to {high:.3g}")
        yield from (to_uint8_image(part) for part in batch.split(batch_size))
