"""3x3 convolutions with a quarter of the products.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4;
the matrices are those of Toom and Cook, see Barabasz et al., "Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks", TOMS 2020, whose advice the choice of
points follows: 0, +-3/4, +-3/2 lose a digit less than the usual 0, +-1, +-2.
"""

from fractions import Fraction

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from graphgan.layers._convolution import ReflectConv2d

KERNEL = 3
TILE = 4  # outputs a side of a tile
_PATCH = TILE + KERNEL - 1  # inputs that they see
_POINTS = (Fraction(0), Fraction(3, 4), -Fraction(3, 4), Fraction(3, 2), -Fraction(3, 2))
_Rows = list[list[Fraction]]


class WinogradConv2d(nn.Module):
    """What a 3x3 `ReflectConv2d` computes, for inference, by tiles of 4x4 outputs.

        out = A^T ((G w G^T) * (B^T x B)) A    per tile, * summed over input channels

    36 products a tile, input and output channel instead of 144. Single and double precision on
    CPUs go this way, where matrix products are as fast as convolutions; half precision and GPUs,
    whose convolutions are faster than any transform, take the plain one.

    Args:
        conv: whose weights it takes over.
    Shapes:
        ``x: b c h w -> b o h w``, as ``conv``
    Raises:
        ValueError: a kernel that is not 3x3.
    """

    weight: Tensor
    bias: Tensor | None
    transformed: Tensor
    patch_matrix: Tensor
    output_matrix: Tensor

    def __init__(self, conv: ReflectConv2d) -> None:
        super().__init__()
        if conv.kernel_size != (KERNEL, KERNEL):
            raise ValueError(f"expected a 3x3 kernel, got {conv.kernel_size}")
        self.margin = conv.margin
        weight = conv.weight.detach()
        bias = None if conv.bias is None else conv.bias.detach()
        output, kernel, patch = _matrices()
        double = torch.einsum("im,ocmn,jn->ijco", kernel, weight.double().cpu(), kernel)
        tensors = {
            "weight": weight,
            "bias": bias,
            "transformed": rearrange(double, "i j c o -> (i j) c o").to(weight),
            "patch_matrix": torch.kron(patch, patch).to(weight),
            "output_matrix": torch.kron(output, output).to(weight),
        }
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b o h w"]:
        padded = F.pad(x, self.margin, mode="reflect")
        if _is_slower(x):
            return F.conv2d(padded, self.weight, self.bias)
        height, width = x.shape[2:]
        rows, columns = -(-height // TILE), -(-width // TILE)
        padded = F.pad(padded, (0, columns * TILE - width, 0, rows * TILE - height))
        tiles = padded.unfold(2, _PATCH, TILE).unfold(3, _PATCH, TILE)
        tiles = rearrange(tiles, "b c p q i j -> (i j) (b p q c)")
        patches = rearrange(self.patch_matrix @ tiles, "t (n c) -> t n c", c=x.shape[1])
        products = torch.bmm(patches, self.transformed)
        out = self.output_matrix @ rearrange(products, "t n o -> t (n o)")
        out = rearrange(
            out, "(i j) (b p q o) -> b (p i) (q j) o", i=TILE, b=len(x), p=rows, q=columns
        )[:, :height, :width]
        out = out if self.bias is None else out + self.bias
        return rearrange(out, "b h w o -> b o h w")

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}"


def _is_slower(x: Tensor) -> bool:
    full = x.dtype in (torch.float32, torch.float64)
    return x.device.type != "cpu" or not full or torch.is_autocast_enabled("cpu")


def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    """``A^T``, ``G`` and ``B^T``: products of polynomials from their values at points.

    A row a point for what is evaluated, the last one for infinity, where a polynomial is its
    leading coefficient; ``B^T`` holds the coefficients of Lagrange's polynomials.
    """
    output = [[*(p**i for p in _POINTS), _is(i == TILE - 1)] for i in range(TILE)]
    kernel = [[p**j / _scale(p) for j in range(KERNEL)] for p in _POINTS]
    kernel.append([_is(j == KERNEL - 1) for j in range(KERNEL)])
    patch = [_with_roots([other for other in _POINTS if other != p]) for p in _POINTS]
    patch = [[*row, Fraction(0)] for row in patch] + [_with_roots(_POINTS)]
    return _tensor(output), _tensor(kernel), _tensor(patch)


def _scale(point: Fraction) -> Fraction:
    """Of Lagrange's polynomial of a point: its value there."""
    value = Fraction(1)
    for other in _POINTS:
        value *= point - other if other != point else 1
    return value


def _with_roots(roots: "list[Fraction] | tuple[Fraction, ...]") -> list[Fraction]:
    """Coefficients, the constant first, of the product of all ``x - root``."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        scaled = [*(root * c for c in coefficients), Fraction(0)]
        coefficients = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def _is(true: bool) -> Fraction:
    return Fraction(int(true))


def _tensor(rows: _Rows) -> Tensor:
    return torch.tensor([[float(value) for value in row] for row in rows], dtype=torch.float64)
