"""Numbers that the published implementations compute, on weights and inputs anyone can rebuild.

``<case>.json`` is the layout of a published checkpoint (key -> shape), ``<case>.npz`` holds what
comes out. Every weight follows from its key, every input from a name, see ``weights.py``.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from golden import weights

FOLDER = Path(__file__).parent


def expected(case: str) -> dict[str, Tensor]:
    """What the published code gives."""
    with np.load(FOLDER / f"{case}.npz") as file:
        return {key: torch.from_numpy(value) for key, value in file.items()}


def layout(case: str) -> Any:
    """The case's json file."""
    return json.loads((FOLDER / f"{case}.json").read_text())


def state(manifest: dict[str, list[int]]) -> dict[str, Tensor]:
    """The weights of a layout, under their published keys."""
    return {k: torch.from_numpy(np.asarray(v)) for k, v in weights.state_dict(manifest).items()}


def images(name: str, *shape: int) -> Tensor:
    return torch.from_numpy(weights.images(name, shape))


def landmarks(name: str, batch: int, count: int, height: int, width: int) -> Tensor:
    return torch.from_numpy(weights.landmarks(name, batch, count, height, width)).float()
