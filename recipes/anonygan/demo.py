"""Anonymize one photo and measure the result: `python recipes/anonygan/demo.py --help`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from graphgan.anonymize import Anonymizer, GeneratedFaces, Match, Result, people_conditions
from graphgan.commands import run_command
from graphgan.data import image_grid, read_image, write_image
from graphgan.faces import DlibResNetRecognizer, FaceFinder
from graphgan.files import replacing, require_new_folder
from graphgan.landmarks import Alignment, Crop, Detection, crop_aligned
from graphgan.metrics import landmark_error
from graphgan.models import AnonyGAN
from graphgan.weights import FACES

PORTRAIT = Path(__file__).parents[2] / "docs" / "pictures" / "astronaut.jpg"
"""Eileen Collins, photographed by NASA: public domain."""
METRICS = "metrics.json"

_ANGLES, _SIZES = (-25.0, 0.0, 15.0, -10.0), (240, 240, 160, 120)  # degrees; pixels a side
_AROUND = 2.0  # sides of a face's box


@dataclass(frozen=True, kw_only=True)
class Options:
    """Replace the faces in a photo with AnonyGAN and measure the result."""

    photo: Path = PORTRAIT
    """Photo to anonymize. The default is NASA's public-domain portrait of Eileen Collins."""
    checkpoint: Path = Path(FACES)
    """Weights to use: a generator.safetensors file, a run folder (its newest weights), or the name
    of shipped weights (`graphgan info` lists them)."""
    out: Path = Path("runs/demo")
    """New or empty folder, or that of an earlier demo, for before.png, after.png, both.png,
    many.png (one head at several angles and sizes, before and after) and metrics.json."""
    match: Match = "look"
    """How to choose the replacement: by skin tone and apparent sex (tone), by apparent age
    as well (look), or none."""
    seed: int = 2
    """Random seed for choosing among suitable replacements."""


def main(options: Options) -> None:
    if not (options.out / METRICS).exists():  # otherwise it is from an earlier demo
        require_new_folder(options.out, "choose another folder with --out")
    photo = read_image(options.photo)
    detector = FaceFinder()
    faces = detector(photo)
    if not faces:
        raise ValueError(f"{options.photo}: no face found")
    method = GeneratedFaces(AnonyGAN.from_pretrained(options.checkpoint))
    people, recognizer = people_conditions(), DlibResNetRecognizer()
    anonymizer = Anonymizer(
        method, detector, people, recognizer=recognizer, match=options.match, seed=options.seed
    )
    result = anonymizer(photo, detections=faces)
    rows = measure(faces, result, detector(result.image), recognizer.threshold)
    heads = many_heads(photo, faces[0])
    shown = anonymizer(heads, key="many").image
    write(options.out, photo, result.image, rows)
    write_image(options.out / "many.png", image_grid(torch.stack([heads, shown]), 1))
    print(table(rows))
    print(f"look at {options.out / 'both.png'} and {options.out / 'many.png'}")


def many_heads(photo: UInt8[Tensor, "3 h w"], face: Detection) -> UInt8[Tensor, "3 u v"]:
    """One head eight times in a row: at several angles and sizes, and the same mirrored."""
    (left, top), (right, bottom) = face.box[:2].tolist(), face.box[2:].tolist()
    side = _AROUND * max(right - left, bottom - top)
    around = Crop((left + right - side) / 2, (top + bottom - side) / 2, side, side)
    heads = []
    for i, (angle, size) in enumerate(2 * list(zip(_ANGLES, _SIZES, strict=True))):
        head = (
            crop_aligned(photo, Alignment(around, angle), (size, size)).round().clamp(0, 255).byte()
        )
        head = head if i < len(_SIZES) else head.flip(-1)
        above = max(_SIZES) - size
        heads.append(torch.nn.functional.pad(head, (0, 0, above, 0), value=255))
    return torch.cat(heads, -1)


def measure(
    faces: list[Detection], result: Result, found: list[Detection], threshold: float | None
) -> list[dict[str, Any]]:
    """For each face: the outcome, whether it is still detected, its pose error and its distance to
    the original identity."""
    rows = []
    for face, made in zip(faces, result.faces, strict=True):
        again = [other for other in found if _is_inside(other, face)]
        error = None
        if again:
            points = again[0].landmarks[None].double(), face.landmarks[None].double()
            error = round(float(landmark_error(*points)), 4)
        rows.append(
            {
                "shown by": made.method,
                "found again": bool(again),
                "pose error / eye distance": error,
                "descriptor distance": made.distance and round(made.distance, 3),
                "same person below": threshold,
            }
        )
    return rows


def _is_inside(other: Detection, face: Detection) -> bool:
    """Whether the center of one face's landmarks lies inside the other face's box."""
    middle = other.landmarks.mean(0)
    return bool(((middle >= face.box[:2]) & (middle <= face.box[2:])).all())


def write(out: Path, before: Tensor, after: Tensor, rows: list[dict[str, Any]]) -> None:
    """Write the images, separately and side by side, and the measurements."""
    out.mkdir(parents=True, exist_ok=True)
    write_image(out / "before.png", before)
    write_image(out / "after.png", after)
    write_image(out / "both.png", image_grid(torch.stack([before, after]), 2))
    with replacing(out / METRICS) as temporary:
        temporary.write_text(json.dumps(rows, indent=2) + "\n")


def table(rows: list[dict[str, Any]]) -> str:
    """One line per number, one block per face."""
    lines = []
    for number, row in enumerate(rows, 1):
        lines.append(f"face {number}")
        lines += [f"  {name:28}{value}" for name, value in row.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(main, Options)
