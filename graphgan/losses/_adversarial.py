"""Adversarial losses on logits.

Sources: bce: [A] Dall'Asen et al., ICIAP 2021, eq. (2) (whose ``1 - log D`` is a misprint of
``log(1 - D)``); lsgan: Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017, with
labels 0 and 1; hinge: Lim and Ye, "Geometric GAN", 2017, https://arxiv.org/abs/1705.02894;
wasserstein: Arjovsky et al., "Wasserstein GAN", ICML 2017; relativistic: Huang et al., "The GAN is
dead; long live the GAN! A Modern GAN Baseline", NeurIPS 2024, https://arxiv.org/abs/2501.05441 (to
be used with `zero_centered_gradient_penalty` on both sides).
"""

from typing import Literal, get_args

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

AdversarialMode = Literal["bce", "lsgan", "hinge", "wasserstein", "relativistic"]
"""Names of the adversarial losses, see `AdversarialLoss`."""


class AdversarialLoss(nn.Module):
    """Losses of a discriminator and a generator, from logits of real and fake inputs.

    With r and f the logits, means over everything, and softplus(x) = log(1 + exp(x)):

        mode          discriminator                                generator
        bce           s (softplus(-r) + softplus(f))               softplus(-f)
        lsgan         s ((r - 1)^2 + f^2)                          (f - 1)^2
        hinge         max(0, 1 - r) + max(0, 1 + f)                -f
        wasserstein   f - r                                        -f
        relativistic  softplus(f - r)                              softplus(r - f)

    Args:
        mode: a row of the table.
        halve: s is 1/2 if True, as usual, or 1 if False, as in eq. (2) of [A]. The other modes have
            no s.
    Shapes:
        logits of any shape -> scalar; r and f of one shape where they are paired
    Raises:
        ValueError: an unknown mode; a relativistic loss without real logits, or with mismatched
            shapes.

    Example:
        >>> loss = AdversarialLoss("bce")
        >>> round(float(loss.discriminator(torch.zeros(2, 1), torch.zeros(2, 1))), 4)
        0.6931
    """

    def __init__(self, mode: AdversarialMode = "bce", *, halve: bool = True) -> None:
        super().__init__()
        if mode not in get_args(AdversarialMode):
            raise ValueError(f"expected mode in {get_args(AdversarialMode)}, got {mode!r}")
        self.mode = mode
        self.scale = 0.5 if halve else 1.0

    def discriminator(
        self, real: Float[Tensor, "*r"], fake: Float[Tensor, "*f"]
    ) -> Float[Tensor, ""]:
        """The discriminator's loss; ``fake`` must be detached from the generator."""
        match self.mode:
            case "bce":
                return self.scale * (F.softplus(-real).mean() + F.softplus(fake).mean())
            case "lsgan":
                return self.scale * ((real - 1).square().mean() + fake.square().mean())
            case "hinge":
                return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
            case "wasserstein":
                return fake.mean() - real.mean()
            case "relativistic":
                return F.softplus(self._paired(fake, real)).mean()

    def generator(
        self, fake: Float[Tensor, "*f"], real: Float[Tensor, "*r"] | None = None
    ) -> Float[Tensor, ""]:
        """The generator's loss; only the relativistic mode uses ``real``."""
        match self.mode:
            case "bce":
                return F.softplus(-fake).mean()
            case "lsgan":
                return (fake - 1).square().mean()
            case "hinge" | "wasserstein":
                return -fake.mean()
            case "relativistic":
                return F.softplus(-self._paired(fake, real)).mean()

    @property
    def needs_real(self) -> bool:
        """Whether the generator's loss uses real logits."""
        return self.mode == "relativistic"

    @staticmethod
    def _paired(fake: Tensor, real: Tensor | None) -> Tensor:
        if real is None or real.shape != fake.shape:
            shape = None if real is None else tuple(real.shape)
            raise ValueError(f"expected real logits of shape {tuple(fake.shape)}, got {shape}")
        return fake - real

    def forward(
        self, real: Float[Tensor, "*r"], fake: Float[Tensor, "*f"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Both losses: ``(discriminator, generator)``."""
        return self.discriminator(real, fake), self.generator(fake, real)

    def extra_repr(self) -> str:
        return repr(self.mode) if self.scale == 0.5 else f"{self.mode!r}, halve=False"
