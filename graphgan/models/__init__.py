"""Generators and discriminators built from the blocks."""

from graphgan.models.anonygan import AnonyGAN
from graphgan.models.bigraphgan import BiGraphGAN
from graphgan.models.ciagan import CIAGANGenerator
from graphgan.models.condition_fitting import ConditionFitting
from graphgan.models.conv_graph import ConvGraph
from graphgan.models.discriminators import (
    AppearanceDiscriminator,
    LandmarkDiscriminator,
    PatchDiscriminator,
    ResNetDiscriminator,
)
from graphgan.models.feature_network import FeatureNetwork
from graphgan.models.full_resolution import generate_at_full_resolution
from graphgan.models.generator import GeneratorOutput, LandmarkGenerator
from graphgan.models.identity_network import IdentityNetwork
from graphgan.models.initialization import init_normal
from graphgan.models.pretrained import Pretrained
from graphgan.models.projected_discriminator import ProjectedDiscriminator, RandomMixing

__all__ = [
    "AnonyGAN",
    "AppearanceDiscriminator",
    "BiGraphGAN",
    "CIAGANGenerator",
    "ConditionFitting",
    "ConvGraph",
    "FeatureNetwork",
    "GeneratorOutput",
    "IdentityNetwork",
    "LandmarkDiscriminator",
    "LandmarkGenerator",
    "PatchDiscriminator",
    "Pretrained",
    "ProjectedDiscriminator",
    "RandomMixing",
    "ResNetDiscriminator",
    "generate_at_full_resolution",
    "init_normal",
]
