"""Losses. They compute values; optimizer steps belong to the training loop."""

from graphgan.losses.adversarial import AdversarialLoss, AdversarialMode
from graphgan.losses.contrastive import contrastive_loss
from graphgan.losses.feature_loss import FeatureLoss
from graphgan.losses.feature_matching import WeakFeatureMatchingLoss
from graphgan.losses.gradient_penalty import (
    interpolated_gradient_penalty,
    zero_centered_gradient_penalty,
)
from graphgan.losses.perceptual import PerceptualLoss, vgg19_features
from graphgan.losses.reconstruction import reconstruction_loss

__all__ = [
    "AdversarialLoss",
    "AdversarialMode",
    "FeatureLoss",
    "PerceptualLoss",
    "WeakFeatureMatchingLoss",
    "contrastive_loss",
    "interpolated_gradient_penalty",
    "reconstruction_loss",
    "vgg19_features",
    "zero_centered_gradient_penalty",
]
