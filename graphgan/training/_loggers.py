"""Loggers that show a run's metrics and sheets in addition to its folder, by name.

`--logger tensorboard` (the default), `wandb`, `none`, or the class of any Lightning Fabric logger:
`--logger lightning.pytorch.loggers.MLFlowLogger`.
"""

import importlib
import inspect
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jaxtyping import UInt8
from torch import Tensor

from graphgan.extras import MissingExtraError, needs_extra
from graphgan.files import naming, replacing

_Image = UInt8[Tensor, "3 h w"]


@runtime_checkable
class RunLogger(Protocol):
    """The part of a Lightning Fabric logger that a run uses.

    Loggers that show images also have ``log_image(key, images, step)``, like Lightning's own for
    Weights & Biases; others receive only numbers.
    """

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Log a step's numbers, by name."""
        ...

    def finalize(self, status: str) -> None:
        """End the run; nothing is logged afterwards."""
        ...


OpenLogger = Callable[[Path, int, Mapping[str, Any]], RunLogger | None]
"""Opens a logger, given the run folder, the steps taken before, and the run's options."""


def find_logger(name: str) -> OpenLogger:
    """Find a logger by name; nothing is opened or written yet.

    Args:
        name: "tensorboard", "wandb", "none", or a class including its module,
            ``package.module.Class``: any Lightning Fabric logger that can be created without
            arguments, or with the run folder as its ``save_dir`` or ``root_dir``.
    Raises:
        MissingExtraError: it is not installed.
        ValueError: no such logger.

    Example:
        >>> find_logger("none")(Path("runs/mine"), 0, {}) is None
        True
    """
    if name == "none":
        return lambda folder, start, options: None
    if name == "tensorboard":
        with needs_extra("recipes"):
            from torch.utils.tensorboard import SummaryWriter  # noqa: F401
        return lambda folder, start, options: TensorBoardEvents(folder, start)
    if name == "wandb":
        try:
            importlib.import_module("wandb")
        except ImportError as error:
            raise MissingExtraError("wandb is not installed: pip install wandb") from error
        return lambda folder, start, options: WandbRun(folder, options)
    made = _class_of(name)
    return lambda folder, start, options: _open(made, name, folder)


def log_image(logger: RunLogger, key: str, image: _Image, step: int) -> None:
    """Show an image if the logger supports it."""
    if callable(show := getattr(logger, "log_image", None)):
        show(key, [image], step)
    elif callable(add := getattr(getattr(logger, "experiment", None), "add_image", None)):
        add(key, image, step)  # TensorBoard's own, behind Fabric's logger


class TensorBoardEvents:
    """TensorBoard events in the run folder: ``tensorboard --logdir runs``.

    Args:
        folder: the run folder.
        start: steps taken before; events of later steps are dropped, since these are repeated.
    """

    def __init__(self, folder: Path, start: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.folder = folder
        with naming(folder):
            self.events = SummaryWriter(str(folder), purge_step=start + 1)

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Write numbers of a step."""
        with naming(self.folder):
            for name, value in metrics.items():
                self.events.add_scalar(name, value, step)

    def log_image(self, key: str, images: list[_Image], step: int | None = None) -> None:
        """Write images of a step under a name."""
        with naming(self.folder):
            self.events.add_image(key, images[0], step)

    def finalize(self, status: str) -> None:
        """Write what is left, and end."""
        with naming(self.folder):
            self.events.close()


class WandbRun:
    """A Weights & Biases run in the project "graphgan"; resuming continues the same run.

    Configure the server through wandb itself: ``wandb login``, ``WANDB_MODE=offline``,
    ``WANDB_PROJECT``.

    Args:
        folder: the run folder, which wandb also writes to.
        options: options shown with the run.
    Raises:
        ValueError: wandb refuses to start, for example without a login.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        import os

        import wandb

        self.image = wandb.Image
        try:
            self.run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "graphgan"),
                name=folder.name,
                id=_kept_id(folder / "wandb.id"),
                resume="allow",
                dir=str(folder),
                config=dict(options),
            )
        except wandb.Error as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"expected wandb to start, but it reports: {reason}") from error
        # Steps repeated after a kill are behind wandb's own counter.
        self.run.define_metric("*", step_metric="step")

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Write numbers of a step."""
        self.run.log({**metrics, "step": step})

    def log_image(self, key: str, images: list[_Image], step: int | None = None) -> None:
        """Write images of a step under a name."""
        shown = [self.image(image.permute(1, 2, 0).numpy()) for image in images]
        self.run.log({key: shown, "step": step})

    def finalize(self, status: str) -> None:
        """Write what is left, and end."""
        self.run.finish(exit_code=0 if status == "success" else 1)


def _kept_id(file: Path) -> str:
    """The run's ID at wandb, kept for resuming."""
    if not file.is_file():
        with replacing(file) as temporary:
            temporary.write_text(uuid.uuid4().hex[:12])
    return file.read_text().strip()


def _class_of(name: str) -> Callable[..., Any]:
    module, _, kind = name.rpartition(".")
    known = "tensorboard, wandb, none or the class of a Fabric logger"
    example = "lightning.pytorch.loggers.MLFlowLogger"
    if not module:
        raise ValueError(f"expected --logger {known} such as {example}, got {name!r}")
    try:
        made = getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"expected --logger {known}, got {name!r}: {error}") from error
    if not inspect.isclass(made) or not issubclass(made, RunLogger):
        raise ValueError(f"expected --logger {known}, got {name!r}, which is not one")
    return made


def _open(made: Callable[..., Any], name: str, folder: Path) -> RunLogger:
    """Open the logger with the folder, under the argument name it expects."""
    known = inspect.signature(made).parameters
    places = [place for place in ("save_dir", "root_dir") if place in known][:1]
    try:
        logger: RunLogger = made(**dict.fromkeys(places, str(folder)))
    except ImportError as error:  # its backend is not installed
        raise MissingExtraError(f"--logger {name}: {error}") from error
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"expected --logger {name} to start, but it reports: {reason}") from error
    return logger
