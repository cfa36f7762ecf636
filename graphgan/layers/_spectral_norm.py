"""Spectral normalization: a weight divided by its largest singular value.

Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018,
algorithm 1. Keys and numbers are those of `torch.nn.utils.parametrizations.spectral_norm`, which
runs its first iterations on the meta device as well, where they take seconds and compute nothing.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FIRST_ITERATIONS = 15


class SpectralNorm(nn.Module):
    """A parametrization: ``weight / sigma`` with ``sigma = u^T W v``.

    ``W`` is the weight as a matrix with one row per output. ``u`` and ``v`` approximate its first
    singular vectors: in training mode, each access to the weight improves them by one step of power
    iteration. They are constants for the gradient.

    Args:
        weight: initial weight with at least two dimensions, outputs first.
        eps: minimum norm used as a divisor.
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, eps: float = 1e-12) -> None:
        super().__init__()
        self.eps = eps
        matrix = weight.detach().flatten(1)
        u, v = (matrix.new_empty(count).normal_() for count in matrix.shape)
        self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
        self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
        if not weight.is_meta:
            self._approach(matrix, FIRST_ITERATIONS)

    @torch.no_grad()
    def _approach(self, matrix: Tensor, iterations: int = 1) -> None:
        for _ in range(iterations):
            self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.T.mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        if self.training:
            self._approach(matrix)
        # Copies, since another access before backward changes the buffers.
        u, v = self._u.clone(), self._v.clone()
        return weight / torch.vdot(u, matrix.mv(v))
