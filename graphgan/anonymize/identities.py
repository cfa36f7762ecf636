"""Anonymize aligned face crops with people that the generator was trained on (CIAGAN).

Source: [C] Maximov et al., "CIAGAN: Conditional Identity Anonymization Generative Adversarial
Networks", CVPR 2020.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from graphgan._checks import check_indices
from graphgan.anonymize.compositor import blend_crops, carry_outward
from graphgan.landmarks.masks import face_regions
from graphgan.models.ciagan import CIAGANGenerator, generator_inputs, resized_images


@torch.no_grad()
def give_identity(
    generator: CIAGANGenerator,
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
    identity: Int[Tensor, "b"],
    *,
    pasted: bool = True,
) -> Float[Tensor, "b 3 h w"]:
    """Replace every face by a training person's, in its own pose and expression.

    The generator sees the drawing of 29 landmarks and the crop without its face, both at its own
    size, runs in eval mode and is left in the mode it was in. Faces are laid over the old ones as
    in `anonymize_crops`.

    Args:
        generator: trained.
        images: aligned crops in [-1, 1].
        landmarks: of the crops, in pixels.
        identity: numbers of people of the *training* set, from 0 to ``num_identities - 1``.
        pasted: False gives the generator's own images, of which nothing is the crops'.
    Returns:
        The crops in [-1, 1], changed in the region of the face and its soft edge only.
    Raises:
        ValueError: unlike shapes; people that the generator was not trained on; landmarks that are
            missing or outside, so that the face would come back unchanged.
    """
    check_indices("identity", identity.cpu(), generator.num_identities)
    size = (images.shape[2], images.shape[3])
    regions = face_regions(landmarks, size)
    drawing, masked = generator_inputs(images, landmarks, regions, size=generator.size)
    training = generator.training
    try:
        made = generator.eval()(drawing, masked, identity.to(images.device))
    finally:
        generator.train(training)
    result = resized_images(made.to(images.dtype), size).clamp(0, 1) * 2 - 1
    return blend_crops(images, carry_outward(result, regions), regions) if pasted else result
