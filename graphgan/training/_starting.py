"""Start a new run from trained weights: shipped ones, a file, or another run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphgan._states import some
from graphgan.models import Pretrained
from graphgan.training._run_folder import STATE, RunFolder, load_state
from graphgan.training._step import GANStep


def start_from(gan_step: GANStep, source: Path) -> str:
    """Load a run's networks, or a generator; returns a line that says what was loaded.

    Args:
        gan_step: receives the weights; its optimizers are not changed.
        source: a run folder, a weights file, or the name of shipped weights.
    Raises:
        ValueError: the source does not exist, or has another generator.
    """
    checkpoint = RunFolder(source).latest()
    if checkpoint is not None and (checkpoint / STATE).is_file():
        with state_of(checkpoint) as state:
            gan_step.load_networks(state)
        return _told(gan_step, source, ["generator", *state["networks"]], "")
    return _told(gan_step, source, ["generator"], _start_generator(gan_step, source))


@contextmanager
def state_of(checkpoint: Path) -> Iterator[dict[str, Any]]:
    """Yield the content of a checkpoint; errors in the block name it."""
    state = load_state(checkpoint)
    try:
        yield state
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from error


def _start_generator(gan_step: GANStep, source: Path) -> str:
    """Load the weights of a file; returns the options in which its network differs."""
    network = gan_step.generator.network
    if not isinstance(network, Pretrained):
        raise ValueError(
            f"expected the folder of a run to start from, got {source}: {type(network).__name__} "
            "is not a graphgan.models.Pretrained, so its files cannot be loaded"
        )
    found = type(network).from_pretrained(source)
    unlike = some(_unlike(found.config, network.config), 6)
    try:
        gan_step.load_generator(found.state_dict())
    except ValueError as error:
        reason = f"its options differ: {unlike}" if unlike else str(error)
        raise ValueError(
            f"expected weights of this run's generator in {source}, {reason}"
        ) from error
    return unlike


def _unlike(found: dict[str, Any], own: dict[str, Any]) -> list[str]:
    """``norm batch (here group)`` for each option that differs, those of parts included."""
    lines = []
    for name in dict.fromkeys([*found, *own]):
        theirs, ours = found.get(name), own.get(name)
        if isinstance(theirs, dict) and isinstance(ours, dict):
            lines += _unlike(theirs, ours)
        elif theirs != ours:
            lines.append(f"{name} {theirs} (here {ours})")
    return lines


def _told(gan_step: GANStep, source: Path, loaded: list[str], unlike: str) -> str:
    networks = ["generator", *gan_step.discriminators]
    untrained = [name for name in networks if name not in loaded]
    line = f"starts from {source}: {', '.join(name for name in networks if name in loaded)}"
    if untrained:
        line += f"; untrained, since it does not include them: {', '.join(untrained)}"
    return f"{line}; different options: {unlike}" if unlike else line
