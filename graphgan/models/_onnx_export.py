"""Export AnonyGAN to an ONNX file: coordinates in, image out, without this library.

Landmark maps are not part of the interface; the graph renders them as the network does. The batch
size is free, the image size is fixed.
"""

import copy
import importlib
import json
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import graphgan
from graphgan.extras import needs_extra
from graphgan.files import replacing
from graphgan.models._anonygan import AnonyGAN
from graphgan.models._full_resolution import generate_at_full_resolution, works_at_full_resolution
from graphgan.models._onnx_generator import (
    FORMAT_VERSION,
    INPUTS,
    KIND,
    OUTPUT,
    OnnxAnonyGAN,
    input_shapes,
)
from graphgan.models._onnx_layers import replace_layers

_LARGEST_DIFFERENCE = 1e-3
"""Maximum allowed difference between file and network, for any value of an image in [-1, 1]."""

_OPSET = 18
_LARGEST_FILE = 2**31 - 2**24  # protobuf's limit, and room for the graph


def export_onnx(model: AnonyGAN, path: str | Path, *, size: tuple[int, int] | None = None) -> float:
    """Export a network, fused for inference, to ONNX; verify it before writing the file.

    Inputs, all float32: ``condition: b 3 h w`` and ``source: b 3 h w`` in [-1, 1],
    ``condition_landmarks: b k 2`` and ``source_landmarks: b k 2`` in pixels, NaN where missing,
    ``mask: b 1 h w``, 1 inside the face. Output: ``image: b 3 h w`` in [-1, 1].

    The metadata describe the model (``kind``, ``format``, ``version``, ``num_landmarks``,
    ``forehead``, ``face_alone``, ``keep_openings``, ``height``, ``width``, ``config``) and contain
    nothing about the machine.

    Args:
        model: trained model, fused or not; it is not changed.
        path: file to write; an existing one is replaced.
        size: height and width of the images, divisible by 4; None for the training size. At another
            size, the graph is that of `generate_at_full_resolution`, provided that the network
            records its training size and blends the condition.
    Returns:
        The largest absolute difference to the network, see `onnx_difference`.
    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        ValueError: a size that the network does not support, no folder to write to, a network that
            is too large for ONNX or cannot be expressed in it, or a file that differs by more than
            `_LARGEST_DIFFERENCE`.
        OSError: the disk is full or the folder is not writable; no partial file is left.
    """
    with needs_extra("export"):
        for package in ("onnx", "onnxscript", "onnxruntime"):
            importlib.import_module(package)
    path, size = Path(path), size or model.size
    if size is None:
        raise ValueError("expected a size: this network does not record its training size")
    _check(model, path, size)
    program = _to_onnx(model, size)
    with replacing(path) as temporary:
        temporary.write_bytes(program.SerializeToString())
        difference = onnx_difference(model, temporary)
        if not difference <= _LARGEST_DIFFERENCE:
            raise ValueError(
                f"{path}: expected ONNX that differs from PyTorch by at most "
                f"{_LARGEST_DIFFERENCE}, got {difference:.2g}; it was not written"
            )
    return difference


@torch.no_grad()
def onnx_difference(model: AnonyGAN, path: str | Path) -> float:
    """The largest absolute difference between the images of a file and of the network.

    Measured on random images in batches of 1 and 3, with landmarks at arbitrary positions, exactly
    at pixel centers and between them, at the borders, outside and missing.

    Args:
        model: original or fused model; computed in float32 on the CPU.
        path: file written by `export_onnx`.
    Returns:
        Infinity where the file's images are not finite.
    Raises:
        ValueError: not such a file, a file for another number of landmarks, or a network whose
            images are not finite.
    """
    reference, onnx_model = _plain_copy(model), OnnxAnonyGAN(path, threads=torch.get_num_threads())
    if onnx_model.num_landmarks != (count := model.generator.num_landmarks):
        raise ValueError(
            f"{path}: expected ONNX of {count} landmarks, got {onnx_model.num_landmarks}"
        )
    largest = 0.0
    for inputs in _random_inputs(count, onnx_model.size):
        expected = _image(reference, inputs)
        if not expected.isfinite().all():
            height, width = onnx_model.size
            raise ValueError(
                f"expected a network whose images are finite, got NaN or infinity at {width} x "
                f"{height} pixels: was it trained at that size?"
            )
        difference = float((onnx_model(*inputs) - expected).abs().max())
        largest = max(largest, math.inf if math.isnan(difference) else difference)
    return largest


def _check(model: AnonyGAN, path: Path, size: tuple[int, int]) -> None:
    """Check before minutes of work."""
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{path}: expected a folder to write to, found none at {path.parent}")
    if min(size) < 8 or size[0] % 4 or size[1] % 4:
        raise ValueError(f"expected sides of at least 8, divisible by 4, got {size[0]}x{size[1]}")
    if (needed := 4 * sum(x.numel() for x in model.parameters())) > _LARGEST_FILE:
        raise ValueError(
            f"expected a network of at most {_LARGEST_FILE / 2**30:.2f} GiB, the limit of ONNX "
            f"files, got {needed / 2**30:.2f} GiB"
        )


def _plain_copy(model: AnonyGAN) -> AnonyGAN:
    return copy.deepcopy(model).cpu().float().eval().requires_grad_(False)


def _random_inputs(num_landmarks: int, size: tuple[int, int]) -> Iterator[list[Tensor]]:
    random = torch.Generator().manual_seed(0)
    side = torch.tensor([size[1], size[0]])

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=random)

    def pictures(batch: int) -> Tensor:
        """Smooth: unlike landmarks bend an image a hundredfold, and noise shows each digit."""
        coarse = 2 * uniform(batch, 3, *(-(-length // 8) for length in size)) - 1
        return F.interpolate(coarse, size, mode="bilinear")

    def landmarks(batch: int) -> Tensor:
        """Of three kinds: anywhere and a little outside, at pixel centers, near the borders."""
        anywhere = uniform(batch, num_landmarks, 2) * (side + 4) - 2.5
        centers = (uniform(batch, num_landmarks, 2) * side).floor()
        # Corners, edges, and halves, which are rounded to even.
        borders = torch.tensor([-0.5, 0.0, 0.5, 1.0])[
            torch.randint(4, (batch, num_landmarks, 2), generator=random)
        ]
        far = uniform(batch, num_landmarks, 2) > 0.5
        borders = torch.where(far, side - 1 - borders, borders)
        kind = torch.randint(3, (batch, num_landmarks, 1), generator=random)
        points = torch.where(kind == 0, anywhere, torch.where(kind == 1, centers, borders))
        missing = uniform(batch, num_landmarks, 1) < 0.05
        return points.masked_fill(missing, torch.nan)

    for batch in (1, 3):
        condition, source = pictures(batch), pictures(batch)
        points = landmarks(batch), landmarks(batch)
        yield [condition, source, *points, (uniform(batch, 1, *size) > 0.5).float()]


# --- the graph ------------------------------------------------------------------------------------


def _to_onnx(model: AnonyGAN, size: tuple[int, int]) -> Any:
    """The fused network as an ``onnx.ModelProto``."""
    plain = _plain_copy(model)
    network = _ImageOnly(plain if getattr(plain, "is_fused", False) else plain.fuse())
    replace_layers(network)
    count = model.generator.num_landmarks
    # Two items, since torch.export would treat a batch of one as constant.
    examples = tuple(torch.rand(2, *shape) for shape in input_shapes(count, size).values())
    batch = torch.export.Dim("batch")
    with torch.no_grad(), _quiet():
        try:
            program = torch.onnx.export(
                network,
                examples,
                dynamo=True,
                dynamic_shapes=tuple({0: batch} for _ in INPUTS),
                input_names=list(INPUTS),
                output_names=[OUTPUT],
                opset_version=_OPSET,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().partition("\n")[0]
            raise ValueError(f"expected a network that ONNX can express: {reason}") from error
    assert program is not None
    proto = program.model_proto
    _forget_sources(proto)
    _describe(proto, model, size)
    return proto


class _ImageOnly(nn.Module):
    """Returns the image without the attention maps."""

    def __init__(self, model: AnonyGAN) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        condition: Tensor,
        source: Tensor,
        condition_landmarks: Tensor,
        source_landmarks: Tensor,
        mask: Tensor,
    ) -> Tensor:
        inputs = (condition, source, condition_landmarks, source_landmarks, mask)
        return _image(self.model, inputs)


def _image(model: AnonyGAN, inputs: Sequence[Tensor]) -> Tensor:
    """The image as the anonymizer computes it: above the training size, details are the
    condition's."""
    if works_at_full_resolution(model):
        return generate_at_full_resolution(model, *inputs)
    image: Tensor = model(*inputs).image
    return image


def _forget_sources(message: Any) -> None:
    """Remove source information from nodes: stack traces contain the machine's paths."""
    for field, value in message.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                _forget_sources(part)


def _describe(proto: Any, model: AnonyGAN, size: tuple[int, int]) -> None:
    metadata = {
        "kind": KIND,
        "format": FORMAT_VERSION,
        "version": graphgan.__version__,
        "num_landmarks": str(model.generator.num_landmarks),
        "forehead": str(model.forehead),
        "face_alone": str(int(model.face_alone)),
        "keep_openings": str(int(model.keep_openings)),
        "height": str(size[0]),
        "width": str(size[1]),
        "config": json.dumps(model.config),
    }
    for key, value in metadata.items():
        proto.metadata_props.add(key=key, value=value)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's messages on missing packages and its own deprecations."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
