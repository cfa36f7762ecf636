"""Write trained weights as ONNX: `python recipes/anonygan/export.py --help`."""

from dataclasses import dataclass
from pathlib import Path

from graphgan.commands import run_command
from graphgan.models import AnonyGAN
from graphgan.models.onnx_export import LARGEST_DIFFERENCE, export_onnx
from graphgan.training.devices import memory_errors_explained
from graphgan.weights import FACES


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write the network of a checkpoint as one ONNX file, once it computes what PyTorch does."""

    out: Path
    """The file, in a folder that is there."""
    checkpoint: Path = Path(FACES)
    """Weights (generator.safetensors), the folder of a run: its newest ones, or shipped ones by
    name (graphgan info lists them)."""
    size: int | None = None
    """Side of the images; by default that of training, needed where weights do not say it. Larger
    ones keep the condition's details, as in `graphgan-anonymize`: 512 for large faces."""
    overwrite: bool = False
    """Replace the file if it is there."""


def main(options: Options) -> None:
    with memory_errors_explained("a smaller --size needs less"):
        export(options)


def export(options: Options) -> None:
    if options.out.is_dir():
        raise ValueError(f"{options.out}: expected a file to write, got a folder")
    if options.out.exists() and not options.overwrite:
        raise ValueError(f"{options.out}: there already; --overwrite replaces it")
    model = AnonyGAN.from_pretrained(options.checkpoint)
    size = model.size if options.size is None else (options.size, options.size)
    if size is None:
        raise ValueError(
            f"{options.checkpoint}: expected --size, that of training: these weights do not say it"
        )
    difference = export_onnx(model, options.out, size=size)
    print(
        f"{options.out}: {model.generator.num_landmarks} landmarks, {size[1]} x {size[0]} pixels; "
        f"differs from PyTorch by {difference:.1g} (at most {LARGEST_DIFFERENCE} allowed)"
    )


if __name__ == "__main__":
    run_command(main, Options)
