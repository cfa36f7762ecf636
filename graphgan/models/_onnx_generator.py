"""Run AnonyGAN from an ONNX file with onnxruntime."""

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_batch, check_positive
from graphgan.models._onnx_sessions import open_session

KIND = "AnonyGAN"
FORMAT_VERSION = "1"
INPUTS = ("condition", "source", "condition_landmarks", "source_landmarks", "mask")
OUTPUT = "image"

# Single items are as fast as batches and need less memory.
_AT_ONCE = 1


class OnnxAnonyGAN:
    """A network exported by `export_onnx`, run on the CPU in float32.

    Call it like `AnonyGAN`; it returns only the image. Missing landmarks are NaN.

    Args:
        path: path of the file.
        threads: number of onnxruntime threads; None for one per core.
    Attributes:
        num_landmarks: k, landmarks in each of the two sets.
        size: height and width of the images, in pixels.
        forehead: forehead of the masks used in training, see `face_mask`.
        face_alone, keep_openings: see `AnonyGAN`.
        version: version of the library that wrote the file.
    Shapes:
        ``condition, source: b 3 h w`` in [-1, 1], ``condition_landmarks, source_landmarks: b k 2``
        in pixels, ``mask: b 1 h w``, 1 inside the face -> ``b 3 h w`` in [-1, 1]
    Raises:
        MissingExtraError: onnxruntime is not installed.
        ValueError: the file does not exist, is damaged or holds another network; when called: wrong
            shapes, an empty batch, or a dtype other than float32.
    """

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        if threads is not None:
            check_positive(threads=threads)
        self.path = Path(path)
        self._session = open_session(self.path, KIND, threads=threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.num_landmarks, self.size, self.forehead = _described(self.path, metadata)
        self.face_alone = metadata.get("face_alone", "0") == "1"
        self.keep_openings = metadata.get("keep_openings", "0") == "1"
        self.version = metadata.get("version", "unknown")
        self._shapes = input_shapes(self.num_landmarks, self.size)
        self._check_interface()

    def __call__(
        self,
        condition: Float[Tensor, "b 3 h w"],
        source: Float[Tensor, "b 3 h w"],
        condition_landmarks: Float[Tensor, "b k 2"],
        source_landmarks: Float[Tensor, "b k 2"],
        mask: Float[Tensor, "b 1 h w"],
    ) -> Float[Tensor, "b 3 h w"]:
        inputs = (condition, source, condition_landmarks, source_landmarks, mask)
        self._check(dict(zip(INPUTS, inputs, strict=True)))
        parts = zip(*(torch.split(x, _AT_ONCE) for x in inputs), strict=True)
        return torch.cat([self._run(*part) for part in parts]).to(condition.device)

    def _run(self, *inputs: Tensor) -> Tensor:
        arrays = [x.detach().cpu().contiguous().numpy() for x in inputs]
        (image,) = self._session.run([OUTPUT], dict(zip(INPUTS, arrays, strict=True)))
        return torch.from_numpy(image)

    def _check(self, given: Mapping[str, Tensor]) -> None:
        batch = len(given["condition"]) if given["condition"].ndim else 0
        for name, x in given.items():
            expected = (batch, *self._shapes[name])
            if x.shape != expected:
                shape = f"(b, {', '.join(map(str, expected[1:]))})"
                raise ValueError(
                    f"expected {name} of shape {shape}, the same b for all, got {tuple(x.shape)}"
                )
            check_batch(x, name)
            if x.dtype != torch.float32:
                raise ValueError(f"expected {name} of float32, got {x.dtype}")

    def _check_interface(self) -> None:
        """The graph takes and gives what its metadata says."""
        given = {x.name: (x.type, tuple(x.shape[1:])) for x in self._session.get_inputs()}
        expected = {name: ("tensor(float)", shape) for name, shape in self._shapes.items()}
        outputs = [x.name for x in self._session.get_outputs()]
        if given != expected or outputs != [OUTPUT]:
            raise ValueError(
                f"{self.path}: expected inputs {expected} and an output {OUTPUT!r}, "
                f"got {given} and {outputs}"
            )


def input_shapes(num_landmarks: int, size: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """Of one item, by the names of the file's inputs."""
    picture, points = (3, *size), (num_landmarks, 2)
    return dict(zip(INPUTS, (picture, picture, points, points, (1, *size)), strict=True))


def _described(path: Path, metadata: Mapping[str, str]) -> tuple[int, tuple[int, int], float]:
    """Number of landmarks, height and width, and the forehead of its masks."""
    if metadata.get("kind") != KIND or metadata.get("format") != FORMAT_VERSION:
        raise ValueError(
            f"{path}: expected ONNX of {KIND}, format {FORMAT_VERSION}, "
            f"got {metadata.get('kind')}, format {metadata.get('format')}"
        )
    try:
        count, height, width = (int(metadata[key]) for key in ("num_landmarks", "height", "width"))
        forehead = float(metadata.get("forehead", 0))
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{path}: expected num_landmarks, height and width in its metadata: {error!r}"
        ) from error
    return count, (height, width), forehead
