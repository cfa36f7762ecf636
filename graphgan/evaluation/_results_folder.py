"""Evaluate the results of any other tool, given as a folder of images."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from graphgan.data import read_image, to_float_image
from graphgan.data._images import picture_size
from graphgan.data._listing import SUFFIXES
from graphgan.data._prepared import PreparedPicture
from graphgan.evaluation._systems import Request
from graphgan.landmarks import crop_image

_FEW = 3  # sizes that a remark lists
_SMALL, _LEAST_LIKENESS = 32, 0.3  # pixels a side, and the correlation from which a result counts


class FolderOfResults:
    """Results of any other tool, matched to the sources by file name.

    A result is named after the prepared image (``anna-1.png``), its path (``images/anna/1.png``) or
    the photo's path (``anna/1.jpg``), with any extension. A file with the photo's path may be the
    whole photo, from which the face is cropped like the original, or the prepared image; whichever
    resembles the source more is used. Others are resized to the source's size. Files that cannot be
    read, or that have the photo's path but resemble the source in neither way, do not count as
    results.

    Args:
        root: folder of the results.
        name: name in tables.
    Raises:
        ValueError: the folder does not exist, has no images, or has two images with one name.
    """

    uses_conditions = False

    def __init__(self, root: Path, *, name: str = "folder") -> None:
        if not root.is_dir():
            raise ValueError(f"{root}: no such folder of results")
        self.name = name
        self.files: dict[str, Path] = {}
        for path in sorted(root.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():  # no dangling link
                stem = path.relative_to(root).with_suffix("").as_posix()
                if (other := self.files.setdefault(stem, path)) is not path:
                    raise ValueError(f"{root}: two results with one name, {other.name} and {path}")
        if not self.files:
            raise ValueError(f"{root}: expected images named after the sources, found none")
        self.root = root

    @property
    def fingerprint(self) -> str:
        """Changes when a result does, based on the size and time of every file."""
        stats = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in self.files.values()]
        return hashlib.sha256(repr(stats).encode()).hexdigest()

    def __call__(self, request: Request) -> Float[Tensor, "b 3 h w"]:
        return torch.stack(
            [self._result(*pair) for pair in zip(request.pictures, request.source, strict=True)]
        )

    def check(self, pictures: Sequence[PreparedPicture]) -> None:
        """Raise ``ValueError`` unless at least one image has a result."""
        if not any(self._file(picture) for picture in pictures):
            found, wanted = next(iter(self.files.values())).name, pictures[0].name
            raise ValueError(
                f"{self.root}: expected results named after the images, such as {wanted}.png, "
                f"got {found} and others"
            )

    def remarks(self, pictures: Sequence[PreparedPicture], size: tuple[int, int]) -> list[str]:
        """Remarks for the reader on the results of these images, from the files' headers."""
        sizes, unreadable, outside = set(), 0, 0
        for picture in pictures:
            if (path := self._file(picture)) is None:
                continue
            if (own := picture_size(path)) is None:
                unreadable += 1
            elif own != size:
                sizes.add(own)
                outside += self.files.get(_photo(picture)) == path and _is_outside(picture, own)
        remarks = [f"{self.name}: {unreadable} results cannot be read"] if unreadable else []
        if sizes:
            listed = ", ".join(f"{w} x {h}" for h, w in sorted(sizes)[:_FEW])
            more = f" and {len(sizes) - _FEW} other sizes" if len(sizes) > _FEW else ""
            remarks.append(
                f"{self.name}: results of {listed}{more} pixels: faces were cut out of photos, "
                "others were resized"
            )
        if outside:
            remarks.append(
                f"{self.name}: {outside} faces lie outside of their results: was the size of the "
                "photos changed?"
            )
        if others := len(self.files) - len(set(filter(None, map(self._file, pictures)))):
            remarks.append(f"{self.name}: {others} files in the folder match no probe")
        return remarks

    def _file(self, picture: PreparedPicture) -> Path | None:
        path = picture.image.rsplit(".", 1)[0]
        names = (picture.name, path, path.removeprefix("images/"), _photo(picture))
        return next((self.files[name] for name in names if name in self.files), None)

    def _result(
        self, picture: PreparedPicture, source: Float[Tensor, "3 h w"]
    ) -> Float[Tensor, "3 h w"]:
        size = (source.shape[1], source.shape[2])
        path = self._file(picture)
        try:
            if path is None:
                raise ValueError("no result")
            image = to_float_image(read_image(path))
        except (ValueError, OSError):
            return torch.full((3, *size), torch.nan)
        brought: Tensor = F.interpolate(image[None], size, mode="bicubic", antialias=True)[0]
        if self.files.get(_photo(picture)) != path:
            return brought.clamp(-1, 1)
        # Named like the photo, but it may also be the prepared image, which has the same path.
        choices = [brought]
        if not _is_outside(picture, (image.shape[1], image.shape[2])):
            choices.append(crop_image(image, picture.crop, size))
        likeness = [_likeness(choice, source) for choice in choices]
        best = max(range(len(choices)), key=likeness.__getitem__)
        if likeness[best] < _LEAST_LIKENESS:
            return torch.full((3, *size), torch.nan)
        return choices[best].clamp(-1, 1)


def _likeness(image: Float[Tensor, "3 h w"], source: Float[Tensor, "3 h w"]) -> float:
    """Correlation of both as small images; 1 of an even one, which is like anything."""
    small = F.interpolate(torch.stack([image, source]), (_SMALL, _SMALL), mode="area").flatten(1)
    away = small.double() - small.double().mean(1, keepdim=True)
    spread = float(away.norm(dim=1).prod())
    return float((away[0] * away[1]).sum()) / spread if spread > 1e-6 else 1.0


def _is_outside(picture: PreparedPicture, size: tuple[int, int]) -> bool:
    """Whether the middle of a face's crop is not in a photo of this height and width."""
    crop = picture.crop
    x, y = crop.left + crop.width / 2, crop.top + crop.height / 2
    return not (0 <= x < size[1] and 0 <= y < size[0])


def _photo(picture: PreparedPicture) -> str:
    return picture.source.rsplit(".", 1)[0]
