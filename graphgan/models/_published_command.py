"""The command `python -m graphgan.models.published`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from graphgan.commands import parse_options
from graphgan.extras import needs_extra
from graphgan.models.published import Conversion, Kind, convert

with needs_extra("recipes"):
    import tyro


@dataclass(frozen=True)
class Options:
    """Convert a published checkpoint to a file that from_pretrained can open."""

    file: Annotated[Path, tyro.conf.Positional]
    """Checkpoint to convert: safetensors, or a pickle of tensors."""
    kind: Kind
    """Which network the checkpoint holds."""
    out: Path
    """File to write, *.safetensors. It must not exist."""


def main() -> None:
    """Parse the command line, write the file, and print how the keys were mapped.

    Raises:
        ValueError: invalid options, an unreadable checkpoint, keys that do not match.
        OSError: a file cannot be read or written.
    """
    options = parse_options(Options)
    if options.out.suffix != ".safetensors" or options.out.exists():
        raise ValueError(f"expected --out to be a new FILE.safetensors, got {options.out}")
    if not options.out.parent.is_dir():
        raise ValueError(f"expected --out in an existing folder, got {options.out}")
    conversion = convert(options.kind, options.file)
    conversion.module.save_pretrained(options.out)
    print(_table(conversion))
    name = type(conversion.module).__name__
    print(f"{len(conversion.rows)} tensors; open them with {name}.from_pretrained('{options.out}')")


def _table(conversion: Conversion) -> str:
    wide = max(len(row.published) for row in conversion.rows)
    lines = []
    for row in conversion.rows:
        shape = "x".join(map(str, conversion.state[row.published].shape)) or "number"
        form = "" if row.form == "same" else f"  ({row.form} there, a matrix here)"
        lines.append(f"{row.published:<{wide}}  {shape:>14}  {row.ours}{form}")
    return "\n".join(lines)
