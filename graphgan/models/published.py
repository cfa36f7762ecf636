"""Checkpoints of the published AnonyGAN, BiGraphGAN and CIAGAN code, as our modules and back.

``python -m graphgan.models.published FILE --kind anonygan_generator --out FILE.safetensors``
converts one once and for all; ``AnonyGAN.from_pretrained`` and its like open what it wrote.

Nothing of the published code is needed: keys and shapes say which variant it is. The formulas are
those of [A] Dall'Asen et al., ICIAP 2021, [B] Tang et al., BMVC 2020, and [C] Maximov et al., CVPR
2020, with the choices of the published code where they differ from the papers.
"""

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch
from safetensors.torch import load_file
from torch import Tensor

from graphgan._checks import check_choice
from graphgan._states import mismatch
from graphgan.commands import run_command
from graphgan.extras import needs_extra
from graphgan.layers.normalisation import Norm
from graphgan.models import _published_layouts as layouts
from graphgan.models._pretrained import Pretrained
from graphgan.models._published_layouts import Row
from graphgan.models.anonygan import AnonyGAN
from graphgan.models.bigraphgan import BiGraphGAN
from graphgan.models.ciagan import CIAGANGenerator
from graphgan.models.discriminators import (
    AppearanceDiscriminator,
    LandmarkDiscriminator,
    PatchDiscriminator,
    ResNetDiscriminator,
)
from graphgan.models.generator import LandmarkGenerator

Kind = Literal[
    "anonygan_generator",
    "anonygan_appearance_discriminator",
    "anonygan_landmark_discriminator",
    "bigraphgan_market_generator",
    "bigraphgan_deepfashion_generator",
    "bigraphgan_discriminator",
    "ciagan_generator",
]
State = dict[str, Tensor]

_LISTED = 12  # keys of each kind that an error names
_PREFIXES: dict[Kind, str] = {
    "anonygan_generator": "G.",
    "anonygan_appearance_discriminator": "D_gan.",
    "anonygan_landmark_discriminator": "D_pose.",
    "bigraphgan_market_generator": "model.",
    "bigraphgan_deepfashion_generator": "model.",
}
"""What stands before the keys of a network in checkpoints that hold several, or hold it wrapped."""


def load_published(kind: Kind, source: Mapping[str, Any] | str | Path) -> Pretrained:
    """The network of a published checkpoint, in eval mode, configured as the published code.

    Numbers of landmarks, channels, blocks and identities, landmark attention and the kind of norm
    follow from the keys and shapes. ``state_dict``, ``module.``, ``G.`` and their like are taken
    off; running statistics that an old InstanceNorm left behind are dropped.

    Args:
        kind: what it is.
        source: a state dict, or a file: safetensors, or a pickle of tensors (which is read without
            running any code of it).
    Returns:
        `AnonyGAN`, `AppearanceDiscriminator`, `LandmarkDiscriminator`, `BiGraphGAN`,
        `ResNetDiscriminator` or `CIAGANGenerator`.
    Raises:
        ValueError: an unknown kind, an unreadable file, keys that are missing, left over or of
            another shape (they are listed, by their published names).
    """
    return convert(kind, source).module


class Conversion(NamedTuple):
    """A network, the published state it was filled from, and which key went where."""

    module: Pretrained
    state: State
    rows: list[Row]


def convert(kind: Kind, source: Mapping[str, Any] | str | Path) -> Conversion:
    """`load_published`, with an account of what it did."""
    check_choice("kind", kind, get_args(Kind))
    if not isinstance(source, (str, Path)):
        return _convert(kind, source)
    try:
        return _convert(kind, _read(Path(source)))
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def to_published(module: Pretrained) -> State:
    """The inverse of `load_published`: every tensor under its published key, without prefix.

    ``to_published(load_published(kind, state))`` is ``state`` bit for bit and in its order, without
    what was taken off it.

    Raises:
        ValueError: a network that the published code has no configuration for.
    """
    kind, state = _kind_of(module), module.state_dict()
    rows = list(_rows(module))
    if missing := [row.ours for row in rows if row.ours not in state]:
        raise ValueError(f"expected a network of the published code, it has no {missing[0]}")
    published = {row.published: row.to_published(state[row.ours]) for row in rows}
    options, known = _options(module), _options(_build(kind, published))
    if other := [f"{name} {options[name]!r}" for name in options if options[name] != known[name]]:
        raise ValueError(f"expected options that the published code has, got {', '.join(other)}")
    layout = torch.contiguous_format
    return {key: tensor.detach().clone(memory_format=layout) for key, tensor in published.items()}


def _options(module: Pretrained) -> dict[str, Any]:
    """What the outputs depend on, given the weights."""
    options: dict[str, Any] = module.config | module.config.get("generator", {})
    options.pop("generator", None)
    if "num_nodes" in options:
        options["num_nodes"] = options["num_nodes"] or options["width"]
        del options["dropout"]
        if options["landmark_attention"] is None:
            del options["attention_order"]
    return options


# --- reading --------------------------------------------------------------------------------------


def _convert(kind: Kind, content: Mapping[str, Any]) -> Conversion:
    state = _without_stale_statistics(_unwrapped(kind, content))
    module = _build(kind, state)
    rows, own = list(_rows(module)), module.state_dict()
    expected = {row.published: row.to_published(own[row.ours]) for row in rows}
    if problems := mismatch(expected, state, at_most=_LISTED):
        raise ValueError(f"expected the keys of {kind}: {problems}")
    if bad := [key for key, value in state.items() if not torch.isfinite(value).all()]:
        raise ValueError(f"expected finite weights, got others in {', '.join(bad[:_LISTED])}")
    module.load_state_dict({row.ours: row.to_ours(state[row.published]) for row in rows})
    return Conversion(module.eval(), state, rows)


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise ValueError("expected a checkpoint, found no such file")
    content: Any
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about pickles that are refused anyway
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged archive or a foreign pickle makes of it
        raise ValueError(
            "expected a checkpoint of tensors, it is damaged or holds something else"
        ) from error
    if not isinstance(content, Mapping):
        raise ValueError(f"expected a checkpoint, got {type(content).__name__}")
    return content


def _unwrapped(kind: Kind, content: Mapping[str, Any]) -> State:
    while isinstance(inner := content.get("state_dict"), Mapping):
        content = inner
    state = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise ValueError(f"expected tensors by name, got {', '.join(map(str, content)) or 'none'}")
    before = None
    while before != (before := len(next(iter(state)))):
        state = _without_prefix(state, "module.", shared=True)
        if kind in _PREFIXES:
            state = _without_prefix(state, _PREFIXES[kind], shared=False)
    return state


def _without_prefix(state: State, prefix: str, *, shared: bool) -> State:
    """Keys with the prefix, without it; all as they are where none has it (or not all share it)."""
    inner = {key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)}
    return inner if inner and (not shared or len(inner) == len(state)) else state


def _without_stale_statistics(state: State) -> State:
    """A norm with running statistics and no scale is an InstanceNorm, which uses none."""
    names = ("running_mean", "running_var", "num_batches_tracked")

    def is_stale(key: str) -> bool:
        norm, _, name = key.rpartition(".")
        return name in names and f"{norm}.weight" not in state

    return {key: value for key, value in state.items() if not is_stale(key)}


# --- variants -------------------------------------------------------------------------------------


def _build(kind: Kind, state: State) -> Pretrained:
    """An empty network of the variant that the keys and shapes tell."""
    see = _Shapes(kind, state)
    match kind:
        case "anonygan_generator":
            options = _generator_options(see, "batch")
            options |= {"attention_order": "condition_first", "blend": "attend_intermediate"}
            has_attention = "ch_att.conv.weight" in state
            options["landmark_attention"] = "gap" if has_attention else None
            base: Literal["context", "condition"] = (
                "context" if options["appearance_channels"] == 6 else "condition"
            )
            return AnonyGAN(LandmarkGenerator(**options), base=base)
        case "bigraphgan_market_generator":
            return BiGraphGAN.of("market", **_generator_options(see, "batch"))
        case "bigraphgan_deepfashion_generator":
            return BiGraphGAN.of("deepfashion", **_generator_options(see, "instance"))
        case "anonygan_appearance_discriminator":
            return AppearanceDiscriminator(width=see.shape("down1.0.weight")[0])
        case "anonygan_landmark_discriminator":
            width, channels = see.shape("down1.0.weight")[:2]
            if channels <= 6:  # an image beside the condition
                raise ValueError(f"expected 3 channels and one a landmark, got {channels} in all")
            return LandmarkDiscriminator(channels - 3, width=width)
        case "bigraphgan_discriminator":
            width, channels = see.shape("model.1.weight")[:2]
            norm: Norm = "instance" if "model.1.bias" in state else "batch"
            blocks = see.count(r"model\.(\d+)\.conv_block\.1\.weight")
            return ResNetDiscriminator(channels, width=width, num_blocks=blocks, norm=norm)
        case "ciagan_generator":
            identities = see.shape("encode_one_hot.0.weight")[1]
            blocks = see.count(r"res(\d+)\.conv1\.conv2d\.weight_orig")
            width = see.shape("encode_noise.0.conv2d.weight_orig")[1]
            return CIAGANGenerator(identities, width=width, num_blocks=blocks)


def _generator_options(see: "_Shapes", norm: Norm) -> dict[str, Any]:
    width, channels = see.shape("stream1_down.1.weight")[:2]
    return {
        "appearance_channels": channels,
        "num_landmarks": see.shape("stream2_down.1.weight")[1] // 2,
        "width": width,
        "num_blocks": see.count(r"att\.(\d+)\.conv_block_stream1\.1\.weight"),
        "num_nodes": see.shape("att.0.gcn.conv_proj.weight")[0],
        "shape_encoding": "joint",
        "norm": norm,
    }


@dataclass(frozen=True)
class _Shapes:
    """What a state says about its network, before it is known whether it is one."""

    kind: Kind
    state: State

    def shape(self, key: str) -> torch.Size:
        if key not in self.state or self.state[key].ndim < 2:
            raise ValueError(f"expected the keys of {self.kind}: {key} missing")
        return self.state[key].shape

    def count(self, pattern: str) -> int:
        return len([key for key in self.state if re.fullmatch(pattern, key)])


def _rows(module: Pretrained) -> Iterable[Row]:
    match module:
        case AnonyGAN() | BiGraphGAN():
            generator = module.generator
            rows = layouts.landmark_generator(
                num_blocks=len(generator.blocks),
                norm=generator.config["norm"],
                landmark_attention=generator.config["landmark_attention"] is not None,
                attention_head=generator.blend != "none",
            )
            return [row._replace(ours=f"generator.{row.ours}") for row in rows]
        case PatchDiscriminator():
            return layouts.patch_discriminator()
        case ResNetDiscriminator():
            norm = module.config["norm"]
            return layouts.resnet_discriminator(num_blocks=len(module.blocks), norm=norm)
        case CIAGANGenerator():
            return layouts.ciagan_generator(num_blocks=len(module.blocks))
        case _:
            raise ValueError(f"expected a network of the papers, got {type(module).__name__}")


def _kind_of(module: Pretrained) -> Kind:
    match module:
        case AnonyGAN():
            return "anonygan_generator"
        case BiGraphGAN() if module.generator.blend == "none":
            return "bigraphgan_deepfashion_generator"
        case BiGraphGAN():
            return "bigraphgan_market_generator"
        case AppearanceDiscriminator():
            return "anonygan_appearance_discriminator"
        case LandmarkDiscriminator():
            return "anonygan_landmark_discriminator"
        case ResNetDiscriminator():
            return "bigraphgan_discriminator"
        case CIAGANGenerator():
            return "ciagan_generator"
        case _:
            raise ValueError(f"expected a network of the papers, got {type(module).__name__}")


if __name__ == "__main__":
    with needs_extra("recipes"):
        from graphgan.models import _published_command as command
    run_command(command.main, command.Options)
