"""From the keys of published checkpoints to those of our modules."""

from torch import Tensor

State = dict[str, Tensor]

_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _norm(source: State, old: str, new: str) -> State:
    return {f"{new}.{key}": source[f"{old}.{key}"] for key in _NORM}


def reasoning(source: State, old: str = "", new: str = "") -> State:
    """``GloRe_Unit_2D``: A is stored transposed, 1x1 convolutions are matrices."""
    out = {
        f"{new}state.lin.weight": source[f"{old}conv_state.weight"][:, :, 0, 0],
        f"{new}state.lin.bias": source[f"{old}conv_state.bias"],
        f"{new}proj.0.weight": source[f"{old}conv_proj.weight"][:, :, 0, 0],
        f"{new}proj.0.bias": source[f"{old}conv_proj.bias"],
        f"{new}extend.lin.weight": source[f"{old}conv_extend.weight"][:, :, 0, 0],
        **_norm(source, f"{old}blocker", f"{new}norm"),
    }
    for i in (0, 1):
        gcn, nodes = f"{old}gcn{i + 1}.", f"{new}nodes.{i}."
        out[f"{nodes}adjacency"] = source[f"{gcn}conv1.weight"][:, :, 0].T
        out[f"{nodes}bias"] = source[f"{gcn}conv1.bias"]
        out[f"{nodes}lin.weight"] = source[f"{gcn}conv2.weight"][:, :, 0]
    return out


def _down(source: State, old: str, new: str) -> State:
    """What follows the first convolution of an encoder; its norm is the second published layer."""
    out = {}
    for ours, theirs in ((0, 2), (3, 5), (6, 8)):
        out |= _norm(source, f"{old}{theirs}", f"{new}{ours}")
    for ours, theirs in ((2, 4), (5, 7)):
        out[f"{new}{ours}.weight"] = source[f"{old}{theirs}.weight"]
    return out


def _block(source: State, old: str, new: str) -> State:
    out = {
        f"{new}appearance.0.weight": source[f"{old}conv_block_stream1.1.weight"],
        f"{new}appearance.4.weight": source[f"{old}conv_block_stream1.6.weight"],
        f"{new}shape.0.weight": source[f"{old}conv_block_stream2.1.weight"],
        f"{new}shape.4.weight": source[f"{old}conv_block_stream2.6.weight"],
    }
    out |= _norm(source, f"{old}conv_block_stream1.2", f"{new}appearance.1")
    out |= _norm(source, f"{old}conv_block_stream1.7", f"{new}appearance.5")
    out |= _norm(source, f"{old}conv_block_stream2.2", f"{new}shape.1")
    return out | reasoning(source, f"{old}gcn.", f"{new}reasoning.")


def generator(source: State, num_blocks: int = 6) -> State:
    """AnonyGAN's ``G``, for a `LandmarkGenerator` with joint shape encoding."""
    out = {
        "appearance_encoder.stem.weight": source["stream1_down.1.weight"],
        "shape_encoder.stem.conv.weight": source["stream2_down.1.weight"],
        **_down(source, "stream1_down.", "appearance_encoder.down."),
        **_down(source, "stream2_down.", "shape_encoder.down."),
        "image_head.up.0.weight": source["stream1_up.0.weight"],
        "image_head.up.3.weight": source["stream1_up.3.weight"],
        **_norm(source, "stream1_up.1", "image_head.up.1"),
        **_norm(source, "stream1_up.4", "image_head.up.4"),
        "image_head.to_image.weight": source["stream1_up.7.weight"],
        "image_head.to_image.bias": source["stream1_up.7.bias"],
    }
    for i in range(num_blocks):
        out |= _block(source, f"att.{i}.", f"blocks.{i}.")
    for i in range(3):
        out[f"attention_head.up.{i}.weight"] = source[f"conv_att{i + 1}.weight"]
    if "ch_att.conv.weight" in source:
        out["landmark_attention.gate.conv.weight"] = source["ch_att.conv.weight"]
    return out


def patch_discriminator(source: State) -> State:
    """AnonyGAN's ``D_gan`` and ``D_pose``."""
    names = {"down1": "first", "conv2": "to_logits"}
    names |= {old: f"layers.{i}.0" for i, old in enumerate(("down2", "down3", "down4", "conv1"))}
    out = {}
    for old, new in names.items():
        out |= {f"{new}.{key}": source[f"{old}.0.{key}"] for key in ("weight", "bias")}
        if new.startswith("layers"):
            out |= _norm(source, f"{old}.1", new.removesuffix("0") + "1")
    return out


def resnet_discriminator(source: State, num_blocks: int = 3) -> State:
    """BiGraphGAN's discriminators with BatchNorm."""
    out = {"encoder.stem.weight": source["model.1.weight"]}
    out |= _down(source, "model.", "encoder.down.")
    for i in range(num_blocks):
        old, new = f"model.{10 + i}.conv_block.", f"blocks.{i}.body."
        for ours, theirs in ((0, 1), (3, 5)):
            out[f"{new}{ours}.weight"] = source[f"{old}{theirs}.weight"]
            out |= _norm(source, f"{old}{theirs + 1}", f"{new}{ours + 1}")
    return out
