"""The folder of a run: configuration, metrics, pictures, checkpoints. Nothing in it is ever half.

config.yaml                      every option of the run
metrics.csv                      a row every few steps
events.out.tfevents.*            the same for TensorBoard
sheets/step-000100.png           sample pictures
checkpoints/step-000100/         state.pt (to resume), generator.safetensors (to use)
"""

import csv
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from graphgan.extras import needs_extra
from graphgan.files import naming, replacing, require_new_folder
from graphgan.weights.finding import checkpoints_of

CONFIG = "config.yaml"
STATE = "state.pt"


class RunFolder:
    """A run on disk.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: Path | str, config: dict[str, Any]) -> "RunFolder":
        """A new run.

        Raises:
            ValueError: the folder holds something already.
        """
        run = cls(path)
        require_new_folder(run.path, "go on with it by --resume or name another by --out")
        run.sheets.mkdir(parents=True, exist_ok=True)
        run.checkpoints.mkdir()
        run.update_config(config)
        return run

    @classmethod
    def open(cls, path: Path | str) -> tuple["RunFolder", dict[str, Any]]:
        """An existing run and its configuration.

        Raises:
            ValueError: no run there, or an unreadable configuration.
        """
        with needs_extra("recipes"):
            import yaml
        run = cls(path)
        file = run.path / CONFIG
        if not file.is_file():
            raise ValueError(f"expected a run folder with {CONFIG}, found none at {run.path}")
        try:
            config = yaml.safe_load(file.read_text())
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"expected YAML in {file}: {error}") from error
        if not isinstance(config, dict):
            raise ValueError(f"expected options in {file}, got {type(config).__name__}")
        return run, config

    def update_config(self, config: dict[str, Any]) -> None:
        """Write config.yaml anew, as when a resumed run is to take more steps."""
        with needs_extra("recipes"):
            import yaml
        with replacing(self.path / CONFIG) as temporary:
            temporary.write_text(yaml.safe_dump(config, sort_keys=False))

    @property
    def sheets(self) -> Path:
        """Folder of the sample pictures."""
        return self.path / "sheets"

    @property
    def metrics(self) -> Path:
        """The table to which `log` appends."""
        return self.path / "metrics.csv"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    def sheet(self, step: int) -> Path:
        """File of the sample pictures of a step."""
        return self.sheets / f"step-{step:06d}.png"

    def log(self, row: dict[str, int | float]) -> None:
        """Append one row; the first one writes the header."""
        with naming(self.metrics), self.metrics.open("a", newline="") as stream:
            writer = csv.DictWriter(stream, list(row), lineterminator="\n")
            if stream.tell() == 0:
                writer.writeheader()
            writer.writerow(row)

    def forget_after(self, step: int) -> None:
        """Drop what a killed process left half-written, and rows of steps to be taken again."""
        for half in self.checkpoints.glob(".step-*.part"):
            shutil.rmtree(half)
        if not self.metrics.exists():
            return
        lines = self.metrics.read_text().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]  # a killed process leaves halves
        kept = [row for row in whole[1:] if int(row.split(",")[0]) <= step]
        with replacing(self.metrics) as temporary:
            temporary.write_text("".join([*whole[:1], *kept]))

    def save(
        self, step: int, state: dict[str, Any], export: Callable[[Path], None], *, keep: int = 2
    ) -> Path:
        """Write a checkpoint under a temporary name, rename it, and drop all but the last ones.

        Args:
            step: how many steps have been taken.
            state: tensors and plain values, all that resuming needs.
            export: writes the shipped weights into the folder it is given.
            keep: how many checkpoints stay.
        Raises:
            OSError: it could not be written; earlier checkpoints are as they were.
        """
        final = self.checkpoints / f"step-{step:06d}"
        temporary = final.with_name(f".{final.name}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir(parents=True)
            _save_tensors(state | {"step": step}, temporary / STATE)
            export(temporary)
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        for old in checkpoints_of(self.path)[:-keep]:
            shutil.rmtree(old)
        return final

    def latest(self) -> Path | None:
        """The newest whole checkpoint."""
        saved = checkpoints_of(self.path)
        return saved[-1] if saved else None


def load_state(checkpoint: Path) -> dict[str, Any]:
    """What `RunFolder.save` was given, on the CPU. Loading runs no code of the file.

    Raises:
        ValueError: no state there, damaged, or a pickle of something else than tensors.
    """
    file = checkpoint / STATE
    if not file.is_file():
        raise ValueError(f"expected a training state, found none at {file}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles that are refused anyway
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged archive or a foreign pickle makes of it
        raise ValueError(
            f"expected a training state in {file}, it is damaged or something else; "
            f"remove {checkpoint} to resume from the checkpoint before it"
        ) from error
    if not isinstance(state, dict) or "step" not in state:
        raise ValueError(f"expected a training state in {file}, got {type(state).__name__}")
    return state


def _save_tensors(state: dict[str, Any], file: Path) -> None:
    try:
        with naming(file), file.open("wb") as stream:
            torch.save(state, stream)
    except RuntimeError as error:  # torch speaks of a broken archive, the reason came before
        if not isinstance(reason := error.__context__, OSError):
            raise
        raise OSError(reason.errno, reason.strerror, str(file)) from error
