"""The network for age and sex is read out of face-api's package."""

import io
import json
import tarfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from loading import load

from graphgan.faces import AgeSexNetwork


@pytest.fixture(scope="module")
def convert():
    return load("scripts/convert_age_sex.py")


def entries(seed: int = 0) -> tuple[list[dict], bytes, dict[str, np.ndarray]]:
    """A list of weights as face-api writes it, its bytes, and the numbers by name."""
    rng = np.random.default_rng(seed)
    shapes = {"entry_flow/conv_in/filters": (3, 3, 3, 32), "entry_flow/conv_in/bias": (32,)}

    def separable(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}/depthwise_filter"] = (3, 3, inputs, 1)
        shapes[f"{name}/pointwise_filter"] = (1, 1, inputs, outputs)
        shapes[f"{name}/bias"] = (outputs,)

    def halving(name: str, inputs: int, outputs: int) -> None:
        separable(f"{name}/separable_conv0", inputs, outputs)
        separable(f"{name}/separable_conv1", outputs, outputs)
        shapes[f"{name}/expansion_conv/filters"] = (1, 1, inputs, outputs)
        shapes[f"{name}/expansion_conv/bias"] = (outputs,)

    halving("entry_flow/reduction_block_0", 32, 64)
    halving("entry_flow/reduction_block_1", 64, 128)
    for block in range(2):
        for layer in range(3):
            separable(f"middle_flow/main_block_{block}/separable_conv{layer}", 128, 128)
    halving("exit_flow/reduction_block", 128, 256)
    separable("exit_flow/separable_conv", 256, 512)
    shapes |= {"fc/age/weights": (512, 1), "fc/age/bias": (1,)}
    shapes |= {"fc/gender/weights": (512, 2), "fc/gender/bias": (2,)}
    listed, content, numbers = [], b"", {}
    for name, shape in shapes.items():
        entry = {"name": name, "shape": list(shape), "dtype": "float32"}
        if name.endswith("bias"):
            values = rng.normal(0, 0.1, shape).astype(np.float32)
            content += values.tobytes()
        else:
            coded = rng.integers(0, 256, shape).astype(np.uint8)
            scale = 2 / 255 / np.sqrt(np.prod(shape[:3]))
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": -127.5 * scale}
            values = (coded * scale - 127.5 * scale).astype(np.float32)
            content += coded.tobytes()
        listed.append(entry)
        numbers[name] = values
    return listed, content, numbers


def same(x: torch.Tensor, size: int, stride: int, value: float = 0.0) -> torch.Tensor:
    missing = max((-(-x.shape[2] // stride) - 1) * stride + size - x.shape[2], 0)
    edges = (missing // 2, missing - missing // 2)
    return F.pad(x, edges * 2, value=value)


def tensorflow(numbers: dict[str, np.ndarray], images: torch.Tensor) -> list[torch.Tensor]:
    """The network written down as TensorFlow's operations, from weights in its own order."""

    def weights(name: str) -> torch.Tensor:
        return torch.from_numpy(numbers[name])

    def conv(x: torch.Tensor, name: str, stride: int) -> torch.Tensor:
        kernel = weights(f"{name}/filters").permute(3, 2, 0, 1)
        bias = weights(f"{name}/bias")
        return F.conv2d(same(x, kernel.shape[2], stride), kernel, bias, stride)

    def separable(x: torch.Tensor, name: str) -> torch.Tensor:
        each = weights(f"{name}/depthwise_filter").permute(2, 3, 0, 1)
        x = F.conv2d(same(x, 3, 1), each, groups=x.shape[1])
        return F.conv2d(
            x, weights(f"{name}/pointwise_filter").permute(3, 2, 0, 1), weights(f"{name}/bias")
        )

    def halving(x: torch.Tensor, name: str, activate: bool) -> torch.Tensor:
        y = separable(x.relu() if activate else x, f"{name}/separable_conv0")
        y = separable(y.relu(), f"{name}/separable_conv1")
        return F.max_pool2d(same(y, 3, 2, -1e9), 3, 2) + conv(x, f"{name}/expansion_conv", 2)

    x = (images - torch.tensor([122.782, 117.001, 104.298]).view(3, 1, 1)) / 256
    x = conv(x, "entry_flow/conv_in", 2).relu()
    x = halving(x, "entry_flow/reduction_block_0", False)
    x = halving(x, "entry_flow/reduction_block_1", True)
    for block in range(2):
        y = x
        for layer in range(3):
            y = separable(y.relu(), f"middle_flow/main_block_{block}/separable_conv{layer}")
        x = x + y
    x = halving(x, "exit_flow/reduction_block", True)
    x = F.avg_pool2d(separable(x, "exit_flow/separable_conv").relu(), 7, 2).flatten(1)
    ages = (x @ weights("fc/age/weights") + weights("fc/age/bias"))[:, 0]
    sexes = (x @ weights("fc/gender/weights") + weights("fc/gender/bias")).softmax(1)[:, 0]
    return [ages, sexes]


@torch.no_grad()
def test_weights_are_read_in_order_and_the_network_is_tensorflow_s(convert):
    listed, content, numbers = entries()
    network = AgeSexNetwork().eval()
    network.load_state_dict(convert.read_weights(listed, content))
    images = 255 * torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    for own, expected in zip(network(images), tensorflow(numbers, images), strict=True):
        torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-4)


def test_the_script_writes_weights_and_license(tmp_path, monkeypatch, convert):
    listed, content, _ = entries(1)
    package = tmp_path / "package.tgz"
    files = {
        "package/model/age_gender_model.bin": content,
        "package/model/age_gender_model-weights_manifest.json": json.dumps(
            [{"weights": listed}]
        ).encode(),
        "package/package.json": b'{"name": "api", "version": "1", "license": "MIT"}',
        "package/LICENSE": b"MIT License",
    }
    with tarfile.open(package, "w:gz") as archive:
        for name, data in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    target = tmp_path / "age-sex.safetensors"
    monkeypatch.setattr(convert, "weights_file", lambda name: target)
    convert.main(convert.Options(package))
    written = AgeSexNetwork.from_pretrained(target)
    assert torch.equal(
        written.state_dict()["age.weight"],
        convert.read_weights(listed, content)["age.weight"].half().float(),
    )
    assert "api\n1 (npm)" in target.with_suffix(".LICENSE").read_text()
