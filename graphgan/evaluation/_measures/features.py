"""Image features from one network, computed once per image."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from graphgan.evaluation._study import Study, Subject
from graphgan.metrics._realism import close_up

Features = Callable[[Tensor], Tensor]
"""Maps 8-bit images ``b 3 h w`` to ``b d``. Optional attributes: ``name``, for tables;
``fingerprint``, the key for cached results; ``of_close_ups = True``, to receive face crops
(`close_up`), where changes are most visible."""


class PictureFeatures:
    """Features of a study's images and of results.

    Args:
        study: supplies the images.
        network: see `Features`.
    Attributes:
        name: the network's name in tables, or None.
    """

    def __init__(self, study: Study, network: Features) -> None:
        self.study = study
        self.network = network.eval() if isinstance(network, nn.Module) else network
        self.name: str | None = getattr(network, "name", None)
        self._known: dict[int, Float[Tensor, d]] = {}

    def of_pictures(self, numbers: Sequence[int]) -> Float[Tensor, "n d"]:
        """Features of untouched images."""
        if missing := [i for i in dict.fromkeys(numbers) if i not in self._known]:
            found = self._ask(self.study.images(missing), missing)
            self._known.update(zip(missing, found, strict=True))
        return torch.stack([self._known[i] for i in numbers])

    def of_subject(self, subject: Subject) -> Float[Tensor, "n d"]:
        """Features of a system's results, and of the sources without a result."""
        probes = self.study.protocol.probes
        return subject.once(
            ("features", self.name), lambda: self._ask(subject.results.images, probes)
        )

    def _ask(
        self, images: UInt8[Tensor, "n 3 h w"], sources: Sequence[int]
    ) -> Float[Tensor, "n d"]:
        """Of images that show the faces of these untouched pictures, or what became of them."""
        tool_runner, step = self.study.tool_runner, self.study.settings.batch_size
        if getattr(self.network, "of_close_ups", False):
            images = _close_ups(images, self.study.outlines(sources))

        def compute() -> dict[str, Tensor]:
            batches = torch.split(images, step)
            parts = tool_runner.progress(
                batches, len(batches), f"features {self.name or ''}".strip()
            )
            with torch.no_grad():
                return {"features": torch.cat([self.network(part).float() for part in parts])}

        fingerprint = getattr(self.network, "fingerprint", None)
        if fingerprint is None:
            features = compute()["features"]
        else:
            inputs = (f"{self.name} {fingerprint}", images)
            features = tool_runner.cache.fetch("features", inputs, compute)["features"]
        if features.ndim != 2 or not features.isfinite().all():
            shape = tuple(features.shape)
            raise ValueError(f"expected finite features n d of images, got shape {shape}")
        return features


def _close_ups(
    images: UInt8[Tensor, "n 3 h w"], landmarks: Float[Tensor, "n k 2"]
) -> UInt8[Tensor, "n 3 s s"]:
    """The faces; all of an image whose landmarks are missing."""
    whole = torch.tensor([[0.0, 0.0], [images.shape[3] - 1.0, images.shape[2] - 1.0]])
    there = landmarks.isfinite().all(-1, keepdim=True)
    low = torch.where(there, landmarks, torch.inf).amin(1)
    high = torch.where(there, landmarks, -torch.inf).amax(1)
    known = (high > low).any(1)
    points = [own if there else whole for own, there in zip(landmarks, known, strict=True)]
    return torch.stack([close_up(*pair) for pair in zip(images, points, strict=True)])
