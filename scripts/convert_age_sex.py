"""Convert face-api's network for age and sex (`graphgan.faces.AgeSex`) into graphgan/weights.

    npm pack @vladmandic/face-api@1.7.15
    python scripts/convert_age_sex.py vladmandic-face-api-1.7.15.tgz

The package holds weights as bytes with a scale and an offset each, and a list of their names.
"""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from torch import Tensor

from graphgan.commands import run_command
from graphgan.faces import AgeSexNetwork
from graphgan.faces._age_sex import WEIGHTS
from graphgan.files import replacing
from graphgan.weights import weights_file

_MODEL = "package/model/age_gender_model"
_ROOMS = {
    "entry_flow/conv_in": "stem",
    "entry_flow/reduction_block_0": "entry.0",
    "entry_flow/reduction_block_1": "entry.1",
    "middle_flow/main_block_0": "middle.0",
    "middle_flow/main_block_1": "middle.1",
    "exit_flow/reduction_block": "exit",
    "exit_flow/separable_conv": "final",
    "fc/age": "age",
    "fc/gender": "sex",
}
_LAYERS = {"separable_conv0": "first", "separable_conv1": "second", "expansion_conv": "beside"}


@dataclass(frozen=True)
class Options:
    """Write graphgan/weights/age-sex.safetensors and its .LICENSE."""

    package: Annotated[Path, tyro.conf.Positional]
    """As `npm pack` gives it."""


def main(options: Options) -> None:
    with tarfile.open(options.package) as archive:
        content = _bytes(archive, f"{_MODEL}.bin")
        (group,) = json.loads(_bytes(archive, f"{_MODEL}-weights_manifest.json"))
        about = json.loads(_bytes(archive, "package/package.json"))
        license = _bytes(archive, "package/LICENSE").decode()
    assert about["license"] == "MIT"
    network = AgeSexNetwork()
    network.load_state_dict(read_weights(group["weights"], content))
    target = weights_file(WEIGHTS)
    network.save_pretrained(target, dtype=torch.float16)
    head = (
        f"{target.name} was converted from model/age_gender_model.bin of {about['name']}\n"
        f"{about['version']} (npm), which has it from face-api.js (MIT, Vincent Muehler).\n"
        "The license of that package:\n\n"
    )
    with replacing(target.with_suffix(".LICENSE")) as temporary:
        temporary.write_text(head + license, "utf-8")
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB")


def read_weights(entries: list[dict[str, Any]], content: bytes) -> dict[str, Tensor]:
    """The weights of `AgeSexNetwork`."""
    weights, at = {}, 0
    for entry in entries:
        count, coding = int(np.prod(entry["shape"])), entry.get("quantization")
        kind = np.dtype(np.uint8 if coding else np.float32)
        numbers = np.frombuffer(content, kind, count, at).astype(np.float32)
        at += count * kind.itemsize
        if coding:
            numbers = numbers * coding["scale"] + coding["min"]
        tensor = torch.from_numpy(numbers.reshape(entry["shape"]))
        weights[_own_name(entry["name"])] = _own_order(entry["name"], tensor).contiguous()
    assert at == len(content), "expected no bytes beyond those that the list names"
    return weights


def _own_name(name: str) -> str:
    room, own = next((r, _ROOMS[r]) for r in _ROOMS if name.startswith(f"{r}/"))
    *layer, kind = name.removeprefix(f"{room}/").split("/")
    if layer and room.startswith("middle"):
        own += f".layers.{layer[0][-1]}"
    elif layer:
        own += f".{_LAYERS[layer[0]]}"
    separable = "separable_conv" in name
    if kind == "depthwise_filter":
        return f"{own}.depthwise.weight"
    if separable:
        return f"{own}.pointwise.{'bias' if kind == 'bias' else 'weight'}"
    return f"{own}.{'bias' if kind == 'bias' else 'weight'}"


def _own_order(name: str, weights: Tensor) -> Tensor:
    """TensorFlow has the channels behind, and those of each channel's own filter the other way."""
    if weights.ndim == 4:
        order = (2, 3, 0, 1) if name.endswith("depthwise_filter") else (3, 2, 0, 1)
        return weights.permute(order)
    return weights.T if weights.ndim == 2 else weights


def _bytes(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


if __name__ == "__main__":
    run_command(main, Options)
