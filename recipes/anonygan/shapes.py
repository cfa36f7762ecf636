"""Learn from training landmarks to separate pose and expression from face shape."""

import torch
from options import ModelOptions

from graphgan.data import LANDMARKS_OF_68, PictureDataset
from graphgan.landmarks import (
    IBUG_68,
    LandmarkScheme,
    ShapeTransfer,
    fit_shape_transfer,
    mirror_landmarks,
)

MOST_FACES = 3_000  # more would only take longer to read


def learned_shapes(
    faces: PictureDataset, options: ModelOptions, scheme: LandmarkScheme = IBUG_68
) -> ShapeTransfer:
    """Fit `fit_shape_transfer` on faces with all landmarks, and on their mirror images."""
    by_person = sorted(range(len(faces)), key=faces.persons.__getitem__)[:MOST_FACES]
    landmarks = torch.stack([faces[i].landmarks for i in by_person])
    persons = torch.tensor([faces.persons[i] for i in by_person])
    complete = landmarks.isfinite().all(-1).all(-1)
    landmarks, persons = landmarks[complete], persons[complete]
    mirrored = mirror_landmarks(landmarks, faces.size[1], scheme)
    both = torch.cat([landmarks, mirrored])
    if scheme == IBUG_68:
        both = both[:, list(LANDMARKS_OF_68[options.num_landmarks])]
    return fit_shape_transfer(
        both,
        torch.cat([persons, persons]),
        weight=options.keep_shape,
    )
