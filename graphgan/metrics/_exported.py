"""Feature networks given as exported programs, which need none of their code."""

import logging
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn


class ExportedProgram(nn.Module):
    """A program written by ``torch.export.save``, as a module; its mode is fixed by the export.

    Args:
        path: path of the file (``.pt2``).
    Shapes:
        ``images: b 3 h w``, 8 bits -> ``b d``; whatever h and w it was exported for
    Raises:
        ValueError: the file does not exist or has other content; when called: images of a size or
            number it was not exported for.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        if not path.is_file():
            raise ValueError(f"{path}: no such file; expected a program of torch.export")
        self.path = path
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)  # torch logs every attempt to read a file
        try:
            self.run = torch.export.load(path).module()
        except Exception as error:  # damaged archives raise any exception
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
        """Does nothing: an exported program has only one mode."""
        return self
