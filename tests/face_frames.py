"""A folder of frames with landmarks, as shared/faces is, of drawn people."""

import csv
from pathlib import Path

from graphgan.data import SyntheticFaces, write_image


def write_frames(folder: Path, people: int, videos: int) -> SyntheticFaces:
    """``images/<person>/<video>0.png`` and ``landmarks.csv``; one frame of each video."""
    drawn = SyntheticFaces(people, videos, size=160)
    with (folder / "landmarks.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", *(f"{axis}{i}" for i in range(68) for axis in "xy")])
        for i, person in enumerate(drawn.persons):
            name = f"{person:03}/{i % videos}0.png"
            (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
            write_image(folder / "images" / name, drawn[i].image)
            table.writerow([name, *drawn[i].landmarks.flatten().tolist()])
    return drawn
