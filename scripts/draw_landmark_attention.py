"""What landmark attention has learned: `python scripts/draw_landmark_attention.py --help`."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import SyntheticFaces
from graphgan.files import replacing
from graphgan.models import AnonyGAN
from graphgan.weights import FACES

FACES_DRAWN, VIEWS = 64, 2


@dataclass(frozen=True, kw_only=True)
class Options:
    """Draw the weights of 68 landmarks of source and condition, means over drawn faces."""

    checkpoint: Path = Path(FACES)
    """Weights (generator.safetensors), the folder of a run, or shipped ones by name."""
    out: Path = Path("docs/pictures/landmark_attention.png")
    """The picture, which is replaced."""


def main(options: Options) -> None:
    model = AnonyGAN.from_pretrained(options.checkpoint)
    if not hasattr(model.generator, "landmark_attention") or model.generator.num_landmarks != 68:
        raise ValueError("expected a network of 68 landmarks with landmark attention")
    size = model.size or (128, 128)
    faces = SyntheticFaces(FACES_DRAWN, VIEWS, size=max(size), seed=1)
    points = torch.stack([faces[i].landmarks for i in range(len(faces))])
    weights = attention(model, points[0::2], points[1::2], size)
    draw(options.out, points.mean(0), weights)
    for name, values in weights.items():
        mean, spread = values.mean(0), values.std(0).mean()
        print(
            f"{name}: {mean.min():.3f} to {mean.max():.3f} over the landmarks, "
            f"{spread:.3f} (standard deviation) from face to face"
        )
    print(f"look at {options.out}")


@torch.no_grad()
def attention(
    model: AnonyGAN, conditions: Tensor, sources: Tensor, size: tuple[int, int]
) -> dict[str, Tensor]:
    """Weights in (0, 1), ``b 68`` each."""
    condition, source = model.generator.landmark_attention(conditions, sources, size)
    return {"source": source, "condition": condition}


def draw(path: Path, shape: Tensor, weights: dict[str, Tensor]) -> None:
    """A dot a landmark, where it lies in the mean face, its color the mean weight."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    means = {name: values.mean(0) for name, values in weights.items()}
    low = min(float(mean.min()) for mean in means.values())
    high = max(float(mean.max()) for mean in means.values())
    figure, axes = pyplot.subplots(1, 2, figsize=(8, 4.4), layout="constrained")
    for axis, (name, mean) in zip(axes, means.items(), strict=True):
        dots = axis.scatter(*shape.T, c=mean, s=50, cmap="viridis", vmin=low, vmax=high)
        axis.set(title=name, xticks=[], yticks=[], aspect="equal")
        axis.invert_yaxis()
    figure.colorbar(dots, ax=axes, label="weight of the landmark's map")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png", metadata={"Software": None})
    pyplot.close(figure)


if __name__ == "__main__":
    run_command(main, Options)
