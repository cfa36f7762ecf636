"""From ten photos to a sheet of AnonyGAN: python tutorials/train_on_own_photos.py --help

Run from the root of a clone. The commands are those of the page, in the same order.
"""

import argparse
import csv
import shlex
import subprocess
import sys
from pathlib import Path

from graphgan.data import SyntheticFaces, write_image

# --8<-- [start:photos]
NUM_PEOPLE, PHOTOS_OF_EACH = 5, 2


def draw_photos(folder: Path) -> None:
    """Stand-ins for your own photos: ten drawn ones in folders of five people, and landmarks."""
    faces = SyntheticFaces(NUM_PEOPLE, PHOTOS_OF_EACH, size=128, seed=9)
    rows = []
    for i, face in enumerate(faces[index] for index in range(len(faces))):
        photo = (
            f"person{faces.persons[i]}/{i % PHOTOS_OF_EACH}.png"  # its name in the landmark file
        )
        (folder / "photos" / photo).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / "photos" / photo, face.image)
        rows.append([photo, *(f"{value:.2f}" for value in face.landmarks.flatten().tolist())])
    with (folder / "landmarks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *(f"{axis}{i}" for i in range(68) for axis in "xy")])
        writer.writerows(rows)


# --8<-- [end:photos]

PREPARE = r"""
# --8<-- [start:prepare]
python recipes/anonygan/prepare.py --images own/photos --landmarks own/landmarks.csv \
    --out own/prepared --size 64 --test-people 2 --workers 1
# --8<-- [end:prepare]
"""

CHECK = r"""
# --8<-- [start:check]
python recipes/anonygan/check.py own/prepared --out own/check.png
# --8<-- [end:check]
"""

TRAIN = r"""
# --8<-- [start:train]
python recipes/anonygan/train.py --data own/prepared --out own/run --steps 200 --batch-size 4 \
    --same-image-share 0.25 --same-person-share 0.5
# --8<-- [end:train]
"""

SAMPLE = r"""
# --8<-- [start:sample]
python recipes/anonygan/sample.py --checkpoint own/run --data own/prepared --out own/anonymized
# --8<-- [end:sample]
"""

SHIPPED = r"""
# --8<-- [start:shipped]
python recipes/anonygan/prepare.py --images own/photos --landmarks own/landmarks.csv \
    --out own/prepared128 --size 128 --test-people 2 --workers 1
python recipes/anonygan/sample.py --checkpoint people-128 --data own/prepared128 \
    --out own/anonymized128
# --8<-- [end:shipped]
"""


def run(commands: str, folder: Path, *more: str) -> None:
    """Each command in turn, with ``folder`` in place of ``own``; the first failure ends it all."""
    for line in commands.replace("\\\n", " ").splitlines():
        if not line or line.startswith("#"):
            continue
        words = [str(folder / w[4:]) if w.startswith("own/") else w for w in shlex.split(line)]
        print("$", shlex.join([*words, *more]), flush=True)
        subprocess.run([sys.executable, *words[1:], *more], check=True)


def main() -> None:
    parts = {"prepare": PREPARE, "check": CHECK, "train": TRAIN, "sample": SAMPLE}
    parts |= {"shipped": SHIPPED}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("own"), help="new; all goes there")
    parser.add_argument("--steps", type=int, help="of training, instead of the page's")
    parser.add_argument(
        "--parts",
        nargs="*",
        choices=list(parts),
        default=list(parts),
        help="what follows the drawing of the photos; nothing where no name follows",
    )
    args = parser.parse_args()
    draw_photos(args.folder)
    for name in args.parts:
        steps = name == "train" and args.steps is not None
        run(parts[name], args.folder, *(["--steps", str(args.steps)] if steps else []))


if __name__ == "__main__":
    main()
