"""Face recognition networks from ONNX or TensorFlow Lite files."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.extras import MissingExtraError
from graphgan.faces._five_points import SIZE
from graphgan.models._onnx_sessions import open_session

KIND = "a face recognizer"
_LEAST_NUMBERS = 32  # per face; networks for ages, moods or boxes return fewer
_AT_ONCE = 16  # faces per batch: larger batches need more memory without being faster

Run = Callable[[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class FaceNetwork:
    """A network from a file with one input of square RGB images.

    Args:
        path: path of the file, for error messages.
        size: side of the images in pixels.
        channels_last: whether images are ``b h w 3``.
        run: returns all outputs for a batch.
        batch: batch size the network requires; None for any.
        output: index of the output that describes the faces.
        numbers: length of a descriptor.
    """

    path: Path
    size: int
    channels_last: bool
    run: Run
    batch: int | None
    output: int = 0
    numbers: int = 0

    def __call__(self, images: Float[Tensor, "n 3 s s"]) -> Float[Tensor, "n d"]:
        """Rows of any length. A batch of fixed size is filled up with zeros.

        Raises:
            ValueError: a row that is not finite.
        """
        parts = torch.split(images, self.batch or _AT_ONCE)
        rows = torch.cat([self._describe(part) for part in parts])
        if not rows.isfinite().all():
            raise ValueError(f"{self.path}: expected finite descriptors, got others")
        return rows

    def outputs(self, images: Float[Tensor, "n 3 s s"]) -> list[np.ndarray]:
        """Of a batch that it takes."""
        images = images.permute(0, 2, 3, 1) if self.channels_last else images
        return self.run(images.float().contiguous().numpy())

    def _describe(self, images: Float[Tensor, "n 3 s s"]) -> Float[Tensor, "n d"]:
        count = len(images)
        if self.batch is not None and count < self.batch:
            images = torch.cat([images, images.new_zeros(self.batch - count, *images.shape[1:])])
        return torch.from_numpy(self.outputs(images)[self.output]).flatten(1)[:count]


def open_network(path: Path) -> FaceNetwork:
    """Open the network in a file, and test it on one or two images.

    Raises:
        ValueError: the file does not exist or has other content, or its inputs or outputs are not
            supported.
        MissingExtraError: the runtime for such files is not installed.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected ONNX or TensorFlow Lite of {KIND}")
    with path.open("rb") as file:
        is_tflite = file.read(8)[4:] == b"TFL3"
    shape, run = (_open_tflite if is_tflite else _open_onnx)(path)
    network = _described(path, shape, run)
    try:
        for count in (network.batch,) if network.batch is not None else (1, 2):
            tried = _tried(network, count)
        return tried
    except ValueError:
        if network.batch is not None:
            raise
    # Files exported for one image may claim to support any number.
    return _tried(replace(network, batch=1), 1)


def _described(path: Path, shape: list[int | None], run: Run) -> FaceNetwork:
    """What the shape of its input says, None where it says nothing."""
    is_image = len(shape) == 4 and 3 in (shape[1], shape[3])
    channels_last = is_image and shape[1] != 3
    sides = [side for side in (shape[1:3] if channels_last else shape[2:]) if side is not None]
    if not is_image or len(set(sides)) > 1:
        text = " x ".join("?" if side is None else str(side) for side in shape)
        raise ValueError(f"{path}: expected an input of square RGB images for {KIND}, got {text}")
    return FaceNetwork(path, sides[0] if sides else SIZE, channels_last, run, shape[0])


def _tried(network: FaceNetwork, count: int) -> FaceNetwork:
    """With the one output that is a row of numbers a face."""
    images = torch.linspace(-1, 1, 3 * network.size**2).view(1, 3, network.size, network.size)
    try:
        outputs = network.outputs(images.repeat(count, 1, 1, 1))
    except Exception as error:  # networks raise any exception on unsuitable images
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{network.path}: expected {KIND} of images: {reason}") from error
    rows = [i for i, output in enumerate(outputs) if _is_rows(output, count)]
    if len(rows) != 1:
        shapes = ", ".join(" x ".join(map(str, output.shape)) for output in outputs)
        raise ValueError(
            f"{network.path}: expected one output of at least {_LEAST_NUMBERS} numbers per face, "
            f"got {shapes} for {count} faces"
        )
    return replace(network, output=rows[0], numbers=outputs[rows[0]].size // count)


def _is_rows(output: np.ndarray, count: int) -> bool:
    """Whether there is one row a face, whatever sides of 1 it has."""
    sides = [side for side in output.shape[1:] if side != 1]
    is_long = len(sides) == 1 and sides[0] >= _LEAST_NUMBERS
    return is_long and output.shape[0] == count and output.dtype == np.float32


def _open_onnx(path: Path) -> tuple[list[int | None], Run]:
    session = open_session(path, KIND, threads=1)
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        got = ", ".join(f"{x.name} {x.type}" for x in inputs)
        raise ValueError(f"{path}: expected one input of 32-bit floats, got {got}")
    shape = [side if isinstance(side, int) and side > 0 else None for side in inputs[0].shape]
    return shape, lambda images: session.run(None, {inputs[0].name: images})


def _open_tflite(path: Path) -> tuple[list[int | None], Run]:
    try:
        litert: Any = importlib.import_module("ai_edge_litert.interpreter")  # it has no types
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: ai_edge_litert is not installed: pip install ai-edge-litert", name=error.name
        ) from error
    try:
        interpreter = litert.Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{path}: expected TensorFlow Lite of {KIND}: {reason}") from error
    inputs = interpreter.get_input_details()
    if len(inputs) != 1 or inputs[0]["dtype"] != np.float32:
        got = ", ".join(f"{x['name']} {np.dtype(x['dtype'])}" for x in inputs)
        raise ValueError(f"{path}: expected one input of 32-bit floats, got {got}")
    shape = [int(side) if side > 0 else None for side in inputs[0]["shape_signature"]]
    return shape, lambda images: _run_tflite(interpreter, images)


def _run_tflite(interpreter: Any, images: np.ndarray) -> list[np.ndarray]:
    (entrance,) = interpreter.get_input_details()
    if tuple(entrance["shape"]) != images.shape:
        interpreter.resize_tensor_input(entrance["index"], images.shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(entrance["index"], np.ascontiguousarray(images))
    interpreter.invoke()
    return [interpreter.get_tensor(exit_["index"]) for exit_ in interpreter.get_output_details()]
