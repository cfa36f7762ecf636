"""Networks that measure images, given as programs: no code of theirs has to be there."""

import logging
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn


class ExportedProgram(nn.Module):
    """What ``torch.export.save`` wrote, as a module; it has the one mode it was exported in.

    Args:
        path: of the file (``.pt2``).
    Shapes:
        ``images: b 3 h w``, 8 bits -> ``b d``; whatever h and w it was exported for
    Raises:
        ValueError: no such file, or something else in it; called with images of another size or
            number than it was exported for.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        if not path.is_file():
            raise ValueError(f"{path}: no such file; expected a program of torch.export")
        self.path = path
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)  # torch logs every way it tries to read a file
        try:
            self.run = torch.export.load(path).module()
        except Exception as error:  # whatever a damaged archive makes of it
            raise ValueError(f"{path}: expected a program of torch.export: {error}") from error
        finally:
            logging.disable(before)

    def forward(self, images: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        try:
            output: Tensor = self.run(images)
        except (AssertionError, RuntimeError) as error:  # guards, and what it computes with
            count, _, height, width = images.shape
            reason = str(error).strip().partition("\n")[0]
            raise ValueError(
                f"{self.path}: expected a program for {count} 8-bit images of {width} x {height} "
                f"pixels: {reason}"
            ) from error
        return output

    def train(self, mode: bool = True) -> "ExportedProgram":
        """Nothing to change: an exported program refuses to be asked."""
        return self
