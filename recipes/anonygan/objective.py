"""AnonyGAN's training objective.

Source: [A] Dall'Asen et al., "Graph-based Generative Face Anonymisation with Pose Preservation",
ICIAP 2021, eq. (2) to (5).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from identity import identity_loss, told_apart
from torch import Tensor, nn

from graphgan.data import FaceBatch, draw_change
from graphgan.landmarks import paste
from graphgan.losses import (
    AdversarialLoss,
    AdversarialMode,
    WeakFeatureMatchingLoss,
    interpolated_gradient_penalty,
    reconstruction_loss,
    zero_centered_gradient_penalty,
)
from graphgan.models import GeneratorOutput
from graphgan.training import Losses, check_not_negative

MATCHED_LAYERS = 5  # of a discriminator's six layers; the last one returns the logits


@dataclass(frozen=True)
class LossOptions:
    """Terms of the objective. The defaults are the paper's."""

    adversarial: AdversarialMode = "bce"
    """Adversarial loss of both discriminators."""
    halve_d: bool = True
    """Average the real and fake terms of each discriminator's loss (bce and lsgan). False sums
    them, as in the paper; with Adam this only changes the effect of its epsilon."""
    weight_app: float = 1.0
    """Weight of the appearance discriminator."""
    weight_lm: float = 1.0
    """Weight of the landmark discriminator."""
    weight_wfm: float = 1.0
    """Weight of weak feature matching (0.8 in the published code)."""
    wfm_first_layer: int = 3
    """First layer m of weak feature matching, counted from 1. The paper gives no value; the
    published code uses 1."""
    wfm_logits: bool = False
    """Also match the logits as a sixth layer, as eq. (4) can be read. The published code does
    not."""
    wfm_pairs: Literal["different", "all", "same_person"] = "different"
    """Pairs to match: those whose condition is another image (published code), all, or those of one
    person, where the source is the true answer (not in the paper)."""
    weight_recon: float = 5.0
    """Weight of the reconstruction loss on pairs of one person (10 in the published script)."""
    recon_of: Literal["image", "pasted"] = "image"
    """Image to reconstruct: the generator's output, or the output pasted into the mask (published
    code)."""
    judged: Literal["image", "pasted"] = "image"
    """What the discriminators see: the generator's output, or the output pasted into the mask,
    including the seam (not in the paper)."""
    r1: float = 0.0
    """Gamma of the gradient penalty on real images (R1). 0 disables it; relativistic requires
    it."""
    r2: float = 0.0
    """Gamma of the gradient penalty on generated images (R2). 0 disables it; relativistic requires
    it."""
    gradient_penalty: float = 0.0
    """Weight of the gradient penalty between real and generated images. 0 disables it; wasserstein
    requires it (its paper uses 10)."""
    context_jitter: float = 0.0
    """Random color change around the hole, 0 to 0.5 (0 in the paper). Use it with pairs of one
    person, so that the generator takes skin color from the condition instead of from ears and
    neck."""
    weight_identity: float = 0.0
    """Weight of an identity network trained on the training set's people. It pulls the result
    toward its condition and, for pairs of different people, away from the source (not in the
    paper)."""
    condition_jitter: float = 0.0
    """Random color change of the condition, 0 to 0.5 (0 in the paper). Use it with pairs of one
    person, so that the generator takes lighting from around the hole."""
    weight_features: float = 0.0
    """Weight of the feature distance between result and source on pairs of one person, in the
    feature network of the projected discriminators (not in the paper)."""
    weight_keep: float = 0.0
    """Weight of detail changes that the generator makes to a fitted condition inside the mask, on
    pairs of different people. Lighting and the inside of the mouth may change freely (needs
    projected discriminators; not in the paper)."""
    weight_attention: float = 0.0
    """Weight of the mean square of the attention inside the mask. Without it the attention may
    saturate at 1, so that the fitted condition is copied and nothing is learned (Pumarola et al.,
    ECCV 2018; needs projected discriminators; not in the paper)."""
    augmentation: float = 0.0
    """Strength, from 0 to 1, of random rotation, translation, zoom and color changes of real and
    generated images and their landmarks before a discriminator sees them (0 in the paper)."""

    def __post_init__(self) -> None:
        for name in ("context_jitter", "condition_jitter"):
            if (strength := getattr(self, name)) > 0.5:
                raise ValueError(f"expected {name} of at most 0.5, got {strength}")
        if self.augmentation > 1:
            raise ValueError(f"expected augmentation of at most 1, got {self.augmentation}")
        last = MATCHED_LAYERS + self.wfm_logits
        if not 1 <= self.wfm_first_layer <= last:
            raise ValueError(
                f"expected wfm_first_layer from 1 to {last}, got {self.wfm_first_layer}"
            )
        check_not_negative(self)
        if self.adversarial == "wasserstein" and self.gradient_penalty == 0:
            raise ValueError(
                "expected --gradient-penalty above 0 with --adversarial wasserstein, whose "
                "discriminator is unbounded without it"
            )
        if self.adversarial == "relativistic" and 0 in (self.r1, self.r2):
            raise ValueError(
                "expected --r1 and --r2 above 0 with --adversarial relativistic, which does not "
                f"converge without them, got {self.r1:g} and {self.r2:g}"
            )

    @property
    def penalizes_gradients(self) -> bool:
        return max(self.r1, self.r2, self.gradient_penalty) > 0


Count = Callable[[Tensor], Tensor]


class Shown(NamedTuple):
    """Real and generated images, and what a discriminator sees beside each of them.

    ``given`` is the condition, or the source's landmarks.
    """

    real: Tensor
    fake: Tensor
    given: Tensor


class AnonyGANObjective:
    """Losses of the generator against the ``app`` and ``lm`` discriminators, with an optional
    ``identity`` network.

    Args:
        options: weights and variants of the terms.
        count: number of selected items per process, averaged over the processes that share the
            batch; by default the process's own count.
    """

    def __init__(self, options: LossOptions, *, count: Count = Tensor.sum) -> None:
        self.options = options
        self.count = count
        self.adversarial = AdversarialLoss(options.adversarial, halve=options.halve_d)
        self.feature_matching = WeakFeatureMatchingLoss(
            first_layer=options.wfm_first_layer, weight=options.weight_wfm
        )

    def generate(self, generator: nn.Module, batch: FaceBatch) -> GeneratorOutput:
        """Show the condition's identity in the source's hole."""
        condition, source = batch.condition, batch.source
        if self.options.context_jitter > 0:
            source = jitter_colors(source, self.options.context_jitter)
        if self.options.condition_jitter > 0:
            condition = jitter_colors(condition, self.options.condition_jitter)
        output: GeneratorOutput = generator(
            condition,
            source,
            batch.condition_landmarks,
            batch.source_landmarks,
            batch.mask,
        )
        return output

    def generator_losses(
        self, discriminators: Mapping[str, nn.Module], batch: FaceBatch, output: GeneratorOutput
    ) -> Losses:
        """Adversarial terms, weak feature matching and reconstruction."""
        options = self.options
        losses: Losses = {}
        for name, weight in (("app", options.weight_app), ("lm", options.weight_lm)):
            discriminator, shown = discriminators[name], self._shown(name, batch, output)
            with torch.no_grad():
                real = discriminator(shown.real, shown.given) if self._needs_real(name) else None
            fake = discriminator(shown.fake, shown.given)
            real_logits = None if real is None else real[-1].float()
            losses[f"g_{name}"] = weight * self.adversarial.generator(fake[-1].float(), real_logits)
            if name == "app" and real is not None and options.weight_wfm > 0:
                layers = slice(None if options.wfm_logits else -1)
                losses["g_wfm"] = self._match(fake[layers], real[layers], batch)
        losses["g_recon"] = options.weight_recon * self._reconstruct(batch, output)
        if options.weight_identity > 0:
            apart = identity_loss(discriminators["identity"], batch, pasted(batch, output))
            losses["g_identity"] = options.weight_identity * apart
        return losses

    def discriminator_losses(
        self, name: str, discriminator: nn.Module, batch: FaceBatch, output: GeneratorOutput
    ) -> Losses:
        """Losses of the discriminators; real and generated images pass in separate calls."""
        if name == "identity":
            return {"d_identity": told_apart(discriminator, batch)}
        shown = self._shown(name, batch, output)
        real = discriminator(shown.real, shown.given)[-1].float()
        fake = discriminator(shown.fake, shown.given)[-1].float()
        losses = {f"d_{name}": self.adversarial.discriminator(real, fake)}
        penalty = self._penalty(lambda x: discriminator(x, shown.given)[-1].float(), shown)
        return losses if penalty is None else losses | {f"d_{name}_penalty": penalty}

    def _penalty(self, critic: Callable[[Tensor], Tensor], shown: "Shown") -> Tensor | None:
        options = self.options
        terms = []
        if options.r1 > 0:
            terms.append(options.r1 / 2 * zero_centered_gradient_penalty(critic, shown.real))
        if options.r2 > 0:
            terms.append(options.r2 / 2 * zero_centered_gradient_penalty(critic, shown.fake))
        if options.gradient_penalty > 0:
            between = interpolated_gradient_penalty(critic, shown.real, shown.fake)
            terms.append(options.gradient_penalty * between)
        return torch.stack(terms).sum() if terms else None

    def _shown(self, name: str, batch: FaceBatch, output: GeneratorOutput) -> "Shown":
        """Inputs of a discriminator, with random augmentation if enabled."""
        image = output.image if self.options.judged == "image" else pasted(batch, output)
        given = batch.condition if name == "app" else batch.source_landmarks
        if (strength := self.options.augmentation) == 0:
            return Shown(batch.source, image, given)
        change = draw_change(batch.source, strength=strength)
        if name == "lm":
            given = change.of_landmarks(given)
        return Shown(change.of_images(batch.source), change.of_images(image.float()), given)

    def _needs_real(self, name: str) -> bool:
        matches = name == "app" and self.options.weight_wfm > 0
        return matches or self.adversarial.needs_real

    def _match(self, fake: list[Tensor], real: list[Tensor], batch: FaceBatch) -> Tensor:
        fake, real = [f.float() for f in fake], [r.float() for r in real]
        if self.options.wfm_pairs == "all":
            return self.feature_matching(fake, real)
        chosen = self.options.wfm_pairs
        selected = batch.different if chosen == "different" else batch.same_person
        return self.feature_matching(fake, real, selected=selected, count=self.count(selected))

    def _reconstruct(self, batch: FaceBatch, output: GeneratorOutput) -> Tensor:
        image = output.image.float()
        if self.options.recon_of == "pasted":
            image = pasted(batch, output)
        selected = batch.same_person
        return reconstruction_loss(
            image, batch.source, selected=selected, count=self.count(selected)
        )


def jitter_colors(images: Tensor, strength: float) -> Tensor:
    """A random gain and offset for every channel of every image, up to ``strength``."""
    gain, offset = torch.empty(2, len(images), 3, 1, 1, device=images.device).uniform_(
        -strength, strength
    )
    return (images * (1 + gain) + offset).clamp(-1, 1)


def pasted(batch: FaceBatch, output: GeneratorOutput) -> Tensor:
    """The source with the result inside its mask, where the source does not stay."""
    return paste(output.image.float(), batch.source, batch.replaced)
