"""Losses. They compute values; optimizer steps belong to the training loop."""

from graphgan.losses._adversarial import AdversarialLoss, AdversarialMode
from graphgan.losses._contrastive import contrastive_loss
from graphgan.losses._feature_loss import FeatureLoss
from graphgan.losses._feature_matching import WeakFeatureMatchingLoss
from graphgan.losses._gradient_penalty import (
    interpolated_gradient_penalty,
    zero_centered_gradient_penalty,
)
from graphgan.losses._perceptual import PerceptualLoss, vgg19_features
from graphgan.losses._reconstruction import reconstruction_loss

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
