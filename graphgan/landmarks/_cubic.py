"""The kernel of bicubic resampling.

Source: Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE TASSP 1981.
"""

import torch
from torch import Tensor


def keys_cubic(t: Tensor) -> Tensor:
    """Eq. (4) and (8) with a = -1/2: 1 at 0, 0 at the other integers and beyond 2 in size."""
    t = t.abs()
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t < 1, near, far) * (t < 2)
