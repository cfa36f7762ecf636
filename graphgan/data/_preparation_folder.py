"""State of a folder that is being prepared: its options, finished work and leftovers."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from graphgan.data._photos import CropOutcome, CroppedPhoto, CropTask, ListedPhoto, UnusablePhoto
from graphgan.data._prepared import FORMAT, is_prepared, read_info
from graphgan.data._progress_record import ProgressRecord, recorded_options, start_record
from graphgan.landmarks import Crop

RECORD = "progress.jsonl"

_OTHERWISE = "choose another folder, or --overwrite to replace it"


def header(options: Mapping[str, Any]) -> dict[str, Any]:
    """The record's first line."""
    return {"format": FORMAT, "options": dict(options)}


def claim(
    out: Path, options: Mapping[str, Any], photos: str, overwrite: bool
) -> dict[str, Any] | None:
    """Make ``out`` ready to be worked in, or return its info when it is complete already.

    Args:
        options: of the record and of ``prepared.json``.
        photos: checksum of the photos, as ``prepared.json`` has it.
    """
    if _is_free(out):
        out.mkdir(parents=True, exist_ok=True)
        return None
    if not is_prepared(out) and not _is_begun(out):
        raise ValueError(f"{out}: expected a new or empty folder, or one prepared before")
    if overwrite:
        _clear(out, options)
        return None
    if not is_prepared(out):
        _check_options(out, recorded_options(out / RECORD)["options"], options)
        return None
    info = read_info(out)
    _check_options(out, info["options"], options)
    if info["photos"] != photos:
        raise ValueError(f"{out}: was prepared from other photos or lists; {_OTHERWISE}")
    (out / RECORD).unlink(missing_ok=True)  # killed between the last two steps
    return info


def _is_free(out: Path) -> bool:
    """Nothing is there but what a run that was killed in its first step left over."""
    return not out.exists() or all(path.suffix == ".part" for path in out.iterdir())


def _is_begun(out: Path) -> bool:
    record = out / RECORD
    return record.exists() and recorded_options(record).get("format") == FORMAT


def _clear(out: Path, options: Mapping[str, Any]) -> None:
    # The record comes first: if killed from here on, the folder counts as started.
    start_record(out / RECORD, header(options))
    for name in ("prepared.json", "manifest.csv", "skipped.csv", "pairs.csv"):
        (out / name).unlink(missing_ok=True)
    if (out / "images").exists():
        shutil.rmtree(out / "images")


def _check_options(out: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            raise ValueError(
                f"{out}: was prepared with {name} {before.get(name)}, not {now.get(name)}; "
                f"{_OTHERWISE}"
            )


def checksum(photos: Iterable[ListedPhoto], lists: object) -> str:
    """Which photos there are (name, person, split, size of file), and other lists, in short."""
    rows = [(photo.source, photo.person, photo.split, _file(photo)[:1]) for photo in photos]
    return hashlib.sha256(json.dumps([rows, lists]).encode()).hexdigest()


def _file(photo: ListedPhoto) -> list[int]:
    """Size and time of the file; nothing for one that cannot even be asked."""
    try:
        stat = photo.path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def entry(task: CropTask, outcome: CropOutcome) -> dict[str, Any]:
    """What the record says of a photo that is done."""
    done: dict[str, Any] = {"source": task.photo.source, "file": _file(task.photo)}
    if isinstance(outcome, UnusablePhoto):
        return {**done, "unusable": [outcome.reason, outcome.detail]}
    return {
        **done,
        "image": task.image,
        "crop": astuple(outcome.crop),
        "landmarks": outcome.landmarks.tolist(),
        "outside": outcome.outside,
    }


def _outcome(done: dict[str, Any]) -> CropOutcome:
    if "unusable" in done:
        return UnusablePhoto(*done["unusable"])
    landmarks = np.array(done["landmarks"], dtype=np.float64)
    return CroppedPhoto(Crop(*done["crop"]), landmarks, done["outside"])


def recorded(
    record: ProgressRecord, tasks: Iterable[CropTask], usable_only: bool
) -> dict[str, CropOutcome]:
    """What earlier runs did, by source, where the photo is the same and its crop still there."""
    entries = {entry["source"]: entry for entry in record.entries}
    outcomes = {}
    for task in tasks:
        done = entries.get(task.photo.source)
        if done is None or done["file"] != _file(task.photo):
            continue
        if "unusable" in done:
            still_true = not usable_only
        else:
            still_true = done["image"] == task.image and task.target.exists()
        if still_true:
            outcomes[task.photo.source] = _outcome(done)
    return outcomes


def sweep(folder: Path, keep: set[Path]) -> None:
    """Remove what a killed run, or photos that are gone, left in the folder of crops."""
    for path in sorted(folder.rglob("*"), reverse=True):  # folders after their content
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in keep:
            path.unlink()
