"""Anonymize aligned face crops, with people of your own (AnonyGAN) or of the training (CIAGAN).

Source of `give_identity`: [C] Maximov et al., "CIAGAN: Conditional Identity Anonymization
Generative Adversarial Networks", CVPR 2020.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from graphgan._checks import check_indices
from graphgan.anonymize._conditions import Condition
from graphgan.anonymize._methods import GeneratedFaces
from graphgan.anonymize.compositor import AlignedFaces, blend_crops, carry_outward, show_face_alone
from graphgan.data import LANDMARKS_OF_68
from graphgan.landmarks import IBUG_68, LandmarkScheme, face_mask, face_regions
from graphgan.models import AnonyGAN, CIAGANGenerator, OnnxAnonyGAN, ciagan_inputs
from graphgan.models._ciagan import resized_images


def anonymize_crops(
    model: AnonyGAN | OnnxAnonyGAN,
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
    conditions: Float[Tensor, "b 3 h w"],
    condition_landmarks: Float[Tensor, "b 68 2"],
) -> Float[Tensor, "b 3 h w"]:
    """Replace every face by the identity of its condition; pose and expression stay.

    Faces are blended as in whole photos, with the same region and soft edge. The model runs in eval
    mode, so that items do not depend on each other, and returns to its own mode.

    Args:
        model: trained on crops of this size; it gets those of the 68 landmarks that it knows.
        images: aligned crops in [-1, 1].
        landmarks: of the crops, iBUG-68, in pixels.
        conditions: aligned crops of the people to show.
        condition_landmarks: of the conditions, in pixels.
    Returns:
        The crops in [-1, 1], changed in the region of the face and its soft edge only.
    Raises:
        ValueError: unlike shapes; crops of another size than the model was trained on; landmarks
            that are missing or outside, so that the face would come back unchanged.
    """
    size = (images.shape[2], images.shape[3])
    if model.size not in (None, size):
        raise ValueError(
            f"expected crops of {model.size[1]} x {model.size[0]} pixels, which the network was "
            f"trained on, got {size[1]} x {size[0]}"
        )
    _check_shapes(images, landmarks, conditions, condition_landmarks)
    regions = face_regions(landmarks, size, forehead=model.forehead)
    people = [
        Condition(str(i), *shown)
        for i, shown in enumerate(zip(conditions, condition_landmarks, strict=True))
    ]
    training = isinstance(model, AnonyGAN) and model.training
    method = GeneratedFaces(model, size=size)  # which puts the model into eval mode
    try:
        faces = AlignedFaces(images, landmarks, regions).behind_occluders()
        made = method(faces, people)
    finally:
        if isinstance(model, AnonyGAN):
            model.train(training)
    return blend_crops(images, made, faces.masks, kept=faces.kept)


@torch.no_grad()
def generate_crops(
    model: AnonyGAN,
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b k 2"],
    conditions: Float[Tensor, "b 3 h w"],
    condition_landmarks: Float[Tensor, "b k 2"],
    *,
    scheme: LandmarkScheme = IBUG_68,
) -> Float[Tensor, "b 3 h w"]:
    """The output of the network, the whole image I_g of [A], without blending.

    Source: [A] Dall'Asen et al., ICIAP 2021, whose results are not pasted into the face mask.
    Do not anonymize photos with it: the network never learned what is outside the mask.

    Args:
        model: put into eval mode.
        images, landmarks, conditions, condition_landmarks: as of `anonymize_crops`.
        scheme: scheme of the landmarks. A network of another one than iBUG-68 gets all of them.
    """
    count = scheme.num_landmarks
    _check_shapes(images, landmarks, conditions, condition_landmarks, count=count)
    known = range(count) if scheme != IBUG_68 else LANDMARKS_OF_68[model.generator.num_landmarks]
    if model.face_alone:
        conditions = show_face_alone(conditions, condition_landmarks, scheme)
    size = (images.shape[2], images.shape[3])
    mask = face_mask(landmarks, size, forehead=model.forehead, scheme=scheme)
    given = (conditions, images, condition_landmarks[:, known], landmarks[:, known], mask)
    device = next(model.parameters()).device
    made: Tensor = model.eval()(*(x.to(device) for x in given)).image
    return made.to(images)


def _check_shapes(
    images: Tensor, landmarks: Tensor, conditions: Tensor, others: Tensor, *, count: int = 68
) -> None:
    points = (len(images), count, 2)
    if images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise ValueError(f"expected images of shape (b, 3, h, w), got {tuple(images.shape)}")
    if conditions.shape != images.shape:
        raise ValueError(
            f"expected conditions of {tuple(images.shape)}, got {tuple(conditions.shape)}"
        )
    if landmarks.shape != points or others.shape != points:
        shapes = f"{tuple(landmarks.shape)} and {tuple(others.shape)}"
        raise ValueError(f"expected landmarks of shape {points}, got {shapes}")


@torch.no_grad()
def give_identity(
    generator: CIAGANGenerator,
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
    identity: Int[Tensor, "b"],
    *,
    pasted: bool = True,
) -> Float[Tensor, "b 3 h w"]:
    """Replace every face by that of a person in the training set; pose and expression stay.

    The generator sees a drawing of 29 landmarks and the crop without its face, both at its own
    size. It runs in eval mode and returns to its own mode. Faces are blended as in
    `anonymize_crops`.

    Args:
        generator: trained.
        images: aligned crops in [-1, 1].
        landmarks: of the crops, in pixels.
        identity: numbers of people of the *training* set, from 0 to ``num_identities - 1``.
        pasted: False returns the images of the generator without blending.
    Returns:
        The crops in [-1, 1], changed in the region of the face and its soft edge only.
    Raises:
        ValueError: unlike shapes; people that the generator was not trained on; landmarks that are
            missing or outside, so that the face would come back unchanged.
    """
    check_indices("identity", identity.cpu(), generator.num_identities)
    size = (images.shape[2], images.shape[3])
    regions = face_regions(landmarks, size)
    drawing, masked = ciagan_inputs(images, landmarks, regions, size=generator.size)
    training = generator.training
    try:
        made = generator.eval()(drawing, masked, identity.to(images.device))
    finally:
        generator.train(training)
    result = resized_images(made.to(images.dtype), size).clamp(0, 1) * 2 - 1
    return blend_crops(images, carry_outward(result, regions), regions) if pasted else result
