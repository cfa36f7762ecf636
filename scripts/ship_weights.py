"""Put the weights of a run among those that are shipped: `python scripts/ship_weights.py --help`.

They are kept as 16-bit floats, half the bytes; what that changes in a picture is printed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from graphgan import models
from graphgan.commands import run_command
from graphgan.data import SyntheticFaces, SyntheticPersons, to_float_image
from graphgan.files import replacing
from graphgan.models import AnonyGAN, Pretrained
from graphgan.weights import SHIPPED

LARGEST_FILE = 16 * 10**6
FOLDER = Path(models.__file__).parents[1] / "weights"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write graphgan/weights/NAME.safetensors."""

    checkpoint: Path
    """Weights (generator.safetensors), or the folder of a run: its newest ones."""
    name: str
    """Of the catalog, graphgan/weights/_catalog.py."""
    detail: float | None = None
    """Of an AnonyGAN, where it is to differ from training: no weights depend on it."""
    mirror: bool | None = None
    """Of its `ConditionFitting`, where it is to differ from training: no weights depend on it."""


def main(options: Options) -> None:
    trained_here = [weights for weights in SHIPPED if hasattr(models, weights.network)]
    chosen = [weights for weights in trained_here if weights.name == options.name]
    if not chosen:
        names = ", ".join(weights.name for weights in trained_here)
        raise ValueError(f"expected --name among {names}, got {options.name}")
    network: type[Pretrained] = getattr(models, chosen[0].network)
    trained = network.from_pretrained(options.checkpoint)
    model = network.from_config(changed_config(trained.config, options)).eval()
    model.load_state_dict(trained.state_dict())
    target = FOLDER / f"{options.name}.safetensors"
    with replacing(target) as temporary:
        model.save_pretrained(temporary, dtype=torch.float16)
        if (size := temporary.stat().st_size) > LARGEST_FILE:
            raise ValueError(f"expected a file of {LARGEST_FILE} bytes at most, got {size}")
        changed = change(model, network.from_pretrained(temporary))
    print(f"{target.name}: {size / 1e6:.1f} MB; {changed}")


def changed_config(config: dict[str, Any], options: Options) -> dict[str, Any]:
    if options.detail is not None:
        config = config | {"detail": options.detail}
    if options.mirror is not None:
        config = config | {"fitting": config.get("fitting", {}) | {"mirror": options.mirror}}
    return config


@torch.no_grad()
def change(model: Pretrained, shipped: Pretrained) -> str:
    """What the shorter numbers change, on drawn people."""
    height, width = getattr(model, "size", None) or (128, 64)
    is_face = isinstance(model, AnonyGAN)
    if is_face:
        people = SyntheticFaces(2, 4, size=max(height, width))
    else:
        people = SyntheticPersons(2, 4, size=(height, width))
    pictures = torch.stack([to_float_image(people[i].image) for i in range(8)]).chunk(2)
    points = torch.stack([people[i].landmarks for i in range(8)]).chunk(2)
    given = (*pictures, *points) if is_face else (pictures[0], *points)
    made = [network(*given).image for network in (model, shipped)]
    return f"changes pictures in [-1, 1] by {(made[0] - made[1]).abs().max():.4f} at most"


if __name__ == "__main__":
    run_command(main, Options)
