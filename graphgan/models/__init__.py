"""Generators and discriminators built from the blocks."""

from graphgan.models._anonygan import AnonyGAN
from graphgan.models._bigraphgan import NUM_JOINTS, BiGraphGAN
from graphgan.models._ciagan import SIZES, CIAGANGenerator, generator_inputs, resized_images
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
from graphgan.models._inception_v3 import InceptionV3
from graphgan.models._initialization import init_normal
from graphgan.models._onnx_export import LARGEST_DIFFERENCE, export_onnx
from graphgan.models._onnx_generator import OnnxAnonyGAN
from graphgan.models._pretrained import Pretrained
from graphgan.models._projected_discriminator import ProjectedDiscriminator, RandomMixing

__all__ = [
    "LARGEST_DIFFERENCE",
    "MIN_PATCH_SIZE",
    "NUM_JOINTS",
    "SIZES",
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
    "InceptionV3",
    "LandmarkDiscriminator",
    "LandmarkGenerator",
    "OnnxAnonyGAN",
    "PatchDiscriminator",
    "Pretrained",
    "ProjectedDiscriminator",
    "RandomMixing",
    "ResNetDiscriminator",
    "export_onnx",
    "generate_at_full_resolution",
    "generator_inputs",
    "init_normal",
    "resized_images",
]
