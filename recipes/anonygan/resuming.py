"""Options from the command line, a preset, or the run that is resumed."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import tyro
from options import PRESETS, TrainOptions

from graphgan.training.run_folder import RunFolder

PER_SITTING = frozenset(
    [
        "resume",
        "steps",
        "more",
        "device",
        "devices",
        "precision",
        "workers",
        "log_every",
        "save_every",
        "sheet_every",
    ]
)
"""What may differ from sitting to sitting; the rest is the run's own."""


def parse_train_options(args: Sequence[str] | None = None) -> TrainOptions:
    """The preset's defaults, or those of the resumed run, changed by the command line.

    Raises:
        ValueError: values out of range; a resumed run asked to change what makes it that run.
    """
    args = sys.argv[1:] if args is None else list(args)
    if (folder := _value(args, "--resume")) is None:
        default = PRESETS.get(_value(args, "--preset") or "smoke", PRESETS["smoke"])  # type: ignore[call-overload]
        return _parse(args, default)
    saved = read_options(RunFolder.open(folder)[1])
    options = _parse(args, replace(saved, resume=Path(folder)))
    changed = [
        f.name
        for f in fields(TrainOptions)
        if f.name not in PER_SITTING and getattr(options, f.name) != getattr(saved, f.name)
    ]
    if changed:
        raise ValueError(
            f"expected the options of the run in {folder}, got others for {', '.join(changed)}; "
            "leave them out, or start a new run"
        )
    return options if options.more is None else replace(options, steps=saved.steps + options.more)


def write_options(options: TrainOptions) -> dict[str, Any]:
    """Plain values for config.yaml; what belongs to a sitting alone is left out."""
    values = asdict(replace(options, out=None, resume=None, more=None))
    for name in ("out", "resume", "more"):
        del values[name]
    values["data"] = None if options.data is None else str(options.data.resolve())
    return values


def read_options(values: dict[str, Any]) -> TrainOptions:
    """The inverse of `write_options`.

    Raises:
        ValueError: unknown or missing options.
    """
    if values.get("data") is not None:
        values = values | {"data": Path(values["data"])}
    options: TrainOptions = _from_plain(TrainOptions, values)
    return options


def _from_plain(kind: type[Any], values: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    if unknown := sorted(values.keys() - hints.keys()):
        raise ValueError(f"expected options of {kind.__name__}, got also {', '.join(unknown)}")
    return kind(
        **{
            name: _from_plain(hints[name], value) if is_dataclass(hints[name]) else value
            for name, value in values.items()
        }
    )


def _parse(args: list[str], default: TrainOptions) -> TrainOptions:
    return tyro.cli(
        TrainOptions,
        args=args,
        default=default,
        description="Train AnonyGAN.",
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagConversionOff),
    )


def _value(args: list[str], flag: str) -> str | None:
    """What follows a flag, before the real parser knows the defaults."""
    for i, arg in enumerate(args):
        if arg == flag and i + 1 < len(args):
            return args[i + 1]
        if arg.startswith(f"{flag}="):
            return arg.removeprefix(f"{flag}=")
    return None
