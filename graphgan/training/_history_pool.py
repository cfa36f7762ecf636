"""A pool of earlier generated images that a discriminator sees again.

Source: Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial
Training", CVPR 2017; [B] Tang et al., BMVC 2020, uses a pool of 50.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


class HistoryPool:
    """Return half new images and half from the pool, where the new ones replace them.

    Until the pool is full, all images are new and are stored. Randomness comes from torch's global
    generator, so it follows ``torch.manual_seed``.

    Args:
        size: number of stored items; 0 returns the input unchanged.
    Raises:
        ValueError: a negative size.

    Example:
        >>> pool = HistoryPool(50)
        >>> pool(torch.zeros(4, 3, 8, 8)).shape
        torch.Size([4, 3, 8, 8])
    """

    def __init__(self, size: int) -> None:
        if size < 0:
            raise ValueError(f"expected a size of at least 0, got {size}")
        self.size = size
        self.kept: list[Tensor] = []

    def __call__(self, items: Float[Tensor, "b *rest"]) -> Float[Tensor, "b *rest"]:
        """The same number of items, without gradient, in the order of those they replace."""
        items = items.detach()
        return items if self.size == 0 else torch.stack([self._exchange(item) for item in items])

    def _exchange(self, item: Tensor) -> Tensor:
        if len(self.kept) < self.size:
            self.kept.append(item.clone())
            return item
        if torch.rand(()) < 0.5:
            return item
        place = int(torch.randint(self.size, ()))
        old, self.kept[place] = self.kept[place], item.clone()
        return old.to(item.device)  # after resuming they are on the checkpoint's device

    def state_dict(self) -> dict[str, Any]:
        """State needed to resume a run."""
        return {"kept": list(self.kept)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            ValueError: more items than this pool holds.
        """
        if len(state["kept"]) > self.size:
            raise ValueError(f"expected at most {self.size} items, got {len(state['kept'])}")
        self.kept = list(state["kept"])
