"""Export trained weights to ONNX: `python recipes/anonygan/export.py --help`."""

from dataclasses import dataclass
from pathlib import Path

from graphgan.commands import run_command
from graphgan.models import AnonyGAN, export_onnx
from graphgan.training import memory_errors_explained
from graphgan.weights import FACES


@dataclass(frozen=True, kw_only=True)
class Options:
    """Export a checkpoint's network to one ONNX file and verify that it matches PyTorch."""

    out: Path
    """ONNX file to write. Its folder must exist."""
    checkpoint: Path = Path(FACES)
    """Weights to export: a generator.safetensors file, a run folder (its newest weights), or the
    name of shipped weights (`graphgan info` lists them)."""
    size: int | None = None
    """Side of the images in pixels. Default: the training size, if the weights record it. A larger
    size keeps more detail of the condition image; use 512 for large faces, as `graphgan-anonymize`
    does."""
    overwrite: bool = False
    """Replace the file if it exists."""


def main(options: Options) -> None:
    with memory_errors_explained("a smaller --size needs less"):
        export(options)


def export(options: Options) -> None:
    if options.out.is_dir():
        raise ValueError(f"{options.out}: expected a file to write, got a folder")
    if options.out.exists() and not options.overwrite:
        raise ValueError(f"{options.out}: already exists; --overwrite replaces it")
    model = AnonyGAN.from_pretrained(options.checkpoint)
    size = model.size if options.size is None else (options.size, options.size)
    if size is None:
        raise ValueError(
            f"{options.checkpoint}: expected --size: these weights do not record their training "
            "size"
        )
    difference = export_onnx(model, options.out, size=size)
    print(
        f"{options.out}: {model.generator.num_landmarks} landmarks, {size[1]} x {size[0]} pixels; "
        f"differs from PyTorch by {difference:.1g}"
    )


if __name__ == "__main__":
    run_command(main, Options)
