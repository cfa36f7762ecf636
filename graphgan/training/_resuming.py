"""Read options from the command line, a preset, or the run to resume."""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from graphgan.commands import parse_options
from graphgan.extras import needs_extra
from graphgan.training._devices import first_process_speaks
from graphgan.training._options import RunOptions
from graphgan.training._run_folder import CONFIG, RunFolder
from graphgan.weights import find_weights
from graphgan.weights._catalog import is_shipped

Options = TypeVar("Options", bound=RunOptions)

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
        "logger",
    ]
)
"""Options that may change when a run is resumed; all others are fixed."""


@first_process_speaks()
def parse_train_options(
    presets: Mapping[str, Options],
    args: Sequence[str] | None = None,
    *,
    drawing_flags: Sequence[str] = (),
    per_sitting: Collection[str] = (),
    like_weights: Callable[[Options, Path], Options] | None = None,
) -> Options:
    """Defaults of the preset or of the resumed run, overridden by the command line.

    Args:
        presets: options by name; the default is "smoke", which must be among them.
        args: the command line without the program's name; None uses ``sys.argv[1:]``.
        drawing_flags: flags for drawn people, which are refused together with ``--data``, where
            they have no effect.
        per_sitting: options besides `PER_SITTING` that a resumed run may change.
        like_weights: with ``--start-from``: adapts the defaults to the generator of those weights,
            given other defaults and the weights' name, file or run. The other defaults are the
            preset's, or those of the run whose folder is given; an explicitly requested preset
            takes precedence over a run's options, except those named ``model``.
    Raises:
        ValueError: values out of range, weights to start from that do not exist, or a resumed run
            with changed options that must stay fixed.

    Example:
        >>> parse_train_options({"smoke": RunOptions(steps=400)}, ["--seed", "3"]).steps
        400
    """
    args = sys.argv[1:] if args is None else list(args)
    smoke = presets["smoke"]
    if (folder := _value(args, "--resume")) is None:
        preset = _value(args, "--preset")
        default = presets.get(preset or "smoke", smoke)
        if (source := _value(args, "--start-from")) is not None:
            with _naming_start(source):
                default = _like_run(default, Path(source), networks_alone=preset is not None)
                default = (like_weights or _unlike)(default, Path(source))
        options = _parse(args, default)
        _refuse_ignored(args, options, drawing_flags)
        return options
    try:
        saved = read_options(type(smoke), RunFolder.open(folder)[1])
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    options = _parse(args, replace(saved, resume=Path(folder)))
    wanted, own = write_options(options), write_options(saved)
    free = PER_SITTING.union(per_sitting)
    if changed := [name for name in _differing(wanted, own) if name not in free]:
        raise ValueError(
            f"expected the options of the run in {folder}, got others for {', '.join(changed)}; "
            f"leave them out, or start a new run with them using --start-from {folder}"
        )
    if options.more is None:
        return options
    if options.steps != saved.steps:
        raise ValueError("expected either --more or --steps, got both")
    return replace(options, steps=saved.steps + options.more)


@contextmanager
def _naming_start(source: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"--start-from {source}: {error}") from error


def _like_run(default: Options, source: Path, *, networks_alone: bool) -> Options:
    """The options of a run, or only those of its networks, if ``source`` is a run folder."""
    if not (source / CONFIG).is_file():
        return default
    saved: Any = read_options(type(default), RunFolder.open(source)[1])
    if not networks_alone:
        return cast(Options, saved)
    changes = {"model": saved.model} if hasattr(saved, "model") else {}
    return cast(Options, replace(cast(Any, default), **changes))


def _unlike(default: Options, source: Path) -> Options:
    """The same options, for weights that are there."""
    find_weights(source)
    return default


def _differing(wanted: dict[str, Any], own: dict[str, Any]) -> list[str]:
    """Options with different values, by their command-line names."""
    names = []
    for name, value in own.items():
        if isinstance(value, dict):
            names += _differing(wanted[name], value)
        elif wanted[name] != value:
            names.append(name)
    return names


def _refuse_ignored(args: list[str], options: RunOptions, drawing_flags: Sequence[str]) -> None:
    given = [flag for flag in drawing_flags if _value(args, flag) is not None]
    if options.data is not None and given:
        raise ValueError(
            f"expected --data or {', '.join(given)}, got both: a prepared folder has its own images"
        )


def write_options(options: RunOptions) -> dict[str, Any]:
    """Plain values for config.yaml, without the options that may change when resuming."""
    values = asdict(replace(options, out=None, resume=None, more=None))
    for name in ("out", "resume", "more"):
        del values[name]
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """The value as YAML stores it; paths become absolute, because the run may be resumed from
    elsewhere."""
    if isinstance(value, tuple):
        return list(value)
    if not isinstance(value, Path):
        return value
    is_name = is_shipped(str(value)) and not value.exists()
    return str(value if is_name else value.resolve())


def read_options(kind: type[Options], values: dict[str, Any]) -> Options:
    """The inverse of `write_options`.

    Args:
        kind: class of the options.
        values: values from config.yaml.
    Raises:
        ValueError: unknown or missing options.
    """
    options: Options = _from_plain(kind, values)
    return options


def _from_plain(kind: type[Any], values: Any) -> Any:
    hints = get_type_hints(kind)
    if not isinstance(values, dict):
        raise ValueError(f"expected options of {kind.__name__}, got {values!r}")
    if unknown := sorted(map(str, values.keys() - hints.keys())):
        raise ValueError(f"expected options of {kind.__name__}, got also {', '.join(unknown)}")
    if missing := sorted(hints.keys() - values.keys() - {"out", "resume", "more"}):
        raise ValueError(f"expected options of {kind.__name__}, {', '.join(missing)} is missing")
    return kind(**{name: _value_of(hints[name], name, value) for name, value in values.items()})


def _value_of(hint: Any, name: str, value: Any) -> Any:
    if is_dataclass(hint):
        return _from_plain(cast(type[Any], hint), value)
    if isinstance(value, str) and Path in get_args(hint):
        value = Path(value)
    if get_origin(hint) is tuple and isinstance(value, list):
        value = tuple(value)  # YAML only has lists
    if not _is_of(hint, value):
        raise ValueError(f"expected {name} of type {hint}, got {value!r}")
    return value


def _is_of(hint: Any, value: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        sized = isinstance(value, tuple) and len(value) == len(kinds)
        return sized and all(_is_of(kind, one) for kind, one in zip(kinds, value, strict=True))
    if get_args(hint):
        return any(_is_of(one, value) for one in get_args(hint))
    if isinstance(value, bool) and hint is not bool:
        return False
    return isinstance(value, (int, float) if hint is float else hint)


def _parse(args: list[str], default: Options) -> Options:
    with needs_extra("recipes"):
        import tyro
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagConversionOff)
    return parse_options(type(default), args, default=default, config=config)


def _value(args: list[str], flag: str) -> str | None:
    """The value after a flag (the last one counts), before the real parser knows the defaults."""
    value = None
    for i, arg in enumerate(args):
        name, equals, after = arg.partition("=")
        if name.replace("_", "-") != flag:
            continue
        if equals:
            value = after
        elif i + 1 < len(args):
            value = args[i + 1]
    return value
