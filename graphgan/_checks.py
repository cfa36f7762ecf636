"""Checks at the door of a block: they cost nothing when they pass."""

import torch
from torch import Tensor


def check_features(x: Tensor, channels: int, name: str = "features", *, smallest: int = 1) -> None:
    """Raise ``ValueError`` unless ``x`` is a non-empty float ``b channels h w``.

    ``smallest`` is the minimum height and width: reflection padding needs one pixel more than it
    adds.
    """
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"expected {name} of shape (b, {channels}, h, w), got {tuple(x.shape)}")
    if min(x.shape[2:]) < smallest:
        size = f"{x.shape[2]} x {x.shape[3]}"
        raise ValueError(f"expected {name} with sides of at least {smallest} pixels, got {size}")
    check_batch(x, name)


def check_pair(x_1: Tensor, x_2: Tensor, channels: int) -> None:
    """Raise ``ValueError`` unless both are non-empty float ``b channels h w`` of one shape."""
    check_features(x_1, channels, "x_1")
    check_features(x_2, channels, "x_2")
    if x_1.shape != x_2.shape:
        raise ValueError(
            f"expected two maps of one shape, got {tuple(x_1.shape)} and {tuple(x_2.shape)}"
        )


def check_batch(x: Tensor, name: str) -> None:
    """Raise ``ValueError`` unless ``x`` holds floating-point numbers and at least one item."""
    if not x.is_floating_point():
        raise ValueError(f"expected floating-point {name}, got {x.dtype}")
    if x.shape[0] == 0:
        raise ValueError(f"expected at least one item in {name}, got an empty batch")


def check_positive(**sizes: int) -> None:
    """Raise ``ValueError`` for the first size below 1, by its name."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"expected {name} of at least 1, got {size}")


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Raise ``ValueError`` that lists the choices unless ``value`` is one of them."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"expected {name} to be one of {listed}; got {value!r}")


def check_indices(name: str, indices: Tensor, count: int) -> None:
    """Raise ``ValueError`` unless all are int64, from 0 to ``count - 1``.

    A GPU would have to be waited for, a compiler cannot look: there indexing itself fails.
    """
    if indices.dtype != torch.int64:
        raise ValueError(f"expected {name} of int64, got {indices.dtype}")
    if indices.is_cpu and not torch.compiler.is_compiling() and indices.numel():
        low, high = (int(end) for end in indices.aminmax())
        if low < 0 or high >= count:
            raise ValueError(
                f"expected {name} from 0 to {count - 1}, got {low if low < 0 else high}"
            )
