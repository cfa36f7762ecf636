"""Convert checkpoints of the published AnonyGAN, BiGraphGAN and CIAGAN code, and back.

Run ``python -m graphgan.models.published FILE --kind anonygan_generator --out FILE.safetensors``
once; ``AnonyGAN.from_pretrained`` and similar methods open the result.

The published code is not needed: the variant is inferred from keys and shapes. The formulas are
those of [A] Dall'Asen et al., ICIAP 2021, [B] Tang et al., BMVC 2020, and [C] Maximov et al., CVPR
2020, with the published code's choices where it differs from the papers.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch

from graphgan._checks import check_choice
from graphgan._states import fill, mismatch, some
from graphgan._tensor_files import read_tensors
from graphgan.commands import exit_with
from graphgan.models import _published_layouts as layouts
from graphgan.models._anonygan import AnonyGAN
from graphgan.models._bigraphgan import BiGraphGAN
from graphgan.models._ciagan import CIAGANGenerator
from graphgan.models._discriminators import (
    AppearanceDiscriminator,
    LandmarkDiscriminator,
    ResNetDiscriminator,
)
from graphgan.models._pretrained import Pretrained
from graphgan.models._published_layouts import Row
from graphgan.models._weight_files import State, unwrapped

Kind = Literal[
    "anonygan_generator",
    "anonygan_appearance_discriminator",
    "anonygan_landmark_discriminator",
    "bigraphgan_market_generator",
    "bigraphgan_deepfashion_generator",
    "bigraphgan_discriminator",
    "ciagan_generator",
]

_LISTED = 12  # keys of each kind to list in an error
_ANONYGAN = ("G.", "D_gan.", "D_pose.")  # its three networks in one checkpoint
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def load_published(kind: Kind, source: Mapping[str, Any] | str | Path) -> Pretrained:
    """Load a published checkpoint as a network in eval mode, configured like the published code.

    The numbers of landmarks, channels, blocks and identities, and the presence of landmark
    attention, are inferred from keys and shapes. Prefixes such as ``state_dict``, ``module.`` and
    ``G.`` are removed, and running statistics left behind by an old InstanceNorm are dropped. Half
    and double precision become float32.

    Args:
        kind: which network the checkpoint holds.
        source: a state dict, or a file: safetensors, or a pickle of tensors and plain values (read
            without executing code).
    Returns:
        `AnonyGAN`, `AppearanceDiscriminator`, `LandmarkDiscriminator`, `BiGraphGAN`,
        `ResNetDiscriminator` or `CIAGANGenerator`.
    Raises:
        ValueError: an unknown kind, a file with other content, keys that are missing, unexpected or
            of the wrong shape (listed by their published names), or weights that are not finite.
        OSError: the file does not exist or cannot be read.
    """
    return convert(kind, source).module


class Conversion(NamedTuple):
    """A converted network, the published state it was loaded from, and the mapping of keys."""

    module: Pretrained
    state: State
    rows: list[Row]


def convert(kind: Kind, source: Mapping[str, Any] | str | Path) -> Conversion:
    """`load_published`, also returning the mapping of keys."""
    check_choice("kind", kind, get_args(Kind))
    if not isinstance(source, (str, Path)):
        return _convert(kind, source)
    try:
        return _convert(kind, read_tensors(Path(source)))
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def to_published(module: Pretrained) -> State:
    """The inverse of `load_published`: every tensor with its published key, without prefix.

    ``to_published(load_published(kind, state))`` returns ``state`` in its order, without removed
    prefixes; bit for bit if it was in float32.

    Raises:
        ValueError: a network that the published code cannot be configured for.
    """
    network, own = _NETWORKS[_kind_of(module)], module.state_dict()
    rows = list(network.rows(module))
    if missing := [row.ours for row in rows if row.ours not in own]:
        raise ValueError(f"expected a network of the published code, it has no {missing[0]}")
    state = {row.published: row.to_published(own[row.ours]).detach() for row in rows}
    with torch.device("meta"):
        published = network.build(_Seen(_kind_of(module), state))
    options, known = _options(module), _options(published)
    if other := [f"{name} {options[name]!r}" for name in options if options[name] != known[name]]:
        raise ValueError(f"expected options that the published code has, got {', '.join(other)}")
    return {key: value.clone(memory_format=torch.contiguous_format) for key, value in state.items()}


def _convert(kind: Kind, content: Mapping[str, Any]) -> Conversion:
    network = _NETWORKS[kind]
    siblings = tuple(other for other in _ANONYGAN if other != network.prefix)
    state = unwrapped(content, network.prefix, siblings if network.prefix in _ANONYGAN else ())
    try:
        with torch.device("meta"):  # allocate nothing before the shapes are checked
            module = network.build(_Seen(kind, state))
    except RuntimeError as error:  # sizes that overflow
        raise ValueError(f"expected the shapes of {kind}: {error}") from error
    rows, own = list(network.rows(module)), module.state_dict()
    expected = {row.published: row.to_published(own[row.ours]) for row in rows}
    # An InstanceNorm uses no running statistics, but old versions of PyTorch stored some.
    stale = [k for k in state if k not in expected and k.rpartition(".")[2] in _STATISTICS]
    state = {key: value for key, value in state.items() if key not in stale}
    if problems := mismatch(expected, state, at_most=_LISTED):
        raise ValueError(f"expected the keys of {kind}: {problems}")
    if bad := [k for k, v in state.items() if not v.to(expected[k].dtype).isfinite().all()]:
        raise ValueError(f"expected finite weights, got others in {some(bad, _LISTED)}")
    if bad := [k for k, v in state.items() if k.endswith(("_u", "_v")) and not v.any()]:
        raise ValueError(f"expected vectors of spectral norms, got zeros in {some(bad, _LISTED)}")
    fill(module, {row.ours: row.to_ours(state[row.published]) for row in rows})
    return Conversion(module.eval(), state, rows)


# --- kinds ----------------------------------------------------------------------------------------


class _Seen(NamedTuple):
    """What a state shows of its network, before it is known whether it is one."""

    kind: Kind
    state: State

    def shape(self, key: str) -> torch.Size:
        if key not in self.state or self.state[key].ndim < 2:
            raise ValueError(
                f"expected the keys of {self.kind}: {key} is missing or not a matrix, of "
                f"{len(self.state)} keys the first are {some(self.state, 3)}"
            )
        return self.state[key].shape

    def count(self, pattern: str) -> int:
        return len([key for key in self.state if re.fullmatch(pattern, key)])


def _generator_options(seen: _Seen) -> dict[str, Any]:
    return {
        "num_landmarks": seen.shape("stream2_down.1.weight")[1] // 2,
        "width": seen.shape("stream1_down.1.weight")[0],
        "num_blocks": seen.count(r"att\.(\d+)\.conv_block_stream1\.1\.weight"),
        "num_nodes": seen.shape("att.0.gcn.conv_proj.weight")[0],
    }


def _build_anonygan(seen: _Seen) -> AnonyGAN:
    channels = seen.shape("stream1_down.1.weight")[1]
    attention = "ch_att.conv.weight" in seen.state
    return AnonyGAN.published(
        context=channels == 6, attention=attention, **_generator_options(seen)
    )


def _build_landmark_discriminator(seen: _Seen) -> LandmarkDiscriminator:
    width, channels = seen.shape("down1.0.weight")[:2]
    if channels <= 6:  # an image beside the condition
        raise ValueError(f"expected 3 channels and one per landmark, got {channels} in all")
    return LandmarkDiscriminator(channels - 3, width=width)


def _build_resnet_discriminator(seen: _Seen) -> ResNetDiscriminator:
    width, channels = seen.shape("model.1.weight")[:2]
    return ResNetDiscriminator(
        channels,
        width=width,
        num_blocks=seen.count(r"model\.(\d+)\.conv_block\.1\.weight"),
        norm="instance" if "model.1.bias" in seen.state else "batch",
    )


def _build_ciagan(seen: _Seen) -> CIAGANGenerator:
    return CIAGANGenerator(
        seen.shape("encode_one_hot.0.weight")[1],
        width=seen.shape("encode_noise.0.conv2d.weight_orig")[1],
        num_blocks=seen.count(r"res(\d+)\.conv1\.conv2d\.weight_orig"),
    )


def _generator_rows(module: Pretrained) -> Iterable[Row]:
    options = module.config["generator"]
    rows = layouts.landmark_generator(
        num_blocks=options["num_blocks"],
        norm=options["norm"],
        landmark_attention=options["landmark_attention"] is not None,
        attention_head=options["blend"] != "none",
    )
    return [row._replace(ours=f"generator.{row.ours}") for row in rows]


class _Network(NamedTuple):
    """How one kind is found, built and laid out.

    Args:
        prefix: of its keys where it is wrapped, or lies beside others.
    """

    cls: type[Pretrained]
    prefix: str
    build: Callable[[_Seen], Pretrained]
    rows: Callable[[Pretrained], Iterable[Row]]


_NETWORKS: dict[Kind, _Network] = {
    "anonygan_generator": _Network(AnonyGAN, "G.", _build_anonygan, _generator_rows),
    "anonygan_appearance_discriminator": _Network(
        AppearanceDiscriminator,
        "D_gan.",
        lambda seen: AppearanceDiscriminator(width=seen.shape("down1.0.weight")[0]),
        lambda module: layouts.patch_discriminator(norm=module.config["norm"]),
    ),
    "anonygan_landmark_discriminator": _Network(
        LandmarkDiscriminator,
        "D_pose.",
        _build_landmark_discriminator,
        lambda module: layouts.patch_discriminator(norm=module.config["norm"]),
    ),
    "bigraphgan_market_generator": _Network(
        BiGraphGAN,
        "model.",
        lambda seen: BiGraphGAN.published("market", **_generator_options(seen)),
        _generator_rows,
    ),
    "bigraphgan_deepfashion_generator": _Network(
        BiGraphGAN,
        "model.",
        lambda seen: BiGraphGAN.published("deepfashion", **_generator_options(seen)),
        _generator_rows,
    ),
    "bigraphgan_discriminator": _Network(
        ResNetDiscriminator,
        "",
        _build_resnet_discriminator,
        lambda module: layouts.resnet_discriminator(
            num_blocks=module.config["num_blocks"], norm=module.config["norm"]
        ),
    ),
    "ciagan_generator": _Network(
        CIAGANGenerator,
        "",
        _build_ciagan,
        lambda module: layouts.ciagan_generator(num_blocks=module.config["num_blocks"]),
    ),
}


def _kind_of(module: Pretrained) -> Kind:
    kinds = [kind for kind, network in _NETWORKS.items() if type(module) is network.cls]
    if not kinds:
        raise ValueError(f"expected a network of the papers, got {type(module).__name__}")
    if isinstance(module, BiGraphGAN) and module.generator.blend == "none":
        return "bigraphgan_deepfashion_generator"
    return kinds[0]


def _options(module: Pretrained) -> dict[str, Any]:
    """What the outputs depend on, given the weights."""
    options: dict[str, Any] = module.config | module.config.get("generator", {})
    options.pop("generator", None)
    options.pop("dropout", None)
    options.pop("people", None)
    if options.get("rendering") != "gaussian":
        options.pop("sigma", None)
    if "num_nodes" in options:
        options["num_nodes"] = options["num_nodes"] or options["width"]
    if options.get("landmark_attention") is None:
        options.pop("attention_order", None)
    return options


def _command() -> None:
    from graphgan.models import _published_command

    _published_command.main()


if __name__ == "__main__":
    exit_with(_command)
