"""Photos and landmarks to a prepared folder: one crop a photo, by several processes, resumable.

While it works, the folder holds ``progress.jsonl``. A run that was killed goes on from there and
ends with the same files, byte for byte, as one that was not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data import _preparation_folder as folder
from graphgan.data.photos import (
    CropTask,
    Outcome,
    Photo,
    UnusablePhoto,
    crop_photo,
)
from graphgan.data.prepared import (
    PreparedFace,
    read_info,
    write_info,
    write_manifest,
    write_table,
)
from graphgan.data.progress_record import ProgressRecord
from graphgan.data.worker_pool import map_ordered
from graphgan.landmarks.detection import LandmarkDetector
from graphgan.landmarks.schemes import IBUG_68

Landmarks = Mapping[str, Float[Tensor, "k 2"]] | Callable[[], LandmarkDetector]


class Pair(NamedTuple):
    """Two photos, by source, of which an evaluation asks whether they show the same person."""

    fold: int
    same: bool
    a: str
    b: str


class Skipped(NamedTuple):
    """A photo, or a row of landmarks, that was not used: why in a few words, and in detail."""

    source: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}" + (f": {self.detail}" if self.detail else "")


class Preparation(NamedTuple):
    """What a run did: the content of ``prepared.json``, and how many photos it went through."""

    info: dict[str, Any]
    photos_done: int


def prepare_faces(
    photos: Sequence[Photo],
    landmarks: Landmarks,
    out: str | Path,
    *,
    size: int,
    test_people: int,
    options: Mapping[str, Any],
    unusable: Sequence[Skipped] = (),
    pairs: Sequence[Pair] | None = None,
    workers: int = 1,
    stop_on_error: bool = False,
    overwrite: bool = False,
    progress: Callable[[Iterator[Outcome], int], Iterable[Outcome]] | None = None,
) -> Preparation:
    """Cut a square around each face, and write a folder that ``PreparedFaces`` reads.

    A folder that is complete and has the same options and photos is left as it is.

    Args:
        photos: their order is the order of the manifest.
        landmarks: those of each photo, by source; or what makes a detector (called once in each
            process), of whose faces the one nearest to the photo's middle is taken.
        size: pixels of a crop's side.
        test_people: this many people, the last in sorted order, are the split "test".
        options: what else the result depends on, as JSON would hold it: work begun with other
            options is not gone on with.
        unusable: what is known to be of no use already, to be listed with the skipped photos.
        pairs: kept in ``pairs.csv``; those with a skipped photo are left out.
        workers: processes; 1 works in this one.
        stop_on_error: stop at the first photo that cannot be used, instead of skipping it.
        overwrite: start anew in a folder that was prepared already.
        progress: wraps the results as they come; the second argument says how many there will be.
    Raises:
        ValueError: no photos, nobody to train on, a folder that holds something else, no photo that
            can be used; or, with ``stop_on_error``, the first that cannot.
        OSError: the disk is full, or the folder may not be written.
    """
    out = Path(out)
    if size < 1 or workers < 1:
        raise ValueError(f"expected size and workers of at least 1, got {size} and {workers}")
    splits = _splits(photos, test_people)
    if stop_on_error and unusable:
        raise ValueError(str(unusable[0]))
    num_landmarks = _num_landmarks(landmarks)
    options = {"size": size, "test_people": test_people, **options}
    photos_checksum = folder.checksum(photos, [unusable, pairs])
    if (info := folder.claim(out, options, photos_checksum, overwrite)) is not None:
        return Preparation(info, 0)

    images = _crop_paths(photos)
    tasks = [CropTask(p, out, images[p.source], size, _given(landmarks, p)) for p in photos]
    with ProgressRecord(out / folder.RECORD, folder.header(options)) as record:
        outcomes = folder.recorded(record, tasks, usable_only=stop_on_error)
        todo = [task for task in tasks if task.photo.source not in outcomes]
        results = map_ordered(crop_photo, todo, _detector_maker(landmarks), workers)
        # An error is raised inside of what progress wraps, so that it ends before it is reported.
        checked = _recording(todo, results, record, stop_on_error)
        wrapped = checked if progress is None else progress(checked, len(todo))
        for task, outcome in zip(todo, wrapped, strict=True):
            outcomes[task.photo.source] = outcome

    faces, skipped = _faces_and_skipped(tasks, outcomes, splits)
    if not faces:
        raise ValueError(f"none of {len(photos)} photos can be used, the first is {skipped[0]}")
    skipped.extend(unusable)
    _write_lists(out, faces, skipped)
    info = {
        "size": size,
        "num_landmarks": num_landmarks,
        "landmark_scheme": IBUG_68.name if num_landmarks == IBUG_68.num_landmarks else None,
        **_counts(faces, skipped),
        **_landmark_counts(faces),
        **_write_pairs(out, pairs, faces),
        "options": options,
        "photos": photos_checksum,
    }
    write_info(out, info)
    (out / folder.RECORD).unlink()
    return Preparation(read_info(out), len(todo))


def _recording(
    tasks: Iterable[CropTask],
    results: Iterable[Outcome],
    record: ProgressRecord,
    stop_on_error: bool,
) -> Iterator[Outcome]:
    for task, outcome in zip(tasks, results, strict=True):
        if stop_on_error and isinstance(outcome, UnusablePhoto):
            raise ValueError(str(_skipped(task, outcome)))
        record.add(folder.entry(task, outcome))
        yield outcome


def _faces_and_skipped(
    tasks: Iterable[CropTask], outcomes: Mapping[str, Outcome], splits: Mapping[str, str]
) -> tuple[list[PreparedFace], list[Skipped]]:
    faces, skipped = [], []
    for task in tasks:
        photo, outcome = task.photo, outcomes[task.photo.source]
        if isinstance(outcome, UnusablePhoto):
            skipped.append(_skipped(task, outcome))
        else:
            names = (task.image, photo.person, splits[photo.person], photo.source)
            landmarks = torch.from_numpy(outcome.landmarks)
            faces.append(PreparedFace(*names, outcome.crop, outcome.outside, landmarks))
    return faces, skipped


def _skipped(task: CropTask, outcome: UnusablePhoto) -> Skipped:
    return Skipped(task.photo.source, outcome.reason, outcome.detail)


def _num_landmarks(landmarks: Landmarks) -> int:
    if callable(landmarks):  # made here once, so that what is missing is said before work starts
        return landmarks().num_landmarks
    return len(next(iter(landmarks.values()))) if landmarks else 0


def _given(landmarks: Landmarks, photo: Photo) -> Float[np.ndarray, "k 2"] | None:
    return None if callable(landmarks) else landmarks[photo.source].double().numpy()


def _detector_maker(landmarks: Landmarks) -> Callable[[], LandmarkDetector | None]:
    return landmarks if callable(landmarks) else _no_detector


def _no_detector() -> None:
    """Landmarks are given."""


# --- who goes where -------------------------------------------------------------------------------


def _splits(photos: Sequence[Photo], test_people: int) -> dict[str, str]:
    people = sorted({photo.person for photo in photos})
    if not people:
        raise ValueError("expected photos, got none")
    if not 0 <= test_people < len(people):
        raise ValueError(
            f"expected 0 to {len(people) - 1} test people, of {len(people)}, got {test_people}"
        )
    first = len(people) - test_people
    return {name: "train" if i < first else "test" for i, name in enumerate(people)}


def _crop_paths(photos: Sequence[Photo]) -> dict[str, str]:
    """For each source ``images/<person>/<name>.png``, different also as ``PreparedFace.name``."""
    if len(sources := {photo.source for photo in photos}) != len(photos):
        raise ValueError(f"expected photos of different sources, got {len(photos)}, {len(sources)}")
    paths = [_path_below_person(photo) for photo in photos]
    for names in (
        [path.with_suffix("").as_posix() for path in paths],
        [path.as_posix() for path in paths],
        [f"{number:07d}" for number in range(len(photos))],
    ):
        pairs = zip(photos, names, strict=True)
        crops = {photo.source: f"images/{photo.person}/{name}.png" for photo, name in pairs}
        if len({crop.replace("/", "-").casefold() for crop in crops.values()}) == len(crops):
            return crops
    raise AssertionError("numbers differ")


def _path_below_person(photo: Photo) -> Path:
    path = Path(photo.source)
    return path.relative_to(photo.person) if path.is_relative_to(photo.person) else path


# --- what is written at the end -------------------------------------------------------------------


def _write_lists(out: Path, faces: Sequence[PreparedFace], skipped: Iterable[Skipped]) -> None:
    folder.sweep(out / "images", {out / face.image for face in faces})
    write_table(out / "skipped.csv", Skipped._fields, sorted(skipped))
    write_manifest(out, faces)


def _counts(faces: Sequence[PreparedFace], skipped: Iterable[Skipped]) -> dict[str, Any]:
    splits = {
        split: {
            "images": sum(face.split == split for face in faces),
            "people": len({face.person for face in faces if face.split == split}),
        }
        for split in ("train", "test")
    }
    return {
        "images": len(faces),
        "people": len({face.person for face in faces}),
        "splits": splits,
        "skipped": dict(sorted(Counter(item.reason for item in skipped).items())),
    }


def _landmark_counts(faces: Sequence[PreparedFace]) -> dict[str, dict[str, int]]:
    return {
        "landmarks_outside_photo": _images_and_total([face.outside for face in faces]),
        "landmarks_missing": _images_and_total(
            [int(face.landmarks.isnan().any(-1).sum()) for face in faces]
        ),
    }


def _images_and_total(counts: Sequence[int]) -> dict[str, int]:
    return {"images": sum(map(bool, counts)), "landmarks": sum(counts)}


def _write_pairs(
    out: Path, pairs: Sequence[Pair] | None, faces: Iterable[PreparedFace]
) -> dict[str, dict[str, int]]:
    if pairs is None:
        return {}
    crops = {face.source: face.image for face in faces}
    rows = [
        (pair.fold, int(pair.same), crops[pair.a], crops[pair.b])
        for pair in pairs
        if pair.a in crops and pair.b in crops
    ]
    write_table(out / "pairs.csv", ("fold", "same", "image_a", "image_b"), rows)
    return {"pairs": {"kept": len(rows), "left_out": len(pairs) - len(rows)}}
