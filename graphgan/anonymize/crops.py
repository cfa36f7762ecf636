"""Anonymize crops of faces that are images of their own."""

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.anonymize.compositor import AlignedFaces, blend_crops, show_face_alone
from graphgan.anonymize.conditions import Condition
from graphgan.anonymize.methods import GeneratedFaces
from graphgan.data.face_batch import LANDMARKS_OF_68
from graphgan.landmarks.masks import face_mask, face_regions
from graphgan.models.anonygan import AnonyGAN
from graphgan.models.onnx_generator import OnnxAnonyGAN


def anonymize_crops(
    model: AnonyGAN | OnnxAnonyGAN,
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
    conditions: Float[Tensor, "b 3 h w"],
    condition_landmarks: Float[Tensor, "b 68 2"],
) -> Float[Tensor, "b 3 h w"]:
    """Replace every face by its condition's identity, in its own pose and expression.

    Faces are laid over the old ones as in whole photos: with the same region and soft edge. The
    model runs in eval mode, so an item does not depend on its neighbors, and is left in the mode it
    was in.

    Args:
        model: trained on crops of this size; of the 68 landmarks it is given those that it knows.
        images: aligned crops in [-1, 1].
        landmarks: of the crops, iBUG-68, in pixels.
        conditions: aligned crops of the people to be shown instead.
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
    return blend_crops(images, made, faces.masks)


@torch.no_grad()
def generate_crops(
    model: AnonyGAN,
    images: Float[Tensor, "b 3 h w"],
    landmarks: Float[Tensor, "b 68 2"],
    conditions: Float[Tensor, "b 3 h w"],
    condition_landmarks: Float[Tensor, "b 68 2"],
) -> Float[Tensor, "b 3 h w"]:
    """What the network itself makes, the whole picture I_g of [A]: nothing is laid over anything.

    Source: [A] Dall'Asen et al., ICIAP 2021, whose results are not pasted into the face mask.
    No way to anonymize photos: what is outside of the mask was never taught to be right.

    Args:
        model: put into eval mode.
        images, landmarks, conditions, condition_landmarks: as of `anonymize_crops`.
    """
    _check_shapes(images, landmarks, conditions, condition_landmarks)
    known = LANDMARKS_OF_68[model.generator.num_landmarks]
    if model.face_alone:
        conditions = show_face_alone(conditions, condition_landmarks)
    mask = face_mask(landmarks, (images.shape[2], images.shape[3]), forehead=model.forehead)
    given = (conditions, images, condition_landmarks[:, known], landmarks[:, known], mask)
    device = next(model.parameters()).device
    made: Tensor = model.eval()(*(x.to(device) for x in given)).image
    return made.to(images)


def _check_shapes(images: Tensor, landmarks: Tensor, conditions: Tensor, others: Tensor) -> None:
    points = (len(images), 68, 2)
    if images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise ValueError(f"expected images of shape (b, 3, h, w), got {tuple(images.shape)}")
    if conditions.shape != images.shape:
        raise ValueError(
            f"expected conditions of {tuple(images.shape)}, got {tuple(conditions.shape)}"
        )
    if landmarks.shape != points or others.shape != points:
        shapes = f"{tuple(landmarks.shape)} and {tuple(others.shape)}"
        raise ValueError(f"expected landmarks of shape {points}, got {shapes}")
