"""Generators and discriminators built from the blocks."""

from graphgan.models._anonygan import AnonyGAN
from graphgan.models._bigraphgan import BiGraphGAN
from graphgan.models._ciagan import CIAGANGenerator, ciagan_inputs
from graphgan.models._condition_fitting import ConditionFitting
from graphgan.models._conv_graph import ConvGraph
from graphgan.models._discriminators import (
    MIN_PATCH_SIZE,
    AppearanceDiscriminator,
    LandmarkDiscriminator,
    PatchDiscriminator,
    ResNetDiscriminator,
)
from graphgan.models._efficientnet_lite import EfficientNetLite
from graphgan.models._feature_network import FeatureNetwork
from graphgan.models._full_resolution import generate_at_full_resolution
from graphgan.models._generator import GeneratorOutput, LandmarkGenerator
from graphgan.models._identity_network import IdentityNetwork
from graphgan.models._initialization import init_normal
from graphgan.models._onnx_export import export_onnx
from graphgan.models._onnx_generator import OnnxAnonyGAN
from graphgan.models._pretrained import Pretrained
from graphgan.models._projected_discriminator import ProjectedDiscriminator, RandomMixing

__all__ = [
    "MIN_PATCH_SIZE",
    "AnonyGAN",
    "AppearanceDiscriminator",
    "BiGraphGAN",
    "CIAGANGenerator",
    "ConditionFitting",
    "ConvGraph",
    "EfficientNetLite",
    "FeatureNetwork",
    "GeneratorOutput",
    "IdentityNetwork",
    "LandmarkDiscriminator",
    "LandmarkGenerator",
    "OnnxAnonyGAN",
    "PatchDiscriminator",
    "Pretrained",
    "ProjectedDiscriminator",
    "RandomMixing",
    "ResNetDiscriminator",
    "ciagan_inputs",
    "export_onnx",
    "generate_at_full_resolution",
    "init_normal",
]
