"""Prepare a folder from photos and landmarks, with several processes; can be resumed.

The folder contains ``progress.jsonl`` while work is in progress. A killed run continues from there
and ends with the same files, byte for byte, as an uninterrupted one.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from graphgan.data import _preparation_folder as folder
from graphgan.data._listing import ListedPair, PairList, Skipped
from graphgan.data._photos import (
    CropOutcome,
    CropRule,
    CropTask,
    ListedPhoto,
    UnusablePhoto,
    crop_photo,
)
from graphgan.data._prepared import (
    SPLITS,
    PreparedPicture,
    Split,
    read_info,
    write_info,
    write_manifest,
)
from graphgan.data._progress_record import ProgressRecord
from graphgan.data._tables import write_table
from graphgan.data._worker_pool import map_ordered
from graphgan.landmarks import LandmarkDetector, LandmarkScheme

LandmarkSource = Mapping[str, Float[Tensor, "k 2"]] | Callable[[], LandmarkDetector]
"""Landmarks by file name, or what makes a detector of them."""

_LARGEST_SIDE = 8192  # maximum side of a crop, which must fit into memory


class Preparation(NamedTuple):
    """Result of a run: the content of ``prepared.json``, and the number of photos processed."""

    info: dict[str, Any]
    photos_done: int


def prepare_pictures(
    photos: Sequence[ListedPhoto],
    landmarks: LandmarkSource,
    out: str | Path,
    *,
    size: tuple[int, int],
    scheme: LandmarkScheme,
    crop: CropRule,
    options: Mapping[str, Any],
    test_people: int | None = None,
    unusable: Sequence[Skipped] = (),
    pairs: PairList | None = None,
    workers: int = 1,
    stop_on_error: bool = False,
    overwrite: bool = False,
    progress: Callable[[Iterator[CropOutcome], int], Iterable[CropOutcome]] | None = None,
) -> Preparation:
    """Crop faces or persons from photos, and write a folder that ``PreparedPictures`` reads.

    A folder that is already complete with the same options and photos is not changed.

    Args:
        photos: in the order of the manifest.
        landmarks: landmarks of each photo, by source; or a function that creates a detector (called
            once in each process). Of several detected faces or persons, the one nearest to the
            photo's center is used.
        size: height and width of every image, in pixels.
        scheme: scheme of the landmarks; if it has a face mask, every face must have one.
        crop: "face" crops a square around the 68 landmarks (for other schemes: around the corners
            of the mask without a forehead), for any size; "person" a rectangle with the aspect
            ratio of ``size``; "whole" takes photos of exactly ``size`` unchanged. See `face_crop`
            and `person_crop` of ``graphgan.landmarks``.
        options: other settings the result depends on, as JSON values; work started with other
            options is not continued.
        test_people: number of people in the split "test" (the last ones in sorted order); None if
            each photo names its split.
        unusable: photos already known to be unusable, to be listed with the skipped ones.
        pairs: written to ``pairs.csv``; pairs with an unknown or skipped photo are listed with the
            skipped photos.
        workers: number of processes; 1 runs in this one.
        stop_on_error: stop at the first unusable photo instead of skipping it.
        overwrite: start again in a folder that is already prepared.
        progress: wraps the results as they arrive; the second argument is their total number.
    Raises:
        ValueError: no photos, nobody to train on, photos with and without their own split, a number
            of landmarks that does not match the scheme, a folder with other content, no usable
            photo; or, with ``stop_on_error``, the first unusable one.
        OSError: the disk is full, or the folder is not writable.
    """
    out = Path(out)
    if min(size) < 1 or workers < 1:
        raise ValueError(f"expected size and workers of at least 1, got {size} and {workers}")
    if max(size) > _LARGEST_SIDE:
        raise ValueError(f"expected sides of at most {_LARGEST_SIDE} pixels, got {size}")
    splits = _splits(photos, test_people)
    _check_landmarks(landmarks, scheme)
    everything = {photo.source for photo in photos} | {item.source for item in unusable}
    pairs, unknown = _pairs_among(pairs, everything, "pair with an unknown photo")
    unusable = [*unusable, *unknown]
    if stop_on_error and unusable:
        raise ValueError(str(unusable[0]))
    options = {"size": list(size), "landmark_scheme": scheme.name, "crop": crop,
               "test_people": test_people, **options}  # fmt: skip
    photos_checksum = folder.checksum(photos, [unusable, pairs])
    if (info := folder.claim(out, options, photos_checksum, overwrite)) is not None:
        return Preparation(info, 0)

    images = _crop_paths(photos)
    tasks = [
        CropTask(photo, out, images[photo.source], size, scheme, crop, _given(landmarks, photo))
        for photo in photos
    ]
    with ProgressRecord(out / folder.RECORD, folder.header(options)) as record:
        outcomes = folder.recorded(record, tasks, usable_only=stop_on_error)
        todo = [task for task in tasks if task.photo.source not in outcomes]
        results = map_ordered(crop_photo, todo, _detector_maker(landmarks), workers)
        # Errors are raised inside the progress bar, so that it ends before they are reported.
        checked = _recording(todo, results, record, stop_on_error)
        wrapped = checked if progress is None else progress(checked, len(todo))
        for task, outcome in zip(todo, wrapped, strict=True):
            outcomes[task.photo.source] = outcome

    pictures, skipped = _pictures_and_skipped(tasks, outcomes, splits)
    if not pictures:
        raise ValueError(f"none of {len(photos)} photos can be used, the first is {skipped[0]}")
    image_of = {picture.source: picture.image for picture in pictures}
    kept, of_skipped = _pairs_among(pairs, image_of.keys(), "pair with a skipped photo")
    skipped += [*unusable, *of_skipped]
    _write_lists(out, pictures, skipped)
    info = {
        "size": size,
        "landmark_scheme": scheme.name,
        **_counts(pictures, skipped),
        **_landmark_counts(pictures),
        "options": options,
        "photos": photos_checksum,
    }
    if kept is not None:
        rows = ((*pair.about, image_of[pair.a], image_of[pair.b]) for pair in kept.pairs)
        write_table(out / "pairs.csv", kept.columns, rows)
        left_out = sum(item.reason.startswith("pair ") for item in skipped)
        info["pairs"] = {"kept": len(kept.pairs), "left_out": left_out, "lists": kept.lists}
    write_info(out, info)
    (out / folder.RECORD).unlink()
    return Preparation(read_info(out), len(todo))


def _recording(
    tasks: Iterable[CropTask],
    results: Iterable[CropOutcome],
    record: ProgressRecord,
    stop_on_error: bool,
) -> Iterator[CropOutcome]:
    for task, outcome in zip(tasks, results, strict=True):
        if stop_on_error and isinstance(outcome, UnusablePhoto):
            raise ValueError(str(_skipped(task, outcome)))
        record.add(folder.entry(task, outcome))
        yield outcome


def _pictures_and_skipped(
    tasks: Iterable[CropTask], outcomes: Mapping[str, CropOutcome], splits: Mapping[str, Split]
) -> tuple[list[PreparedPicture], list[Skipped]]:
    pictures, skipped = [], []
    for task in tasks:
        photo, outcome = task.photo, outcomes[task.photo.source]
        if isinstance(outcome, UnusablePhoto):
            skipped.append(_skipped(task, outcome))
        else:
            names = (task.image, photo.person, splits[photo.source], photo.source)
            landmarks = torch.from_numpy(outcome.landmarks)
            pictures.append(PreparedPicture(*names, outcome.crop, outcome.outside, landmarks))
    return pictures, skipped


def _skipped(task: CropTask, outcome: UnusablePhoto) -> Skipped:
    return Skipped(task.photo.source, outcome.reason, outcome.detail)


def _check_landmarks(landmarks: LandmarkSource, scheme: LandmarkScheme) -> None:
    # Create a detector once, so that missing parts are reported before work starts.
    counts = {landmarks().num_landmarks} if callable(landmarks) else {*map(len, landmarks.values())}
    if wrong := counts - {scheme.num_landmarks}:
        raise ValueError(
            f"expected {scheme.num_landmarks} landmarks ({scheme.name}), got {min(wrong)}"
        )


def _given(landmarks: LandmarkSource, photo: ListedPhoto) -> Float[np.ndarray, "k 2"] | None:
    return None if callable(landmarks) else landmarks[photo.source].double().numpy()


def _detector_maker(landmarks: LandmarkSource) -> Callable[[], LandmarkDetector | None]:
    return landmarks if callable(landmarks) else _no_detector


def _no_detector() -> None:
    """LandmarkSource are given."""


# --- who goes where -------------------------------------------------------------------------------


def _splits(photos: Sequence[ListedPhoto], test_people: int | None) -> dict[str, Split]:
    """The split of each photo, by source."""
    if not photos:
        raise ValueError("expected photos, got none")
    own = {photo.source: photo.split for photo in photos if photo.split is not None}
    if len(own) != (len(photos) if test_people is None else 0):
        raise ValueError(
            "expected either test_people, or photos that say their split; got test_people "
            f"{test_people} and {len(own)} of {len(photos)} photos that do"
        )
    if test_people is None:
        return own
    people = sorted({photo.person for photo in photos})
    if not 0 <= test_people < len(people):
        raise ValueError(
            f"expected 0 to {len(people) - 1} test people, of {len(people)}, got {test_people}"
        )
    for_testing = set(people[len(people) - test_people :])
    return {photo.source: "test" if photo.person in for_testing else "train" for photo in photos}


def _crop_paths(photos: Sequence[ListedPhoto]) -> dict[str, str]:
    """For each source ``images/<person>/<name>.png``; their ``PreparedPicture.name`` differ too."""
    if len(sources := {photo.source for photo in photos}) != len(photos):
        raise ValueError(
            f"expected photos from different sources, got {len(photos)}, {len(sources)}"
        )
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


def _path_below_person(photo: ListedPhoto) -> Path:
    path = Path(photo.source)
    return path.relative_to(photo.person) if path.is_relative_to(photo.person) else path


def _pairs_among(
    pairs: PairList | None, sources: Collection[str], reason: str
) -> tuple[PairList | None, list[Skipped]]:
    """The pairs whose photos both are among ``sources``, and the others."""
    if pairs is None:
        return None, []
    kept: list[ListedPair] = []
    skipped = []
    for pair in pairs.pairs:
        if missing := [source for source in (pair.a, pair.b) if source not in sources]:
            skipped.append(Skipped(pair.where, reason, " and ".join(missing)))
        else:
            kept.append(pair)
    return pairs._replace(pairs=kept), skipped


# --- what is written at the end -------------------------------------------------------------------


def _write_lists(
    out: Path, pictures: Sequence[PreparedPicture], skipped: Iterable[Skipped]
) -> None:
    folder.sweep(out / "images", {out / picture.image for picture in pictures})
    write_table(out / "skipped.csv", Skipped._fields, sorted(skipped))
    write_manifest(out, pictures)


def _counts(pictures: Sequence[PreparedPicture], skipped: Iterable[Skipped]) -> dict[str, Any]:
    splits = {
        split: {
            "images": sum(picture.split == split for picture in pictures),
            "people": len({picture.person for picture in pictures if picture.split == split}),
        }
        for split in SPLITS
    }
    return {
        "images": len(pictures),
        "people": len({picture.person for picture in pictures}),
        "splits": splits,
        "skipped": dict(sorted(Counter(item.reason for item in skipped).items())),
    }


def _landmark_counts(pictures: Sequence[PreparedPicture]) -> dict[str, dict[str, int]]:
    return {
        "landmarks_outside_photo": _images_and_total([picture.outside for picture in pictures]),
        "landmarks_missing": _images_and_total(
            [int(picture.landmarks.isnan().any(-1).sum()) for picture in pictures]
        ),
    }


def _images_and_total(counts: Sequence[int]) -> dict[str, int]:
    return {"images": sum(map(bool, counts)), "landmarks": sum(counts)}
