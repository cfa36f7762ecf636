"""The command of `graphgan.models.published`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from graphgan.models.published import Kind, convert


@dataclass(frozen=True)
class Options:
    """Convert a published checkpoint to a file that from_pretrained opens."""

    file: Annotated[Path, tyro.conf.Positional]
    """The checkpoint: safetensors, or a pickle of tensors."""
    kind: Kind
    """What it is."""
    out: Path
    """The file to write, *.safetensors."""


def main(options: Options) -> None:
    """Write the file, and say which key went where.

    Raises:
        ValueError: an unreadable checkpoint, keys that do not fit, another suffix of the file.
        OSError: the file cannot be written.
    """
    if options.out.suffix != ".safetensors":
        raise ValueError(f"expected --out FILE.safetensors, got {options.out}")
    module, state, rows = convert(options.kind, options.file)
    module.save_pretrained(options.out)
    wide = max(len(row.published) for row in rows)
    for row in rows:
        shape = "x".join(map(str, state[row.published].shape)) or "number"
        form = "" if row.form == "same" else f"  ({row.form} there, a matrix here)"
        print(f"{row.published:<{wide}}  {shape:>14}  {row.ours}{form}")
    name = type(module).__name__
    print(f"{len(rows)} tensors; open them with {name}.from_pretrained({str(options.out)!r})")
