"""Blocks: small modules that are configured by channel counts and do not depend on data or
training."""

from graphgan.layers._aggregation import LandmarkAppearanceAggregation
from graphgan.layers._bipartite import BipartiteGraphConv, BipartiteReasoning, NodeReasoning
from graphgan.layers._channel_attention import (
    ChannelGate,
    EfficientChannelAttention,
    adaptive_kernel_size,
)
from graphgan.layers._cross_attention import CrossAttention
from graphgan.layers._encoders import ImageEncoder, LandmarkEncoder
from graphgan.layers._heads import AttentionHead, ImageHead, blend
from graphgan.layers._identity_embedding import IdentityEmbedding
from graphgan.layers._landmark_attention import LandmarkAttention
from graphgan.layers._landmark_stem import LandmarkStem
from graphgan.layers._light_matching import match_light
from graphgan.layers._pose_attention import PoseAttentionalTransfer
from graphgan.layers._residual import ResidualBlock, ResidualDown, ResidualUp
from graphgan.layers._sharpness_matching import match_grain, match_sharpness

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
