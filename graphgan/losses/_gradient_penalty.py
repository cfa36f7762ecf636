"""Gradient penalties, which keep a discriminator smooth around real and generated images.

Sources: `interpolated_gradient_penalty`: Gulrajani et al., "Improved Training of Wasserstein GANs",
NeurIPS 2017, eq. (3); `zero_centered_gradient_penalty`: R1 and R2 of Mescheder et al., "Which
Training Methods for GANs do actually Converge?", ICML 2018, used on both sides by Huang et al.,
NeurIPS 2024.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


def zero_centered_gradient_penalty(
    critic: Critic, images: Float[Tensor, "b *rest"]
) -> Float[Tensor, ""]:
    """``mean over items of |grad_x sum(critic(x))|^2``; R1 on real images, R2 on generated ones.

    Multiply it by gamma / 2.

    Args:
        critic: maps images to logits; if there are several per item, such as patches, the gradient
            of their sum is used.
        images: where to take the gradient; they are detached first.

    Example:
        >>> float(zero_centered_gradient_penalty(lambda x: 3 * x.sum((1, 2)), torch.ones(4, 2, 1)))
        18.0
    """
    return _gradient(critic, images).square().flatten(1).sum(1).mean()


def interpolated_gradient_penalty(
    critic: Critic, real: Float[Tensor, "b *rest"], fake: Float[Tensor, "b *rest"]
) -> Float[Tensor, ""]:
    """``mean of (|grad_x critic(x)| - 1)^2`` at random points between real and fake images.

    Its usual weight is 10.

    Args:
        critic: maps images to logits; if there are several per item, such as patches, the gradient
            of their sum is used.
        real: real images.
        fake: generated images, paired with the real ones.
    Raises:
        ValueError: mismatched shapes.
    """
    if real.shape != fake.shape:
        raise ValueError(f"expected one shape, got {tuple(real.shape)} and {tuple(fake.shape)}")
    share = torch.rand(real.shape[0], *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
    between = real.detach().lerp(fake.detach(), share)
    norms: Tensor = torch.linalg.vector_norm(_gradient(critic, between).flatten(1), dim=1)
    return (norms - 1).square().mean()


def _gradient(critic: Critic, images: Tensor) -> Tensor:
    images = images.detach().requires_grad_()
    gradient: Tensor = torch.autograd.grad(critic(images).sum(), images, create_graph=True)[0]
    return gradient
