"""What dlib writes to files: integers of as few bytes as they need, texts, tensors of floats."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_TENSOR_VERSION = 2


class DlibReader:
    """Reads on from wherever it stands; whatever does not fit is a ``ValueError``.

    Args:
        data: all of a file.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def find(self, name: str) -> bool:
        """Move behind the next text of these letters; False, without a move, if there is none."""
        text = bytes([1, len(name)]) + name.encode()
        where = self._data.find(text, self._position)
        if where >= 0:
            self._position = where + len(text)
        return where >= 0

    def integer(self) -> int:
        """A byte that says sign and length, and that many bytes, the lowest first."""
        (head,) = self._take(1)
        value = int.from_bytes(self._take(head & 0x0F), "little")
        return -value if head & 0x80 else value

    def tensor(self) -> Float[Tensor, "n"]:
        """A tensor's version, its four sizes and its numbers, here in one row."""
        if (version := self.integer()) != _TENSOR_VERSION:
            raise ValueError(f"expected a tensor of version {_TENSOR_VERSION}, got {version}")
        count = 1
        for _ in range(4):
            count *= self.integer()
        if count < 0:
            raise ValueError(f"expected a tensor, got one of {count} numbers")
        return torch.from_numpy(np.frombuffer(self._take(4 * count), "<f4").astype(np.float32))

    def _take(self, count: int) -> bytes:
        taken = self._data[self._position : self._position + count]
        if len(taken) < count:
            raise ValueError(f"the file ends {count - len(taken)} bytes too early")
        self._position += count
        return taken
