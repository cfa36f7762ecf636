"""Blocks: small modules that are configured by channel counts and do not depend on data or
training."""

from graphgan.layers.aggregation import LandmarkAppearanceAggregation
from graphgan.layers.bipartite import BipartiteGraphConv, BipartiteReasoning, NodeReasoning
from graphgan.layers.channel_attention import (
    ChannelGate,
    EfficientChannelAttention,
    adaptive_kernel_size,
)
from graphgan.layers.cross_attention import CrossAttention
from graphgan.layers.encoders import ImageEncoder, LandmarkEncoder
from graphgan.layers.heads import AttentionHead, ImageHead, blend
from graphgan.layers.identity_embedding import IdentityEmbedding
from graphgan.layers.landmark_attention import LandmarkAttention
from graphgan.layers.landmark_stem import LandmarkStem
from graphgan.layers.light_matching import match_light
from graphgan.layers.pose_attention import PoseAttentionalTransfer
from graphgan.layers.resampling import ResidualDown, ResidualUp
from graphgan.layers.residual import ResidualBlock
from graphgan.layers.sharpness_matching import match_grain, match_sharpness

__all__ = [
    "AttentionHead",
    "BipartiteGraphConv",
    "BipartiteReasoning",
    "ChannelGate",
    "CrossAttention",
    "EfficientChannelAttention",
    "IdentityEmbedding",
    "ImageEncoder",
    "ImageHead",
    "LandmarkAppearanceAggregation",
    "LandmarkAttention",
    "LandmarkEncoder",
    "LandmarkStem",
    "NodeReasoning",
    "PoseAttentionalTransfer",
    "ResidualBlock",
    "ResidualDown",
    "ResidualUp",
    "adaptive_kernel_size",
    "blend",
    "match_grain",
    "match_light",
    "match_sharpness",
]
