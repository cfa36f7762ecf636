"""Anonymise aligned face crops."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.landmarks.masks import face_mask, paste
from graphgan.models.anonygan import AnonyGAN


@torch.no_grad()
def anonymize_crops(
    model: AnonyGAN,
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b k 2"],
    conditions: Float[Tensor, "b 3 h w"],
    condition_landmarks: Float[Tensor, "b k 2"],
    *,
    masks: Float[Tensor, "b 1 h w"] | None = None,
) -> Float[Tensor, "b 3 h w"]:
    """Replace every face by its condition's identity, in its own pose and expression.

    The model runs in eval mode, so an item does not depend on its neighbours, and is left in the
    mode it was in.

    Args:
        model: trained.
        images: aligned crops in [-1, 1].
        landmarks: of the crops, in pixels.
        conditions: aligned crops of the people to be shown instead.
        condition_landmarks: of the conditions, in pixels.
        masks: 1 where a crop may be changed; by default the face masks of ``landmarks``.
    Returns:
        The crops in [-1, 1], changed inside the masks only.
    Raises:
        ValueError: unlike shapes; landmarks that are missing, so that there is no mask and the
            face would come back unchanged.
    """
    masks = checked_masks(landmarks, images, masks)
    training = model.training
    try:
        output = model.eval()(conditions, images, condition_landmarks, landmarks, masks)
    finally:
        model.train(training)
    return paste(output.image.to(images.dtype), images, masks)


def checked_masks(
    landmarks: Float[Tensor, "b k 2"],
    images: Float[Tensor, "b 3 h w"],
    masks: Float[Tensor, "b 1 h w"] | None,
) -> Float[Tensor, "b 1 h w"]:
    """The masks, by default those of the faces.

    Raises:
        ValueError: an empty one: that face would come back unchanged.
    """
    if masks is None:
        masks = face_mask(landmarks, (images.shape[2], images.shape[3]))
    if empty := torch.nonzero(masks.flatten(1).sum(1) == 0).flatten().tolist():
        raise ValueError(f"expected a mask for every face, got empty ones for items {empty}")
    return masks
