"""Convert MediaPipe's canonical face, see `graphgan.metrics.head_pose`, into graphgan/weights.

    npm pack @mediapipe/face_mesh@0.4.1657299874
    python scripts/convert_face_model.py mediapipe-face_mesh-0.4.1657299874.tgz

The package's data hold ``geometry_pipeline_metadata_landmarks.binarypb``, a message of Protocol
Buffers: a mesh of 468 vertices, and how much each of some 30 of them counts when a face is fitted.
"""

import json
import re
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from safetensors.torch import save
from torch import Tensor

from graphgan.commands import run_command
from graphgan.files import replacing
from graphgan.metrics._head_pose import FACE_MODEL
from graphgan.weights import weights_file

MEMBER = "geometry_pipeline_metadata_landmarks.binarypb"
_DATA = "package/face_mesh_solution_packed_assets.data"
_LOADER = "package/face_mesh_solution_packed_assets_loader.js"
# Numbers of the fields of face_geometry's messages.
_MESH, _BASIS = 1, 2
_VERTICES = 3
_VERTEX, _WEIGHT = 1, 2
_PER_VERTEX = 5  # x, y, z and two of its texture

Field = tuple[int, "int | float | bytes"]


@dataclass(frozen=True)
class Options:
    """Write graphgan/weights/face-model.safetensors and its .LICENSE."""

    package: Annotated[Path, tyro.conf.Positional]
    """As `npm pack` gives it."""


def main(options: Options) -> None:
    with tarfile.open(options.package) as archive:
        data, loader = (_text(archive, name) for name in (_DATA, _LOADER))
        about = json.loads(_text(archive, "package/package.json"))
    place = re.search(rf'{MEMBER}", "start": (\d+), "end": (\d+)', loader.decode())
    assert place, f"{MEMBER} is not in {options.package}"
    vertices, weights = read_face(data[int(place[1]) : int(place[2])])
    target = weights_file(FACE_MODEL)
    with replacing(target) as temporary:
        temporary.write_bytes(save({"vertices": vertices, "weights": weights}))
    assert about["license"] == "Apache-2.0"
    apache = weights_file("face-mesh").with_suffix(".LICENSE").read_text("utf-8")
    head = (
        f"{target.name} was converted from {MEMBER} of {about['name']} {about['version']} (npm),\n"
        "whose package.json says Apache-2.0. The text of that license, as MediaPipe's wheel has it:"
    )
    with replacing(target.with_suffix(".LICENSE")) as temporary:
        temporary.write_text(f"{head}\n\n{apache.split(chr(10) * 2, 1)[1]}", "utf-8")
    print(f"{target.name}: {target.stat().st_size / 1e3:.1f} kB")


def read_face(message: bytes) -> tuple[Tensor, Tensor]:
    """Vertices ``468 3`` and their weights ``468``, 0 for most."""
    fields = list(_fields(message))
    mesh = next(value for number, value in fields if number == _MESH)
    assert isinstance(mesh, bytes)
    numbers = torch.tensor([value for number, value in _fields(mesh) if number == _VERTICES])
    vertices = numbers.view(-1, _PER_VERTEX)[:, :3].contiguous()
    weights = torch.zeros(len(vertices))
    for number, value in fields:
        if number == _BASIS:
            assert isinstance(value, bytes)
            entry = dict(_fields(value))
            weights[int(entry[_VERTEX])] = float(entry[_WEIGHT])
    return vertices, weights


def _text(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


def _fields(message: bytes) -> Iterator[Field]:
    """Number and value of each field, by the encoding of Protocol Buffers."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
        elif kind == 2:
            length, at = _varint(message, at)
            yield number, message[at : at + length]
            at += length
        elif kind == 5:
            yield number, struct.unpack_from("<f", message, at)[0]
            at += 4
        else:
            raise ValueError(f"expected a field of kind 0, 2 or 5, got {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next field begins."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return value, at


if __name__ == "__main__":
    run_command(main, Options)
