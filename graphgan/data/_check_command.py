"""The parts that the recipes' `check` commands share: problems, counts, and a contact sheet."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from graphgan.data._drawing import image_grid
from graphgan.data._images import write_image
from graphgan.data._pictures import Picture, check_sides
from graphgan.data._prepared import SPLITS, PreparedPictures

_COLUMNS = 12  # of the contact sheet


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Count and check the images in a prepared folder, and draw a few of them.

    The exit status is 1 if training on the folder would fail.
    """

    out: Path | None = None
    """File for the contact sheet. Default: runs/check/<folder>/contact_sheet.png."""
    tiles: int = 48
    """Number of images on the contact sheet, spread evenly over the folder."""
    list_at_most: int = 8
    """Number of problems of each kind to list in full."""

    def __post_init__(self) -> None:
        if min(self.tiles, self.list_at_most) < 0:
            raise ValueError("expected --tiles and --list-at-most of at least 0")


@dataclass(frozen=True)
class Problem:
    """A problem with one image or with the folder.

    Args:
        kind: short description.
        fatal: whether training would fail.
    """

    kind: str
    where: str
    fatal: bool = False


def picture_problems(pictures: PreparedPictures, index: int) -> Iterator[Problem]:
    """Problems any image may have: with its file, or with the positions of its landmarks."""
    where = pictures.place(index)
    try:
        pictures[index]
    except (ValueError, OSError) as error:
        yield Problem("image cannot be used", str(error), fatal=True)
    picture = pictures.pictures[index]
    if picture.outside:
        yield Problem("landmarks outside the photo", f"{where}: {picture.outside}")
    present = picture.landmarks[picture.landmarks.isfinite().all(-1)]
    if len(present) == 0 or (present == present[0]).all():
        yield Problem("landmarks all missing or all equal", where, fatal=True)
        return
    height, width = pictures.size
    outside = (present < -0.5) | (present > torch.tensor([width, height]) - 0.5)
    if count := int(outside.any(-1).sum()):
        yield Problem("landmarks outside the crop", f"{where}: {count}")


def report_check(
    options: CheckOptions,
    pictures: PreparedPictures,
    problems: Sequence[Problem],
    draw: Callable[[Picture], UInt8[Tensor, "3 h w"]],
    counts: Sequence[str] = (),
    smallest: int | None = None,
) -> int:
    """Print counts and problems, and write the contact sheet.

    Args:
        pictures: images of the whole folder.
        draw: returns an image of the same size for the contact sheet.
        counts: additional lines to print.
        smallest: side of the smallest image that the recipe's networks support; None does not check
            the size.
    Returns:
        The status of the command: 1 when there are fatal problems.
    """
    if smallest is not None:
        problems = [*problems, *_size_problems(pictures, smallest)]
    _print_counts(pictures)
    for line in counts:
        print(f"  {line}")
    _print_problems(problems, options.list_at_most)
    sheet = options.out or Path("runs/check", pictures.root.resolve().name, "contact_sheet.png")
    if _write_sheet(pictures, options.tiles, sheet, draw):
        print(f"contact sheet: {sheet}")
    if fatal := sum(problem.fatal for problem in problems):
        print(f"fix these problems before training: {fatal}")
    return 1 if fatal else 0


def _size_problems(pictures: PreparedPictures, smallest: int) -> Iterator[Problem]:
    try:
        check_sides(pictures.size, smallest=smallest)
    except ValueError as error:
        yield Problem(str(error), "prepared.json", fatal=True)


def _print_counts(pictures: PreparedPictures) -> None:
    height, width = pictures.size
    print(f"{pictures.root}: {len(pictures)} images of {len(pictures.people)} people")
    print(
        f"  {width} x {height} pixels, {pictures.num_landmarks} landmarks "
        f"({pictures.landmark_scheme})"
    )
    for split in SPLITS:
        images = Counter(row.person for row in pictures.pictures if row.split == split)
        spread = f", {min(images.values())} to {max(images.values())} each" if images else ""
        print(f"  {split}: {images.total()} images of {len(images)} people{spread}")
    print(f"  skipped while preparing: {pictures.info['skipped'] or 'none'}")


def _print_problems(problems: Sequence[Problem], at_most: int) -> None:
    kinds: dict[tuple[bool, str], list[str]] = {}
    for problem in problems:
        kinds.setdefault((not problem.fatal, problem.kind), []).append(problem.where)
    if not kinds:
        print("no problems")
    for (harmless, kind), places in sorted(kinds.items()):
        print(f"{'note' if harmless else 'PROBLEM'}: {kind}: {len(places)}")
        for where in places[:at_most]:
            print(f"    {where}")
        if len(places) > at_most:
            print(f"    and {len(places) - at_most} more")


def _write_sheet(
    pictures: PreparedPictures,
    tiles: int,
    path: Path,
    draw: Callable[[Picture], UInt8[Tensor, "3 h w"]],
) -> bool:
    """Write the contact sheet of the images that can be drawn; False when there are none."""
    count = min(tiles, len(pictures))
    chosen = [round(i) for i in torch.linspace(0, len(pictures) - 1, count).tolist()]
    drawn = []
    for index in chosen:
        try:
            drawn.append(draw(pictures[index]))
        except (ValueError, OSError):
            continue  # listed among the problems
    if not drawn:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, image_grid(drawn, columns=min(_COLUMNS, len(drawn))))
    return True
