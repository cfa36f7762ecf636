"""The folder of a run: configuration, metrics, images and checkpoints, all written atomically.

config.yaml                      every option of the run
metrics.csv                      a row every few steps
validation.csv                   the error on held-out pairs at every checkpoint
events.out.tfevents.*            the same for TensorBoard, with the sheets
sheets/step-000100.png           sample images
checkpoints/step-000100/         state.pt (to resume), generator.safetensors (to use)
checkpoints/best-000100/         the weights with the least error on held-out pairs
"""

import csv
import json
import math
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from graphgan.extras import needs_extra
from graphgan.files import naming, replacing, require_new_folder
from graphgan.weights._finding import checkpoints_of

CONFIG = "config.yaml"
STATE = "state.pt"
VALIDATION = "validation"
"""Name of the error on held-out pairs, in tables and next to weights."""
_ERROR = f"{VALIDATION}.json"


class RunFolder:
    """A run on disk.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: Path | str, config: dict[str, Any]) -> "RunFolder":
        """Create a new run.

        Raises:
            ValueError: the folder is not empty.
        """
        run = cls(path)
        require_new_folder(run.path, "continue it with --resume or choose another with --out")
        run.sheets.mkdir(parents=True, exist_ok=True)
        run.checkpoints.mkdir()
        run.update_config(config)
        return run

    @classmethod
    def open(cls, path: Path | str) -> tuple["RunFolder", dict[str, Any]]:
        """Open an existing run; returns it with its configuration.

        Raises:
            ValueError: the folder has no run, or its configuration is unreadable.
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
        """Rewrite config.yaml, for example when a resumed run adds steps."""
        with needs_extra("recipes"):
            import yaml
        with replacing(self.path / CONFIG) as temporary:
            temporary.write_text(yaml.safe_dump(config, sort_keys=False))

    @property
    def sheets(self) -> Path:
        """Folder of the sample sheets."""
        return self.path / "sheets"

    @property
    def metrics(self) -> Path:
        """The table that `log` appends to."""
        return self.path / "metrics.csv"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    def sheet(self, step: int) -> Path:
        """Path of a step's sample sheet."""
        return self.sheets / f"step-{step:06d}.png"

    @property
    def validations(self) -> Path:
        """The table that `log_validation` appends to."""
        return self.path / f"{VALIDATION}.csv"

    def log(self, row: dict[str, int | float]) -> None:
        """Append one row; the first one writes the header."""
        _append(self.metrics, row)

    def log_validation(self, step: int, error: float) -> None:
        """Append a step's error on held-out pairs."""
        _append(self.validations, {"step": step, VALIDATION: float(f"{error:.6g}")})

    def forget_after(self, step: int) -> None:
        """Remove incomplete files of a killed process, and rows of steps that will be repeated."""
        for half in self.checkpoints.glob(".*.part"):
            shutil.rmtree(half)
        for table in filter(Path.exists, (self.metrics, self.validations)):
            lines = table.read_text().splitlines(keepends=True)
            whole = [
                line for line in lines if line.endswith("\n")
            ]  # killed processes leave incomplete lines
            kept = [row for row in whole[1:] if int(row.split(",")[0]) <= step]
            with replacing(table) as temporary:
                temporary.write_text("".join([*whole[:1], *kept]))
        self._keep_best()

    def save(
        self,
        step: int,
        state: dict[str, Any],
        export: Callable[[Path], None],
        *,
        validation: float | None = None,
        keep: int = 2,
    ) -> Path:
        """Write a checkpoint atomically, and remove all but the last few.

        Its weights are also kept as the best ones, unless earlier ones had an error as low.

        Args:
            step: number of steps taken.
            state: tensors and plain values needed to resume.
            export: writes the weights to use into the given folder.
            validation: error of these weights on held-out pairs.
            keep: number of checkpoints to keep.
        Raises:
            OSError: it could not be written; earlier checkpoints are intact.
        """
        final = self.checkpoints / f"step-{step:06d}"
        with _new_folder(final) as temporary:
            temporary.mkdir(parents=True)
            _save_tensors(state | {"step": step}, temporary / STATE)
            export(temporary)
            if validation is not None:
                (temporary / _ERROR).write_text(json.dumps({VALIDATION: validation, "step": step}))
        self._keep_best()
        for old in checkpoints_of(self.path)[:-keep]:
            shutil.rmtree(old)
        return final

    def _keep_best(self) -> None:
        """Copy the newest weights beside the checkpoints unless earlier ones were as good."""
        newest, best = self.latest(), self.best()
        error = None if newest is None else validation_of(newest)
        if newest is None or error is None:
            return
        before = None if best is None else validation_of(best)
        if before is not None and before <= error:
            return
        final = self.checkpoints / newest.name.replace("step", "best")
        with _new_folder(final) as temporary:
            shutil.copytree(newest, temporary, ignore=shutil.ignore_patterns(STATE))
        if best is not None and best != final:
            shutil.rmtree(best)

    def best(self) -> Path | None:
        """Folder of the weights with the lowest error on held-out pairs, if it is measured.

        It has the files of a checkpoint, except the state needed to resume.
        """
        errors = {path: validation_of(path) for path in checkpoints_of(self.path, "best")}
        measured = {path: error for path, error in errors.items() if error is not None}
        return min(measured, key=measured.__getitem__, default=None)

    def latest(self) -> Path | None:
        """The newest complete checkpoint."""
        saved = checkpoints_of(self.path)
        return saved[-1] if saved else None


def validation_of(checkpoint: Path) -> float | None:
    """The error of a checkpoint's weights on held-out pairs, or None if it was not measured."""
    try:
        error = float(json.loads((checkpoint / _ERROR).read_text())[VALIDATION])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return error if math.isfinite(error) else None


@contextmanager
def _new_folder(final: Path) -> Iterator[Path]:
    """A temporary name for a folder, which becomes ``final`` when the block succeeds."""
    temporary = final.with_name(f".{final.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        yield temporary
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _append(table: Path, row: dict[str, int | float]) -> None:
    with naming(table), table.open("a", newline="") as stream:
        writer = csv.DictWriter(stream, list(row), lineterminator="\n")
        if stream.tell() == 0:
            writer.writeheader()
        writer.writerow(row)


def load_state(checkpoint: Path) -> dict[str, Any]:
    """Load what `RunFolder.save` wrote, on the CPU and without executing code from the file.

    Raises:
        ValueError: the state is missing or damaged, or is a pickle of something other than tensors.
    """
    file = checkpoint / STATE
    if not file.is_file():
        raise ValueError(f"expected a training state, found none at {file}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickles, which are refused anyway
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged archives and other pickles raise any exception
        raise ValueError(
            f"expected a training state in {file}, it is damaged or another kind of file; "
            f"remove {checkpoint} to resume from the checkpoint before it"
        ) from error
    if not isinstance(state, dict) or "step" not in state:
        raise ValueError(f"expected a training state in {file}, got {type(state).__name__}")
    return state


def _save_tensors(state: dict[str, Any], file: Path) -> None:
    try:
        with naming(file), file.open("wb") as stream:
            torch.save(state, stream)
    except RuntimeError as error:  # torch reports a broken archive; the cause is in the context
        if not isinstance(reason := error.__context__, OSError):
            raise
        raise OSError(reason.errno, reason.strerror, str(file)) from error
