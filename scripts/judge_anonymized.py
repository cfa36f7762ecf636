"""What the anonymizer did to faces whose place is known, judged by what it does not use.

    python scripts/compose_faces.py ../shared/faces runs/composed --faces 1000 --format png
    graphgan-anonymize runs/composed --out runs/anonymized --copy-unmatched
    python scripts/judge_anonymized.py ../shared/faces runs/composed runs/anonymized

Every face of faces.csv counts. It was *changed* if nine tenths of the hull of its true landmarks
differ, else *missed*. It is *verified* if dlib's recognizer, aligned by the true landmarks, finds
it within 0.6 of a frame from another video of the same person. Beside it stand the originals of
these faces, and other people: the originals against a frame of everybody else in the photos. With
``--table`` every face's figures go into a CSV file.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import tyro
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm

from graphgan.commands import run_command
from graphgan.data import LandmarkRow, read_image, read_landmarks
from graphgan.faces import DlibResNetRecognizer
from graphgan.files import replacing
from graphgan.landmarks import convex_hull, polygon_mask

_CHANGED = 0.9  # of the hull
_SAME = 0.6  # distance up to which two faces count as one person
_SIZES = ((40, 60), (60, 80), (80, 120), (120, 1000))


@dataclass(frozen=True)
class JudgeOptions:
    """Count faces that were changed, missed, and are still verified."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Faces that the photos were composed of."""
    composed: Annotated[Path, tyro.conf.Positional]
    """Photos and faces.csv of compose_faces.py, lossless."""
    anonymized: Annotated[Path, tyro.conf.Positional]
    """What became of them."""
    table: Path | None = None
    """A CSV file with a row for every face."""


class Judged(NamedTuple):
    """A face, and what was found out about it.

    Args:
        size: longer side of its landmarks in the photo, in pixels.
        pose: frontal, half or profile.
        turned: whether it leans by more than 15 degrees.
        changed: whether it was.
        result, original: distance to another video of the person, of the face as it is now and as
            it was.
        itself: distance of the face as it is now to what it was.
        others: share of other people within 0.6 of the face as it was.
    """

    size: float
    pose: str
    turned: bool
    changed: bool
    result: float
    original: float
    itself: float
    others: float


def main(options: JudgeOptions) -> None:
    rows = list(csv.DictReader((options.composed / "faces.csv").open()))
    references = References(options.folder, sorted({Path(row["source"]).parts[0] for row in rows}))
    judged: list[Judged] = []
    unreleased = 0
    for row in tqdm(rows, unit="face"):
        if not (path := options.anonymized / row["image"]).is_file():
            unreleased += 1
            continue
        judged.append(judge(row, _photo(options.composed / row["image"]), _photo(path), references))
    print(f"{len(rows)} faces, {unreleased} of them in photos that were not released\n")
    print("| | faces | missed | changed | verified: as they were | now | other people |")
    print("|---|---|---|---|---|---|---|")
    for name, chosen in groups():
        print(line(name, [face for face in judged if chosen(face)]))
    if options.table is not None:
        with replacing(options.table) as temporary, temporary.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([Judged._fields, *judged])


@lru_cache(4)
def _photo(path: Path) -> UInt8[Tensor, "3 h w"]:
    return read_image(path)


class References:
    """Descriptors of the frames that the photos were composed of.

    Args:
        folder: of the frames.
        shown: the people in the photos.
    """

    def __init__(self, folder: Path, shown: Sequence[str]) -> None:
        self.folder = folder
        self.shown = shown
        self.recognize = DlibResNetRecognizer()
        self.people: dict[str, list[LandmarkRow]] = {}
        for row in read_landmarks(folder / "landmarks.csv"):
            self.people.setdefault(Path(row.image).parts[0], []).append(row)
        self.known: dict[str, Float[Tensor, d]] = {}

    def another_video(self, source: str) -> Float[Tensor, "d"]:
        """Of the same person; frames are named after the video by their first digit."""
        person, name = Path(source).parts
        others = [r for r in self.people[person] if Path(r.image).name[0] != name[0]]
        return self._descriptor(others[len(others) // 2])

    def others(self, source: str) -> Float[Tensor, "n d"]:
        """Of everybody else in the photos."""
        own = Path(source).parts[0]
        return torch.stack(
            [self._descriptor(self.people[who][0]) for who in self.shown if who != own]
        )

    def _descriptor(self, row: LandmarkRow) -> Float[Tensor, "d"]:
        if row.image not in self.known:
            image = read_image(self.folder / "images" / row.image)
            self.known[row.image] = self.describe(image, row.landmarks)
        return self.known[row.image]

    def describe(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"]
    ) -> Float[Tensor, "d"]:
        """Of one face of any image."""
        return self.recognize(image, landmarks[None])[0]


def judge(row: dict[str, str], before: Tensor, after: Tensor, references: References) -> Judged:
    landmarks = torch.tensor([[float(row[f"{a}{i}"]) for a in "xy"] for i in range(68)])
    hull = convex_hull(landmarks)[None].float()
    inside = polygon_mask(hull, (before.shape[1], before.shape[2]))[0, 0] > 0
    share = (before[:, inside] != after[:, inside]).any(0).float().mean()
    same = references.another_video(row["source"])
    then, now = (references.describe(image, landmarks) for image in (before, after))
    others = (references.others(row["source"]) - then).norm(dim=1)
    return Judged(
        float(row["size"]),
        row["pose"],
        abs(float(row["roll"])) > 15,
        bool(share >= _CHANGED),
        *(float((a - b).norm()) for a, b in ((now, same), (then, same), (now, then))),
        float((others <= _SAME).float().mean()),
    )


def groups() -> list[tuple[str, Callable[[Judged], bool]]]:
    """What is told apart."""
    table: list[tuple[str, Callable[[Judged], bool]]] = [("all", lambda face: True)]
    for low, high in _SIZES:
        name = f"{low} to {high} pixels" if high < 1000 else f"{low} pixels and more"
        table.append((name, lambda face, low=low, high=high: low <= face.size < high))
    table += [
        (pose, lambda face, pose=pose: face.pose == pose) for pose in ("frontal", "half", "profile")
    ]
    table.append(("upright", lambda face: not face.turned))
    table.append(("leaning or lying", lambda face: face.turned))
    return table


def line(name: str, faces: Sequence[Judged]) -> str:
    def share(counted: Sequence[Judged], distance: Callable[[Judged], float]) -> str:
        if not counted:
            return ""
        return f"{sum(distance(f) <= _SAME for f in counted) / len(counted):.1%}"

    changed = [face for face in faces if face.changed]
    missed = len(faces) - len(changed)
    rate = f"{missed} ({missed / len(faces):.1%})" if faces else ""
    cells = [name, str(len(faces)), rate, str(len(changed))]
    cells += [
        share(changed, lambda f: f.original),
        share(changed, lambda f: f.result),
        f"{sum(face.others for face in changed) / len(changed):.1%}" if changed else "",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    run_command(main, JudgeOptions)
