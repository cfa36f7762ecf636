"""Check a prepared folder before training: python recipes/anonygan/check.py DIR"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import (
    CheckOptions,
    PairKind,
    Picture,
    PreparedPictures,
    Problem,
    draw_landmarks,
    draw_mask,
    picture_problems,
    possible_kinds,
    report_check,
)
from graphgan.landmarks import LandmarkScheme, face_mask
from graphgan.models import MIN_PATCH_SIZE


@dataclass(frozen=True, kw_only=True)
class Options(CheckOptions):
    """Count and check the faces in a prepared folder, and draw a few of them.

    The exit status is 1 if training on the folder would fail.
    """

    folder: Path
    """Folder written by prepare.py."""


def main(options: Options) -> int:
    faces = PreparedPictures(options.folder)
    if faces.scheme.outline is None:
        faces.check_masks()  # raises with the details
    problems = [problem for i in range(len(faces)) for problem in _face_problems(faces, i)]
    problems += _folder_problems(faces)
    return report_check(
        options,
        faces,
        problems,
        partial(_draw, faces.scheme),
        [_possible_pairs(faces)],
        smallest=MIN_PATCH_SIZE,
    )


def _face_problems(faces: PreparedPictures, index: int) -> Iterator[Problem]:
    yield from picture_problems(faces, index)
    where, landmarks = faces.place(index), faces.pictures[index].landmarks
    if missing := int(landmarks.isnan().any(-1).sum()):
        yield Problem("landmarks missing", f"{where}: {missing}")
    scheme = faces.scheme
    if all(scheme.eyes):
        right, left = (landmarks[list(eye)].nanmean(0) for eye in scheme.eyes)
        if not right[0] < left[0]:
            yield Problem("eyes not from left to right (mirrored, or a profile)", where)
        if scheme.mouth and not max(right[1], left[1]) < landmarks[list(scheme.mouth), 1].nanmean():
            yield Problem("mouth not below the eyes", where)
    if not face_mask(landmarks[None], faces.size, scheme=scheme).any():
        yield Problem("the face mask is empty", where, fatal=True)


def _folder_problems(faces: PreparedPictures) -> Iterator[Problem]:
    people = {face.person for face in faces.pictures if face.split == "train"}
    if len(people) < 2:
        yield Problem(f"{len(people)} people to train on: pairs need two", "manifest.csv", True)


def _possible_pairs(faces: PreparedPictures) -> str:
    """Which kinds of training pairs the folder allows."""
    people = [face.person for face in faces.pictures if face.split == "train"]
    numbers = {person: number for number, person in enumerate(people)}
    possible = possible_kinds([numbers[person] for person in people])
    kinds = {
        PairKind.SAME_IMAGE: "an image with itself",
        PairKind.SAME_PERSON: "one person in two images",
        PairKind.DIFFERENT: "two people",
    }
    there = [text for kind, text in kinds.items() if kind in possible]
    missing = [text for kind, text in kinds.items() if kind not in possible]
    line = f"pairs to train on: {', '.join(there) or 'none'}"
    return f"{line}; not possible: {', '.join(missing)}" if missing else line


def _draw(scheme: LandmarkScheme, face: Picture) -> UInt8[Tensor, "3 h w"]:
    size = (face.image.shape[1], face.image.shape[2])
    image = draw_mask(face.image, face_mask(face.landmarks[None], size, scheme=scheme)[0])
    return draw_landmarks(image, face.landmarks, radius=size[0] / 128)


if __name__ == "__main__":
    run_command(main, Options, positional=True)
