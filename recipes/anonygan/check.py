"""Look over a prepared folder before training: python recipes/anonygan/check.py DIR"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data.drawing import draw_landmarks, draw_mask, image_grid
from graphgan.data.images import write_image
from graphgan.data.prepared import PreparedFaces
from graphgan.landmarks.masks import face_mask
from graphgan.landmarks.schemes import IBUG_68

EYES, MOUTH = (slice(36, 42), slice(42, 48)), slice(48, 68)
COLUMNS = 12  # of the contact sheet


@dataclass(frozen=True)
class Options:
    """Count and check the faces of a prepared folder, and draw some of them.

    The status is 1 when training on it would fail.
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """The prepared folder."""
    out: Path | None = None
    """The contact sheet; runs/check/<folder>/contact_sheet.png when not given."""
    tiles: int = 48
    """Faces on the contact sheet, evenly spread over the folder."""
    list_at_most: int = 8
    """Problems of each kind that are listed one by one."""


@dataclass(frozen=True)
class Problem:
    """Something about one face.

    Args:
        kind: what it is, in a few words.
        fatal: training fails on it.
    """

    kind: str
    where: str
    fatal: bool = False


def main(options: Options) -> int:
    faces = PreparedFaces(options.folder)
    problems = [problem for i in range(len(faces)) for problem in _face_problems(faces, i)]
    problems += _folder_problems(faces)
    _print_counts(faces)
    _print_problems(problems, options.list_at_most)
    fatal = sum(problem.fatal for problem in problems)
    sheet = options.out or Path("runs/check", options.folder.resolve().name, "contact_sheet.png")
    if _draw_sheet(faces, options.tiles, sheet):
        print(f"contact sheet: {sheet}")
    if fatal:
        print(f"training is impossible before the problems are solved: {fatal}")
    return 1 if fatal else 0


def _place(faces: PreparedFaces, index: int) -> str:
    return f"{faces.faces[index].image} (manifest.csv line {index + 2})"


def _face_problems(faces: PreparedFaces, index: int) -> Iterator[Problem]:
    where = _place(faces, index)
    try:
        faces[index]
    except (ValueError, OSError) as error:
        yield Problem("image cannot be used", str(error), fatal=True)
    landmarks = faces.faces[index].landmarks
    if outside := faces.faces[index].outside:
        yield Problem("landmarks outside the photo", f"{where}: {outside}")
    missing = landmarks.isnan().any(-1)
    if missing.any():
        yield Problem("landmarks missing", f"{where}: {int(missing.sum())}")
    present = landmarks[~missing]
    if len(present) == 0 or (present == present[0]).all():
        yield Problem("landmarks all missing or all equal", where, fatal=True)
    elif len(landmarks) == IBUG_68.num_landmarks:
        yield from _geometry_problems(landmarks, faces.size, where)


def _geometry_problems(landmarks: Tensor, size: tuple[int, int], where: str) -> Iterator[Problem]:
    outside = ((landmarks < -0.5) | (landmarks > size[0] - 0.5)).any(-1)
    if outside.any():
        yield Problem("landmarks outside the crop", f"{where}: {int(outside.sum())}")
    right, left, mouth = (landmarks[part].nanmean(0) for part in (*EYES, MOUTH))
    if not right[0] < left[0]:
        yield Problem("eyes not from left to right (mirrored, or a profile)", where)
    if not max(right[1], left[1]) < mouth[1]:
        yield Problem("mouth not below the eyes", where)
    if not face_mask(landmarks[None], size).any():
        yield Problem("the face mask is empty", where, fatal=True)


def _folder_problems(faces: PreparedFaces) -> Iterator[Problem]:
    if faces.num_landmarks != IBUG_68.num_landmarks:
        yield Problem(
            f"the face mask needs 68 landmarks, not {faces.num_landmarks}", "prepared.json", True
        )
    people = {face.person for face in faces.faces if face.split == "train"}
    if len(people) < 2:
        yield Problem(f"{len(people)} people to train on: pairs need two", "manifest.csv", True)


def _print_counts(faces: PreparedFaces) -> None:
    info = faces.info
    print(f"{faces.root}: {len(faces)} faces of {len(faces.people)} people")
    print(
        f"  {faces.size[0]} pixels a side, {faces.num_landmarks} landmarks "
        f"({info['landmark_scheme']})"
    )
    for split in ("train", "test"):
        images = Counter(face.person for face in faces.faces if face.split == split)
        spread = f", {min(images.values())} to {max(images.values())} each" if images else ""
        print(f"  {split}: {images.total()} faces of {len(images)} people{spread}")
    print(f"  skipped while preparing: {info['skipped'] or 'none'}")


def _print_problems(problems: list[Problem], at_most: int) -> None:
    kinds: dict[tuple[bool, str], list[str]] = {}
    for problem in problems:
        kinds.setdefault((not problem.fatal, problem.kind), []).append(problem.where)
    if not kinds:
        print("no problems")
    for (harmless, kind), places in sorted(kinds.items()):
        print(f"{'note' if harmless else 'PROBLEM'}: {kind}: {len(places)}")
        for place in places[:at_most]:
            print(f"    {place}")
        if len(places) > at_most:
            print(f"    and {len(places) - at_most} more")


def _draw_sheet(faces: PreparedFaces, tiles: int, path: Path) -> bool:
    """Write the contact sheet of the faces that can be drawn; False when there are none."""
    count = min(tiles, len(faces))
    chosen = [round(i) for i in torch.linspace(0, len(faces) - 1, count).tolist()]
    drawn = []
    for index in chosen:
        try:
            image, landmarks = faces[index]
        except (ValueError, OSError):
            continue  # listed among the problems
        if len(landmarks) == IBUG_68.num_landmarks:
            image = draw_mask(image, face_mask(landmarks[None], faces.size)[0])
        drawn.append(draw_landmarks(image, landmarks, radius=faces.size[0] / 128))
    if not drawn:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, image_grid(drawn, columns=min(COLUMNS, len(drawn))))
    return True


if __name__ == "__main__":
    run_command(main, Options)
