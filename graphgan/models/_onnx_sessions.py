"""Open ONNX networks with onnxruntime."""

import importlib
from pathlib import Path
from typing import Any

from graphgan.extras import needs_extra


def open_session(path: Path, kind: str, *, threads: int | None = None) -> Any:
    """Open an ``onnxruntime.InferenceSession`` on the CPU that prints nothing.

    Args:
        path: path of the file.
        kind: kind of network, for error messages.
        threads: number of threads; None for one per core.
    Raises:
        MissingExtraError: onnxruntime is not installed.
        ValueError: the file does not exist or has other content.
    """
    with needs_extra("export"):
        onnxruntime: Any = importlib.import_module("onnxruntime")  # it has no types
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected ONNX of {kind}")
    onnxruntime.disable_telemetry_events()  # enabled by default on Windows
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised instead
    options.intra_op_num_threads = threads or 0
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # damaged files raise any exception
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{path}: expected ONNX of {kind}: {reason}") from error
