"""Apply a low-resolution network's changes at the full resolution of the face.

Not in the papers. The generator runs at its training size. The condition is fitted at the face's
resolution, and the generator's change to the smaller condition is upscaled and added. With ``up``
bicubic,

    I = base + up(I_small - base_small)

This preserves all details of the condition, however the generator repaints them. (Adding
``A (base - up(base_small))`` to ``up(I_small)``, the blend of [A] at full resolution, blurs large
faces where the attention A is low.) The sharpness of the base was set when it was fitted, see
`ConditionFitting`.

Source: [A] Dall'Asen et al., ICIAP 2021, section 3 (the blend).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan.models._anonygan import AnonyGAN
from graphgan.models._ciagan import resized_points


def generate_at_full_resolution(
    model: AnonyGAN,
    condition: Float[Tensor, "b 3 h w"],
    source: Float[Tensor, "b 3 h w"],
    condition_landmarks: Float[Tensor, "b k 2"],
    source_landmarks: Float[Tensor, "b k 2"],
    mask: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b 3 h w"]:
    """Generate faces for images larger than those the model was trained on.

    Args:
        model: must record its training size and blend the condition by attention.
        condition, source: in [-1, 1], of one size.
        condition_landmarks, source_landmarks: (x, y) in their pixels.
        mask: 1 inside the face.
    Raises:
        ValueError: a model without a size or with another blend, or mismatched shapes.

    Example:
        >>> from graphgan.models import LandmarkGenerator
        >>> model = AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=(32, 32)).eval()
        >>> faces, points = torch.zeros(1, 3, 80, 80), 79 * torch.rand(1, 68, 2)
        >>> mask = torch.ones(1, 1, 80, 80)
        >>> generate_at_full_resolution(model, faces, faces, points, points, mask).shape
        torch.Size([1, 3, 80, 80])
    """
    small = _trained_size(model)
    _check_shapes(condition, source, mask)
    mask = mask.to(source.dtype)
    size = (source.shape[2], source.shape[3])
    if size == small:
        inputs = (condition, source, condition_landmarks, source_landmarks, mask)
        image: Tensor = model(*inputs).image
        return image
    points = [resized_points(x, size, small) for x in (condition_landmarks, source_landmarks)]
    small_source = resized(source, small)
    small_mask = (F.adaptive_avg_pool2d(mask, small) >= 0.5).to(mask)
    fitted = condition
    if model.fitting is not None:
        fitted = model.fitting(condition, source, condition_landmarks, source_landmarks, mask)
    small_fitted = resized(fitted, small)
    output = model.of_fitted(small_fitted, small_source, points[0], points[1], small_mask)
    change = output.image - small_fitted
    changed: Tensor = fitted + resized(change, size)
    return changed.clamp(-1, 1)


def works_at_full_resolution(model: AnonyGAN) -> bool:
    """Whether `generate_at_full_resolution` supports the model: its size is known and it blends the
    condition."""
    return (
        model.size is not None
        and model.base == "condition"
        and model.generator.blend == "attend_base"
    )


def resized(images: Float[Tensor, "b c h w"], size: tuple[int, int]) -> Float[Tensor, "b c u v"]:
    """Resize bicubically, with antialiasing when shrinking."""
    if tuple(images.shape[2:]) == size:
        return images
    shrinks = size[0] < images.shape[2]
    precise = images.to(
        torch.promote_types(images.dtype, torch.float32)
    )  # not available in 16 bits
    out = F.interpolate(precise, size, mode="bicubic", antialias=shrinks, align_corners=False)
    return out.to(images.dtype)


def _trained_size(model: AnonyGAN) -> tuple[int, int]:
    if model.size is None:
        raise ValueError("expected a model that records its training size, got one without")
    if not works_at_full_resolution(model):
        raise ValueError(
            "expected a model whose attention blends the condition, got one with base "
            f"{model.base!r} and blend {model.generator.blend!r}"
        )
    return model.size


def _check_shapes(condition: Tensor, source: Tensor, mask: Tensor) -> None:
    expected = (source.shape[0], 1, *source.shape[2:])
    if condition.shape != source.shape or tuple(mask.shape) != expected:
        raise ValueError(
            f"expected a condition of {tuple(source.shape)} and a mask of {expected}, got "
            f"{tuple(condition.shape)} and {tuple(mask.shape)}"
        )
