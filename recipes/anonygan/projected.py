"""AnonyGAN's objective with projected discriminators.

Sources: [A] Dall'Asen et al., ICIAP 2021, eq. (2) to (5), whose terms are here in another form;
[P] Sauer et al., "Projected GANs Converge Faster", NeurIPS 2021; [R] Reed et al., "Generative
Adversarial Text to Image Synthesis", ICML 2016, section 4.2 (real images with the wrong landmarks).

One pass of the feature network over the result, and one over source and condition, serve all terms.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from objective import AnonyGANObjective, Count, LossOptions, pasted
from torch import Tensor, nn

from graphgan.data import FaceBatch, draw_change
from graphgan.landmarks import IBUG_68, LandmarkScheme, convex_hull, gaussian_maps, polygon_mask
from graphgan.losses import FeatureLoss, WeakFeatureMatchingLoss, reconstruction_loss
from graphgan.models import FeatureNetwork
from graphgan.training import (
    Conditioning,
    Losses,
    projected_discriminator_losses,
    projected_generator_loss,
)

_CELL, _SPREAD = 4, 1.2  # pixels of a cell of their map, and how many cells they reach
_LEAST = 1e-3  # weight
_RIM = 0.1  # of the way from the outline to the middle: there seams are mended
_ELSEWHERE = 0.4  # how much that part, and the forehead, count
_LEAST_ATTENTION, _LIGHT = 0.1, 0.3  # see `ProjectedObjective._changed`
_MATCHED_SCALES = 2  # the coarsest ones: weak feature matching


class Judged(NamedTuple):
    """A generator's output, and what discriminators and feature losses look at.

    Shapes:
        ``fake, real``: features of result and source, each changed alike at random;
        ``condition: b c``, its last features; ``landmarks: b k 2`` and ``region: b 1 h w``, changed
        with the images
    """

    image: Tensor
    attention: Tensor | None
    intermediate: Tensor
    fake: tuple[Tensor, ...]
    real: tuple[Tensor, ...]
    condition: Tensor
    landmarks: Tensor
    region: Tensor


class ProjectedObjective(AnonyGANObjective):
    """Losses of the generator against ``app`` and ``lm`` discriminators on one feature network.

    Args:
        options: weights and variants of the terms.
        network: the feature network of the discriminators.
        scheme: of the landmarks that the networks see. Its eyes, mouth and inner lips are treated
            apart; what it lacks counts as the rest of the face.
        count: see `AnonyGANObjective`.
    """

    def __init__(
        self,
        options: LossOptions,
        network: FeatureNetwork,
        *,
        scheme: LandmarkScheme = IBUG_68,
        count: Count = Tensor.sum,
    ) -> None:
        super().__init__(options, count=count)
        self.network = network
        self.scheme = scheme
        self.feature_loss = FeatureLoss()
        self.feature_matching = WeakFeatureMatchingLoss(first_layer=1, weight=options.weight_wfm)

    def generate(self, generator: nn.Module, batch: FaceBatch) -> Judged:  # type: ignore[override]
        output = super().generate(generator, batch)
        change = draw_change(batch.source, strength=self.options.augmentation)
        with torch.no_grad():
            # Sources and conditions in one pass.
            real = change.of_images(batch.source)
            seen = self.network(torch.cat([real, batch.condition]))
            region = change.of_masks(_region(batch, self.scheme))
        fake = self.network(change.of_images(pasted(batch, output)))
        count = len(real)
        return Judged(
            *output,
            fake=tuple(fake),
            real=tuple(maps[:count] for maps in seen),
            condition=seen[-1][count:].mean((2, 3)),
            landmarks=change.of_landmarks(batch.source_landmarks),
            region=region,
        )

    def generator_losses(  # type: ignore[override]
        self, discriminators: Mapping[str, nn.Module], batch: FaceBatch, output: Judged
    ) -> Losses:
        """Adversarial terms, weak feature matching, feature loss and reconstruction."""
        options, selected = self.options, batch.same_person
        size = (batch.source.shape[2], batch.source.shape[3])
        losses: Losses = {}
        for name, weight in (("app", options.weight_app), ("lm", options.weight_lm)):
            if weight == 0:
                continue
            conditioning = _conditioning(name, output, size)
            fake = conditioning.look(discriminators[name], output.fake)
            losses[f"g_{name}"] = weight * projected_generator_loss(self.adversarial, fake)
            if name == "app" and options.weight_wfm > 0:
                with torch.no_grad():
                    real = conditioning.look(discriminators[name], output.real)
                losses["g_wfm"] = self._match(_matched(fake), _matched(real), batch)
        count = self.count(selected)
        features = self.feature_loss(
            output.fake, output.real, region=output.region, selected=selected, count=count
        )
        losses["g_features"] = options.weight_features * features
        recon = reconstruction_loss(
            output.image, batch.source, region=batch.replaced, selected=selected, count=count
        )
        losses["g_recon"] = options.weight_recon * recon
        if options.weight_keep > 0:
            losses["g_keep"] = options.weight_keep * self._changed(batch, output)
        if options.weight_attention > 0:
            losses["g_attention"] = options.weight_attention * _square(batch, output)
        return losses

    def _changed(self, batch: FaceBatch, output: Judged) -> Tensor:
        """What the blend ``A base + (1 - A) I~`` changed of its base inside the face.

        ``|d - smooth(d)| + 0.3 |smooth(d)|`` with ``d = I - base = (1 - A) / A (I~ - I)``.
        """
        if output.attention is None:
            raise ValueError("expected a generator with attention, for --weight-keep")
        share = output.attention.clamp(min=_LEAST_ATTENTION)
        change = (1 - share) / share * (output.intermediate - output.image)
        low = _smooth(change)
        inside = _inner_face(batch, self.scheme)
        per_item = [((x.abs() * inside).mean((1, 2, 3))) for x in (change - low, low)]
        values = (per_item[0] + _LIGHT * per_item[1]) / inside.mean((1, 2, 3)).clamp(min=1e-3)
        selected = ~batch.same_person
        count = self.count(selected)  # an empty selection sums to 0, so any divisor works
        return (values * selected).sum() / torch.where(count > 0, count, 1)

    def discriminator_losses(  # type: ignore[override]
        self, name: str, discriminator: nn.Module, batch: FaceBatch, output: Judged
    ) -> Losses:
        """See `projected_discriminator_losses`."""
        return projected_discriminator_losses(
            name,
            discriminator,
            self.adversarial,
            real=output.real,
            fake=output.fake,
            conditioning=_conditioning(
                name, output, (batch.source.shape[2], batch.source.shape[3])
            ),
            show_wrong=name == "lm",
        )


def _conditioning(name: str, output: Judged, size: tuple[int, int]) -> Conditioning:
    """The landmarks or the condition, which a discriminator sees beside features."""
    if name == "lm":
        return Conditioning(landmarks=output.landmarks, size=size)
    return Conditioning(condition=output.condition)


def _square(batch: FaceBatch, output: Judged) -> Tensor:
    """The mean square of the attention inside the mask."""
    if output.attention is None:
        raise ValueError("expected a generator with attention, for --weight-attention")
    return (output.attention.square() * batch.mask).sum() / batch.mask.sum().clamp(min=1)


def _smooth(x: Tensor) -> Tensor:
    """What is left of it on an eighth of the pixels a side."""
    coarse = nn.functional.avg_pool2d(x, 8)
    return nn.functional.interpolate(coarse, x.shape[2:], mode="bilinear", align_corners=False)


def _inner_face(batch: FaceBatch, scheme: LandmarkScheme) -> Tensor:
    """1 well within the landmarks, less in the rest of the mask, 0 inside the lips."""
    size = (batch.source.shape[2], batch.source.shape[3])
    hulls = []
    for points in batch.source_landmarks:
        outline = convex_hull(points).to(points)
        hulls.append(polygon_mask(outline.lerp(outline.mean(0), _RIM)[None], size))
    face = torch.maximum(torch.cat(hulls), _ELSEWHERE * batch.mask)
    return face * (1 - _lips(batch, scheme)) if scheme.inner_lips else face


def _lips(batch: FaceBatch, scheme: LandmarkScheme) -> Tensor:
    """1 inside the lips and a little around them."""
    size = (batch.source.shape[2], batch.source.shape[3])
    lips = batch.source_landmarks[:, scheme.inner_lips]
    return polygon_mask(lips + 0.3 * (lips - lips.mean(1, keepdim=True)), size)


def _region(batch: FaceBatch, scheme: LandmarkScheme) -> Tensor:
    """The mask, where eyes and mouth count four times as much."""
    features = [*scheme.eyes[0], *scheme.eyes[1], *scheme.mouth]
    if not features:
        return batch.replaced
    height, width = batch.source.shape[2:]
    points = (batch.source_landmarks[:, features] + 0.5) / _CELL - 0.5
    maps = gaussian_maps(points, (height // _CELL, width // _CELL), sigma=_SPREAD)
    maps = maps.amax(1, keepdim=True)
    maps = maps * (maps > _LEAST)  # CPUs are slow with subnormal numbers
    near = nn.functional.interpolate(maps, (height, width), mode="bilinear")
    return batch.replaced * (0.25 + 0.75 * near)


def _matched(scales: list[list[Tensor]]) -> list[Tensor]:
    return [maps for scale in scales[-_MATCHED_SCALES:] for maps in scale[:-1]]
