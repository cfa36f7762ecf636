"""The Inception network of published FIDs, as torchmetrics has it."""

from pathlib import Path

from torch import nn

from graphgan.extras import MissingExtraError


def torchmetrics_inception(weights: Path) -> nn.Module:
    """torchmetrics' Inception-v3 of 2,048 features, with the weights of a file.

    It is torch-fidelity's, whose weights are those of the original FID; torch-fidelity needs
    torchvision, so graphgan never requires it.

    Args:
        weights: ``pt_inception-2015-12-05-6726825d.pth`` of torch-fidelity's releases.
    Shapes:
        ``images: b 3 h w``, 8 bits -> ``b 2048``; any h and w, brought to 299 x 299 as TensorFlow
        did it
    Raises:
        MissingExtraError: torchmetrics or torch-fidelity is not installed.
        ValueError: no such file, or other weights.
    """
    if not weights.is_file():
        raise ValueError(f"{weights}: no such file; expected weights of torch-fidelity's Inception")
    try:
        import torch_fidelity  # type: ignore[import-not-found]  # noqa: F401
        from torchmetrics.image.fid import NoTrainInceptionV3
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: torchmetrics' Inception takes torch-fidelity, which "
            "takes torchvision; a program of torch.export (.pt2) does without",
            name=error.name,
        ) from error
    try:
        network = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(weights))
    except Exception as error:  # whatever a damaged file makes of it
        raise ValueError(f"{weights}: expected weights of Inception: {error}") from error
    network.path = weights
    return network
