"""How the keys of published checkpoints map to this library's, in the published order."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from torch import Tensor

from graphgan.layers._normalization import Norm

Form = Literal["same", "conv1d", "conv1d transposed", "conv2d"]


class Row(NamedTuple):
    """One tensor.

    Args:
        published: its key in a published checkpoint.
        ours: its key in our module.
        form: how it is stored there: as it is, or a matrix of ours as a convolution of kernel 1.
    """

    published: str
    ours: str
    form: Form = "same"

    def to_ours(self, tensor: Tensor) -> Tensor:
        if self.form == "same":
            return tensor
        matrix = tensor.flatten(1)
        return matrix.T if self.form == "conv1d transposed" else matrix

    def to_published(self, tensor: Tensor) -> Tensor:
        match self.form:
            case "same":
                return tensor
            case "conv1d":
                return tensor[..., None]
            case "conv1d transposed":
                return tensor.T[..., None]
            case "conv2d":
                return tensor[..., None, None]


Rows = Iterator[Row]


# --- BiGraphGAN and AnonyGAN ----------------------------------------------------------------------


def landmark_generator(
    *, num_blocks: int, norm: Norm, landmark_attention: bool, attention_head: bool
) -> Rows:
    """`LandmarkGenerator` with joint shape encoding."""
    if landmark_attention:
        yield Row("ch_att.conv.weight", "landmark_attention.gate.conv.weight")
    yield from _encoder("stream1_down.", "appearance_encoder.", "stem", norm)
    yield from _encoder("stream2_down.", "shape_encoder.", "stem.conv", norm)
    for i in range(num_blocks):
        yield from _block(f"att.{i}.", f"blocks.{i}.", norm)
    for i in (0, 3):
        yield from _conv(f"stream1_up.{i}", f"image_head.up.{i}", bias=norm == "instance")
        yield from _norm(f"stream1_up.{i + 1}", f"image_head.up.{i + 1}", norm)
    yield from _conv("stream1_up.7", "image_head.to_image", bias=True)
    if attention_head:
        for i in range(3):
            yield from _conv(f"conv_att{i + 1}", f"attention_head.up.{i}")


def resnet_discriminator(*, num_blocks: int, norm: Norm) -> Rows:
    """`ResNetDiscriminator`."""
    yield from _encoder("model.", "encoder.", "stem", norm)
    for i in range(num_blocks):
        for theirs, ours in ((1, 0), (5, 3)):
            old, new = f"model.{10 + i}.conv_block.", f"blocks.{i}.body."
            yield from _conv(f"{old}{theirs}", f"{new}{ours}", bias=norm == "instance")
            yield from _norm(f"{old}{theirs + 1}", f"{new}{ours + 1}", norm)


def patch_discriminator(*, norm: Norm) -> Rows:
    """`PatchDiscriminator`."""
    yield from _conv("down1.0", "first", bias=True)
    for i, name in enumerate(("down2", "down3", "down4", "conv1")):
        yield from _conv(f"{name}.0", f"layers.{i}.0", bias=True)
        yield from _norm(f"{name}.1", f"layers.{i}.1", norm)
    yield from _conv("conv2.0", "to_logits", bias=True)


def bipartite_reasoning(old: str = "", new: str = "") -> Rows:
    """`BipartiteReasoning`."""
    yield Row(f"{old}conv_state.weight", f"{new}state.lin.weight", "conv2d")
    yield Row(f"{old}conv_state.bias", f"{new}state.lin.bias")
    yield Row(f"{old}conv_proj.weight", f"{new}proj.0.weight", "conv2d")
    yield Row(f"{old}conv_proj.bias", f"{new}proj.0.bias")
    for i in (0, 1):
        gcn, nodes = f"{old}gcn{i + 1}.", f"{new}nodes.{i}."
        yield Row(f"{gcn}conv1.weight", f"{nodes}adjacency", "conv1d transposed")
        yield Row(f"{gcn}conv1.bias", f"{nodes}bias")
        yield Row(f"{gcn}conv2.weight", f"{nodes}lin.weight", "conv1d")
    yield Row(f"{old}conv_extend.weight", f"{new}extend.lin.weight", "conv2d")
    yield from _norm(f"{old}blocker", f"{new}norm", "batch")


def _encoder(old: str, new: str, stem: str, norm: Norm) -> Rows:
    bias = norm == "instance"
    yield from _conv(f"{old}1", f"{new}{stem}", bias=bias)
    yield from _norm(f"{old}2", f"{new}down.0", norm)
    for theirs, ours in ((4, 2), (7, 5)):
        yield from _conv(f"{old}{theirs}", f"{new}down.{ours}", bias=bias)
        yield from _norm(f"{old}{theirs + 1}", f"{new}down.{ours + 1}", norm)


def _block(old: str, new: str, norm: Norm) -> Rows:
    bias = norm == "instance"
    for theirs, ours in (("stream1.1", "appearance.0"), ("stream1.6", "appearance.4")):
        yield from _conv(f"{old}conv_block_{theirs}", f"{new}{ours}", bias=bias)
        yield from _norm(_next(f"{old}conv_block_{theirs}"), _next(f"{new}{ours}"), norm)
    yield from _conv(f"{old}conv_block_stream2.1", f"{new}shape.0", bias=bias)
    yield from _norm(f"{old}conv_block_stream2.2", f"{new}shape.1", norm)
    yield from _conv(f"{old}conv_block_stream2.6", f"{new}shape.4", bias=bias)
    yield from bipartite_reasoning(f"{old}gcn.", f"{new}reasoning.")


def _next(key: str) -> str:
    """``a.1`` to ``a.2``: the norm comes after its convolution."""
    name, _, number = key.rpartition(".")
    return f"{name}.{int(number) + 1}"


# --- CIAGAN ---------------------------------------------------------------------------------------


def ciagan_generator(*, num_blocks: int) -> Rows:
    """`CIAGANGenerator`."""
    for i in range(5):
        for theirs, ours in (("conv_r1", "body.1"), ("conv_r2", "body.3"), ("conv_l", "shortcut")):
            yield from _spectral(f"conv{i}.{theirs}.conv2d", f"down.{i}.0.{ours}")
        yield from _norm(f"in{i}_e", f"down.{i}.1", "affine_instance")
    yield from _spectral("embed.0.conv2d", "join.0")
    yield from _norm("embed.1", "join.1", "affine_instance")
    for i in range(num_blocks):
        old, new = f"res{i + 1}.", f"blocks.{i}.body."
        for j, (conv, norm) in {1: (0, 1), 2: (3, 4)}.items():
            yield from _spectral(f"{old}conv{j}.conv2d", f"{new}{conv}")
            yield from _norm(f"{old}in{j}", f"{new}{norm}", "affine_instance")
    for i in range(5):
        old, new = f"deconv{4 - i}.", f"up.{i}.0."
        for j, (norm, conv) in {1: (0, 3), 2: (4, 6)}.items():
            yield from _norm(f"{old}norm_r{j}", f"{new}body.{norm}", "affine_instance")
            yield from _spectral(f"{old}conv_r{j}.conv2d", f"{new}body.{conv}")
        yield from _spectral(f"{old}conv_l.conv2d", f"{new}shortcut.1")
        yield from _norm(f"in{4 - i}_d", f"up.{i}.1", "affine_instance")
    yield from _conv("conv_end.0", "to_image", bias=True)
    yield from _identity_embedding("identity_embedding.")


def _identity_embedding(new: str) -> Rows:
    yield from _conv("encode_one_hot.0", f"{new}first", bias=True)
    for i in range(6):
        yield from _conv(f"encode_one_hot.{2 * i + 2}", f"{new}lin.{i}.0", bias=True)
    for i in range(3):
        yield from _spectral(f"encode_noise.{3 * i}.conv2d", f"{new}conv.{i}.0")
        yield from _norm(f"encode_noise.{3 * i + 2}", f"{new}conv.{i}.2", "affine_instance")


def _spectral(old: str, new: str) -> Rows:
    yield Row(f"{old}.bias", f"{new}.bias")
    yield Row(f"{old}.weight_orig", f"{new}.parametrizations.weight.original")
    yield Row(f"{old}.weight_u", f"{new}.parametrizations.weight.0._u")
    yield Row(f"{old}.weight_v", f"{new}.parametrizations.weight.0._v")


# --- common ---------------------------------------------------------------------------------------


def _conv(old: str, new: str, *, bias: bool = False) -> Rows:
    yield Row(f"{old}.weight", f"{new}.weight")
    if bias:
        yield Row(f"{old}.bias", f"{new}.bias")


_KEPT: dict[Norm, tuple[str, ...]] = {
    "batch": ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"),
    "affine_instance": ("weight", "bias"),
    "instance": (),
}


def _norm(old: str, new: str, norm: Norm) -> Rows:
    if norm not in _KEPT:
        raise ValueError(f"expected a norm of the published code, got {norm!r}")
    for key in _KEPT[norm]:
        yield Row(f"{old}.{key}", f"{new}.{key}")
