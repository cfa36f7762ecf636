"""Fit a condition to the source's pose and lighting before a generator sees it.

Not in the papers.
"""

from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from graphgan.landmarks import (
    CIAGAN_29,
    IBUG_68,
    ShapeTransfer,
    bend_both_sides,
    bend_to_landmarks,
    between_shapes,
    mirror_toward,
    transfer_shape,
)
from graphgan.landmarks._mouth import mouth_masks, paint_mouths, with_corners_of
from graphgan.landmarks._openings import with_openings_of
from graphgan.layers import match_light, match_sharpness
from graphgan.weights import weights_file
from graphgan.weights._catalog import TEETH

_SCHEMES = {scheme.num_landmarks: scheme for scheme in (IBUG_68, CIAGAN_29)}


class ConditionFitting(nn.Module):
    """Warp the condition to the source's landmarks and match it to the source's lighting.

    Args:
        num_landmarks: k.
        bend: how far to warp: 1 moves its landmarks to the targets, 0.7 to a 7:3 mix of the targets
            and its own aligned landmarks, see `between_shapes`, and 0 not at all. Lower values keep
            more of the condition's face shape.
        keep_shape: if above 0, the targets are not the source's landmarks but the condition's face
            in the source's pose and expression, see `transfer_shape`. The value is the weight for
            `fit_shape_transfer`; call `learn_shapes` before training.
        mirror: mirror the condition if that brings its pose nearer, see `mirror_toward`, and fill
            in its hidden side from its mirror image, see `bend_both_sides`. Supports the 68
            landmarks of faces and CIAGAN's 29.
        keep_openings: move the corners of the mouth to where they are in the source, open mouth and
            eyes as far as the source's, and give open mouths an inside that `keep_mouths`
            preserves, see `with_corners_of`, `with_openings_of` and `paint_mouths`. Requires 68
            landmarks, which describe eyes poorly: `with_eyes_of` treats eyes in results.
        match_light: match skin tone and lighting to the source's face, see `match_light`.
        match_sharpness: make it no sharper than the source's face, see `match_sharpness`.
    Shapes:
        ``condition, source: b 3 h w`` in [-1, 1], ``condition_landmarks, source_landmarks: b k 2``
        in pixels, ``mask: b 1 h w``, 1 in the hole (looked at to match light or sharpness)
        -> ``b 3 h w`` in [-1, 1]
    Raises:
        ValueError: a bend outside 0 to 1, a negative weight, a weight, openings or mirroring
            without a bend, or landmarks that mirroring or openings do not support.

    Example:
        >>> faces, points = torch.zeros(2, 3, 32, 32), 31 * torch.rand(2, 68, 2)
        >>> ConditionFitting(68, bend=1.0)(faces, faces, points, points, None).shape
        torch.Size([2, 3, 32, 32])
    """

    mean: Tensor
    matrix: Tensor
    teeth: Tensor

    def __init__(
        self,
        num_landmarks: int,
        *,
        bend: float = 0.0,
        keep_shape: float = 0.0,
        mirror: bool = False,
        keep_openings: bool = False,
        match_light: bool = False,
        match_sharpness: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= bend <= 1:
            raise ValueError(f"expected a bend from 0 to 1, got {bend}")
        if keep_shape < 0 or (keep_shape > 0 and bend == 0):
            raise ValueError(
                f"expected keep_shape of at least 0, with a bend above 0, got {keep_shape} and "
                f"{bend}"
            )
        if mirror and (num_landmarks not in _SCHEMES or bend == 0):
            known = " or ".join(map(str, _SCHEMES))
            raise ValueError(
                f"expected {known} landmarks and a bend above 0 for mirror, got {num_landmarks} "
                f"and {bend}"
            )
        if keep_openings and (num_landmarks != IBUG_68.num_landmarks or bend == 0):
            raise ValueError(
                "expected 68 landmarks and a bend above 0 for keep_openings, got "
                f"{num_landmarks} and {bend}"
            )
        self.num_landmarks = num_landmarks
        self.bend = bend
        self.keep_shape = keep_shape
        self.mirror = mirror
        if keep_shape:
            self.register_buffer("mean", torch.zeros(num_landmarks, 2))
            matrix = torch.zeros(2 * num_landmarks, 2 * num_landmarks)
            self.register_buffer("matrix", matrix.fill_diagonal_(1))
        if keep_openings:
            self.register_buffer("teeth", _shipped_teeth(), persistent=False)
        flags = {
            "mirror": mirror,
            "keep_openings": keep_openings,
            "match_light": match_light,
            "match_sharpness": match_sharpness,
        }
        self.keep_openings = keep_openings
        self.match_light = match_light
        self.match_sharpness = match_sharpness
        self.config: dict[str, Any] = {"bend": bend}
        if keep_shape:
            self.config["keep_shape"] = keep_shape
        self.config |= {name: True for name, chosen in flags.items() if chosen}

    def learn_shapes(self, transfer: ShapeTransfer) -> None:
        """Store what `fit_shape_transfer` learned with the weight ``keep_shape``."""
        self.mean.copy_(transfer.mean)
        self.matrix.copy_(transfer.matrix)

    @property
    def sees_source(self) -> bool:
        """Whether it uses the source's image and needs a mask."""
        return self.match_light or self.match_sharpness

    def forward(
        self,
        condition: Float[Tensor, "b 3 h w"],
        source: Float[Tensor, "b 3 h w"],
        condition_landmarks: Float[Tensor, "b k 2"],
        source_landmarks: Float[Tensor, "b k 2"],
        mask: Float[Tensor, "b 1 h w"] | None,
    ) -> Float[Tensor, "b 3 h w"]:
        places = (condition_landmarks, source_landmarks)
        fitted = self.bent(condition, *places)
        if self.match_light:
            fitted = match_light(fitted, source, _given(mask))
        if self.keep_openings:
            targets = self._placed(condition, *places)
            fitted = paint_mouths(fitted, targets, self.teeth)
            if mask is not None:  # sharpness is measured on skin, not on teeth
                mask = mask * (1 - _mouth_masks(targets, mask))
        if self.match_sharpness:
            fitted = match_sharpness(fitted, source, _given(mask))
        return fitted

    def bent(
        self,
        condition: Float[Tensor, "b 3 h w"],
        landmarks: Float[Tensor, "b k 2"],
        source_landmarks: Float[Tensor, "b k 2"],
    ) -> Float[Tensor, "b 3 h w"]:
        """The condition in the source's pose, if warping is enabled."""
        if not self.bend:
            return condition
        if not self.mirror:
            targets = self.targets(landmarks, source_landmarks)
            return bend_to_landmarks(condition, landmarks, targets)
        scheme = _SCHEMES[self.num_landmarks]
        condition, landmarks = mirror_toward(condition, landmarks, source_landmarks, scheme)
        targets = self.targets(landmarks, source_landmarks)
        return bend_both_sides(condition, landmarks, targets, scheme)

    def keep_mouths(
        self,
        images: Float[Tensor, "b 3 h w"],
        fitted: Float[Tensor, "b 3 h w"],
        condition_landmarks: Float[Tensor, "b k 2"],
        source_landmarks: Float[Tensor, "b k 2"],
    ) -> Float[Tensor, "b 3 h w"]:
        """The generated image, with the painted insides of open mouths from ``fitted``."""
        if not self.keep_openings:
            return images
        targets = self._placed(images, condition_landmarks, source_landmarks)
        return images + _mouth_masks(targets, images) * (fitted.to(images) - images)

    def _placed(
        self, images: Tensor, landmarks: Tensor, source_landmarks: Tensor
    ) -> Float[Tensor, "b k 2"]:
        """`targets`, of what the mirror shows where it is looked at."""
        if self.mirror:
            scheme = _SCHEMES[self.num_landmarks]
            _, landmarks = mirror_toward(images[:, :1], landmarks, source_landmarks, scheme)
        return self.targets(landmarks, source_landmarks)

    def targets(
        self, condition_landmarks: Float[Tensor, "b k 2"], source_landmarks: Float[Tensor, "b k 2"]
    ) -> Float[Tensor, "b k 2"]:
        """Target positions of the condition's landmarks."""
        targets = source_landmarks
        if self.keep_shape:
            transfer = ShapeTransfer(self.mean, self.matrix)
            targets = transfer_shape(condition_landmarks, source_landmarks, transfer)
        targets = between_shapes(condition_landmarks, targets, share=self.bend)
        if not self.keep_openings:
            return targets
        return with_openings_of(with_corners_of(targets, source_landmarks), source_landmarks)

    def extra_repr(self) -> str:
        return ", ".join([str(self.num_landmarks), *(f"{k}={v}" for k, v in self.config.items())])


def _mouth_masks(
    landmarks: Float[Tensor, "b 68 2"], like: Float[Tensor, "b _ h w"]
) -> Float[Tensor, "b 1 h w"]:
    return mouth_masks(landmarks, (like.shape[2], like.shape[3])).to(like)


def _given(mask: Tensor | None) -> Tensor:
    if mask is None:
        raise ValueError("expected a mask of the face to match light or sharpness, got none")
    return mask


def _shipped_teeth() -> Float[Tensor, "2 p q"]:
    """Teeth of no real person, see ``scripts/compose_teeth.py``; the same for every device."""
    with torch.device("cpu"):
        return load_file(weights_file(TEETH))["teeth"].float()
