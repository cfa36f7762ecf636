"""A folder while it is being prepared: whose it is, what is done already, what is left over."""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from graphgan.data.photos import CroppedFace, CropTask, Outcome, Photo, UnusablePhoto
from graphgan.data.prepared import read_info
from graphgan.data.progress_record import ProgressRecord, recorded_options, start_record
from graphgan.landmarks.align import SquareCrop

RECORD = "progress.jsonl"


def claim(out: Path, identity: dict[str, Any], overwrite: bool) -> dict[str, Any] | None:
    """Make ``out`` ready to be worked in, or return its info when it is complete already."""
    record = out / RECORD
    if (out / "prepared.json").exists():
        info = read_info(out)
        before: dict[str, Any] = {key: info.get(key) for key in identity}
    elif record.exists():
        info = None
        before = {"options": recorded_options(record)}
    elif out.exists() and any(path.suffix != ".part" for path in out.iterdir()):
        raise ValueError(f"{out}: expected a new or an empty folder, or one prepared before")
    else:
        out.mkdir(parents=True, exist_ok=True)
        return None
    if overwrite:
        start_record(record, identity["options"])
        for name in ("prepared.json", "manifest.csv", "skipped.csv", "pairs.csv"):
            (out / name).unlink(missing_ok=True)
        shutil.rmtree(out / "images", ignore_errors=True)
        return None
    for key, value in before.items():
        if value != identity[key]:
            raise ValueError(f"{out}: {_difference(key, value, identity[key])}")
    if info is not None:
        record.unlink(missing_ok=True)  # killed between the last two steps
    return info


def _difference(key: str, before: Any, now: Any) -> str:
    if key == "options":
        name = next(name for name in {**before, **now} if before.get(name) != now.get(name))
        what = f"was prepared with {name} {before.get(name)}, not {now.get(name)}"
    else:
        what = "was prepared from other photos or lists"
    return f"{what}; choose another folder, or --overwrite to replace it"


def checksum(photos: Iterable[Photo], lists: object) -> str:
    """Which photos there are, by name, person and size of file, and other lists, as one number."""
    rows = [(photo.source, photo.person, _file(photo)[:1]) for photo in photos]
    return hashlib.sha256(json.dumps([rows, lists]).encode()).hexdigest()


def _file(photo: Photo) -> list[int]:
    """Size and time of the file; nothing for one that cannot even be asked."""
    try:
        stat = photo.path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def entry(task: CropTask, outcome: Outcome) -> dict[str, Any]:
    """What the record says of a photo that is done."""
    done: dict[str, Any] = {"source": task.photo.source, "file": _file(task.photo)}
    if isinstance(outcome, UnusablePhoto):
        return {**done, "unusable": [outcome.reason, outcome.detail]}
    crop = outcome.crop
    return {
        **done,
        "image": task.image,
        "crop": [crop.left, crop.top, crop.side],
        "landmarks": outcome.landmarks.tolist(),
        "outside": outcome.outside,
    }


def _outcome(done: dict[str, Any]) -> Outcome:
    if "unusable" in done:
        return UnusablePhoto(*done["unusable"])
    landmarks = np.array(done["landmarks"], dtype=np.float64)
    return CroppedFace(SquareCrop(*done["crop"]), landmarks, done["outside"])


def recorded(record: ProgressRecord, tasks: Iterable[CropTask]) -> dict[str, Outcome]:
    """What earlier runs did, by source, where the photo is the same and its crop still there."""
    entries = {entry["source"]: entry for entry in record.entries}
    outcomes = {}
    for task in tasks:
        done = entries.get(task.photo.source)
        if done is None or done["file"] != _file(task.photo):
            continue
        if "unusable" in done or (done["image"] == task.image and task.target.exists()):
            outcomes[task.photo.source] = _outcome(done)
    return outcomes


def sweep(folder: Path, keep: set[Path]) -> None:
    """Remove what a killed run, or photos that are gone, left in the folder of crops."""
    for path in sorted(folder.rglob("*"), reverse=True):  # a folder after what is in it
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in keep:
            path.unlink()
