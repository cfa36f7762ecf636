"""Training pairs in a CSV file with the columns ``split,from,to``.

In each row, the first image shows a person, and the second one shows the same person in the target
pose: ``from`` is the condition of a pair, ``to`` its source.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from graphgan.data._pairs import PairKind, Pairs
from graphgan.data._tables import read_table

PAIR_COLUMNS = ("split", "from", "to")
_OTHER_COLUMNS = ("fold", "same", "image_a", "image_b")  # evaluation pairs, as in LFW
_SPLITS = ("train", "test")


def read_listed_pairs(
    path: str | Path, images: Sequence[str], split: str | None = None
) -> Pairs | None:
    """Read the pairs of a file as image numbers, in the file's order.

    Args:
        images: names of the images in the file, in the order of their numbers.
        split: split of the pairs to read; None for all.
    Returns:
        The pairs, all ``PairKind.SAME_PERSON``; None if the split has no pairs, or if there is no
        file or one with pairs for evaluation.
    Raises:
        ValueError: other columns; rows with too few or too many values, an unknown split, or an
            image that is not in ``images``. The message names the line of the first bad row and the
            number of bad rows.
    """
    path = Path(path)
    if not path.is_file():
        return None
    numbers = {image: number for number, image in enumerate(images)}
    pairs: list[tuple[int, ...]] = []
    problems: list[str] = []
    lines = read_table(path)
    _, header = next(lines, (1, []))
    if tuple(header) == _OTHER_COLUMNS:
        return None
    if tuple(header) != PAIR_COLUMNS:
        raise ValueError(
            f"{path}: expected the columns {','.join(PAIR_COLUMNS)}, got {','.join(header)!r}"
        )
    for number, row in lines:
        try:
            if _is_of(row, split):
                pairs.append(_numbers(row, numbers, split))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    if problems:
        raise ValueError(f"{path}: {problems[0]} (bad pairs in all: {len(problems)})")
    if not pairs:
        return None
    condition, source = torch.tensor(pairs).T.contiguous()
    return Pairs(condition, source, torch.full_like(source, PairKind.SAME_PERSON))


def _is_of(row: list[str], split: str | None) -> bool:
    if len(row) != len(PAIR_COLUMNS):
        raise ValueError(f"expected the values {','.join(PAIR_COLUMNS)}, got {','.join(row)}")
    if row[0] not in _SPLITS:
        raise ValueError(f"expected the split {' or '.join(_SPLITS)}, got {row[0]!r}")
    return split in (None, row[0])


def _numbers(row: list[str], numbers: Mapping[str, int], split: str | None) -> tuple[int, ...]:
    for image in row[1:]:
        if image not in numbers:
            where = "the folder" if split is None else f"the split {split!r}"
            raise ValueError(f"expected images of {where}, got {image}")
    return tuple(numbers[image] for image in row[1:])
