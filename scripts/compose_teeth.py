"""Upper teeth that are nobody's, the mean of those of many portraits; open mouths show them.

    python scripts/compose_teeth.py PORTRAITS --out graphgan/weights/teeth.safetensors

Mouths that smile with their teeth are cut out along the upper lip, and told by color: teeth are
bright and hardly red. Each is turned so that the middle of its row is where it is most like its
mirror image, and laid upon the mean of all, mirrored and not, by width and height, again and again
(Learned-Miller, "Data Driven Image Models through Continuous Joint Alignment", PAMI 2006). What is
written is the mean brightness of those that fit, over that of their front teeth, and how many of
them show teeth there. Of no portrait is anything written but its share in these means, which are
symmetric: nobody's teeth are.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
import tyro
from jaxtyping import Float
from kornia.color import rgb_to_lab
from PIL import Image
from safetensors.torch import save
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import photo_sources, read_image, to_float_image
from graphgan.faces import FaceFinder
from graphgan.files import replacing
from graphgan.landmarks._mouth import TEETH_FROM, TEETH_TO

# A mouth that is cut out: pixels, and what they show, in widths of the mouth.
_ROWS, _COLUMNS = 96, 192
_LEFT, _RIGHT, _TOP, _BOTTOM = -0.1, 1.1, -0.1, 0.5
_FRONT = (slice(20, 34), slice(70, 122))  # where front teeth are
_BELOW = (slice(60, 80), slice(70, 122))  # lower lip and chin
_COMPARED = (slice(16, 42), slice(40, 152))
_MOST_RED, _LEAST_BRIGHT = 12.0, 50.0  # a* and L* of teeth
_LEAST_TEETH, _LEAST_BRIGHTER = 0.3, 12.0  # share of the front, L* over that of what is below
_MOST_TURNED = 0.45  # logarithm of the distances of the nose to both ends of the jaw
_LEAST_LIKE = 0.45  # correlation with the mean
_SIZE = (48, 128)
_FEW, _MANY = 0.25, 0.55  # share of portraits with teeth there: of what is transparent, and opaque
_CLOSED = 9  # pixels: gaps between teeth are no holes
_NECK = 24  # row from which teeth go on upwards as they are, below the lip


@dataclass(frozen=True)
class Options:
    """Write the teeth that open mouths show."""

    portraits: Annotated[Path, tyro.conf.Positional]
    """A folder of portraits."""
    out: Path
    """The file."""
    sheet: Path | None = None
    """Write a picture of them here: brightness, opacity, both."""


class Row(NamedTuple):
    """The teeth of a portrait, and how they are laid upon the mean.

    Args:
        lightness: L*.
        teeth: 1 where they are.
        scale, across, down: of the place where the mean looks them up, in half sides.
        likeness: to the mean.
    """

    name: str
    lightness: Float[Tensor, "h w"]
    teeth: Float[Tensor, "h w"]
    scale: float = 1.0
    across: float = 0.0
    down: float = 0.0
    likeness: float = 1.0


def main(options: Options) -> None:
    rows = read_rows(options.portraits)
    if len(rows) < 3:
        raise ValueError(f"{options.portraits}: expected at least 3 portraits that show teeth")
    rows = aligned(rows)
    fitting = [row for row in rows if row.likeness >= _LEAST_LIKE]
    print(f"  {len(rows)} portraits show teeth, {len(fitting)} go into the mean")
    teeth = picture(fitting)
    with replacing(options.out) as temporary:
        temporary.write_bytes(save({"teeth": teeth.half()}))
    if options.sheet is not None:
        write_sheet(options.sheet, teeth)


# --- portraits ------------------------------------------------------------------------------------


def read_rows(folder: Path) -> list[Row]:
    """The mouths of faces from the front that smile with their teeth."""
    finder, rows = FaceFinder(), []
    for source in photo_sources(folder)[0]:
        image = read_image(folder / source)
        faces = [face for face in finder(image) if face.landmarks.isfinite().all()]
        if len(faces) != 1:
            continue
        landmarks = faces[0].landmarks.float()
        mouth = cut_mouth(to_float_image(image), landmarks)
        lightness, red, _ = rgb_to_lab((mouth[None] + 1) / 2)[0]
        teeth = ((red < _MOST_RED) & (lightness > _LEAST_BRIGHT)).float()
        brighter = lightness[_FRONT].median() - lightness[_BELOW].median()
        shows = teeth[_FRONT].mean() > _LEAST_TEETH and brighter > _LEAST_BRIGHTER
        nose, right, left = landmarks[[30, 0, 16]]
        turned = ((nose - right).norm() / (left - nose).norm()).log().abs()
        if shows and turned < _MOST_TURNED:
            rows.append(Row(source, lightness, teeth))
    return rows


def cut_mouth(
    image: Float[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"]
) -> Float[Tensor, "3 p q"]:
    """What is below and above the inner edge of the upper lip, which comes to lie straight."""
    lip = landmarks[60:65]
    along = lip[-1] - lip[0]
    width = along.norm()
    along = along / width
    down = torch.stack([-along[1], along[0]])
    u, v = ((lip - lip[0]) @ along) / width, ((lip - lip[0]) @ down) / width
    across = _LEFT + (_RIGHT - _LEFT) * (torch.arange(_COLUMNS) + 0.5) / _COLUMNS
    below = _TOP + (_BOTTOM - _TOP) * (torch.arange(_ROWS) + 0.5) / _ROWS
    depth = _interpolated(across, u, v) + below[:, None]
    where = lip[0] + width * (across[None, :, None] * along + depth[..., None] * down)
    size = torch.tensor([image.shape[2], image.shape[1]])
    grid = (where + 0.5) / size * 2 - 1
    return F.grid_sample(image[None], grid[None], align_corners=False)[0]


def _interpolated(x: Tensor, xs: Tensor, ys: Tensor) -> Tensor:
    """Straight lines between the points, level beyond them."""
    last = len(xs) - 1
    left = (torch.bucketize(x, xs, right=True) - 1).clamp(0, last - 1)
    share = ((x - xs[left]) / (xs[left + 1] - xs[left]).clamp(min=1e-3)).clamp(0, 1)
    return ys[left].lerp(ys[left + 1], share)


# --- alignment ------------------------------------------------------------------------------------


def aligned(rows: list[Row]) -> list[Row]:
    """Laid upon their mean, which is taken anew each time of those that are like it."""
    rows = [centered(row) for row in rows]
    mean = symmetric(torch.stack([details(placed(row.lightness, row)) for row in rows]).mean(0))
    for _ in range(4):
        rows = [fitted(row, mean) for row in rows]
        fitting = [row for row in rows if row.likeness > _LEAST_LIKE - 0.1]
        size = sum(row.scale for row in fitting) / len(fitting)  # the mean keeps its size
        rows = [row._replace(scale=row.scale / size) for row in rows]
        fitting = [row for row in rows if row.likeness > _LEAST_LIKE - 0.1]
        mean = torch.stack([details(placed(row.lightness, row)) for row in fitting]).mean(0)
        mean = symmetric(mean)
    return rows


def centered(row: Row) -> Row:
    """With its middle where it is most like its mirror image."""
    tried = [row._replace(across=step / 100) for step in range(-18, 19)]
    found = [details(placed(row.lightness, one)) for one in tried]
    likeness = [_likeness(picture, picture.flip(1)) for picture in found]
    return tried[likeness.index(max(likeness))]


def fitted(row: Row, mean: Float[Tensor, "h w"]) -> Row:
    """The width, the place across and the depth at which it is most like the mean."""
    tried = [
        row._replace(scale=scale / 100, across=row.across + across / 100, down=down / 100)
        for scale in range(80, 130, 5)
        for across in range(-3, 4)
        for down in (-6, -3, 0, 3, 6)
    ]
    likeness = [_likeness(details(placed(row.lightness, one)), mean) for one in tried]
    best = likeness.index(max(likeness))
    return tried[best]._replace(likeness=likeness[best])


def placed(picture: Float[Tensor, "h w"], row: Row) -> Float[Tensor, "h w"]:
    x = (torch.arange(_COLUMNS) + 0.5) / _COLUMNS * 2 - 1
    y = (torch.arange(_ROWS) + 0.5) / _ROWS * 2 - 1
    grid = torch.meshgrid(x * row.scale + row.across, y + row.down, indexing="xy")
    found = F.grid_sample(
        picture[None, None], torch.stack(grid, -1)[None], padding_mode="border", align_corners=False
    )
    return found[0, 0]


def details(picture: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Less what is smooth across: the gaps between teeth are left."""
    smooth = F.avg_pool1d(F.pad(picture[:, None], (12, 12), mode="replicate"), 25, 1)[:, 0]
    return picture - smooth


def symmetric(picture: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    return (picture + picture.flip(1)) / 2


def _likeness(a: Float[Tensor, "h w"], b: Float[Tensor, "h w"]) -> float:
    a, b = (x[_COMPARED] - x[_COMPARED].mean() for x in (a, b))
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-6))


# --- the picture ----------------------------------------------------------------------------------


def picture(rows: list[Row]) -> Float[Tensor, "2 p q"]:
    """Brightness and opacity of the mean, cut as `paint_mouths` takes it."""
    relative = [row.lightness / row.lightness[_FRONT].median() for row in rows]
    both = zip(relative, rows, strict=True)
    bright = symmetric(torch.stack([placed(one, row) for one, row in both]).mean(0))
    shown = symmetric(torch.stack([placed(row.teeth, row) for row in rows]).mean(0))
    # Above the edge of the lip they go on as below it: another lip may be higher.
    bright = torch.cat([bright[_NECK].expand(_NECK, -1), bright[_NECK:]])
    bright = bright / bright[_NECK : _FRONT[0].stop, 76:116].mean()
    opacity = ((_filled(shown) - _FEW) / (_MANY - _FEW)).clamp(0, 1)
    opacity[_BELOW[0].start :] = 0
    opacity = _blurred(opacity.flip(0).cummax(0).values.flip(0))
    return _cut(torch.stack([bright, opacity])).clamp(0, 1)


def _filled(shown: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Gaps across are closed: dilation, then erosion."""
    pool = {"kernel_size": (1, _CLOSED), "stride": 1, "padding": (0, _CLOSED // 2)}
    wide = F.max_pool2d(shown[None, None], **pool)
    return _blurred(-F.max_pool2d(-wide, **pool)[0, 0])


def _blurred(x: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    for _ in range(2):
        x = F.avg_pool2d(F.pad(x[None, None], (1,) * 4, mode="replicate"), 3, 1)[0, 0]
    return x


def _cut(x: Float[Tensor, "c h w"]) -> Float[Tensor, "c p q"]:
    """From corner to corner, and between the depths of the file."""
    height, width = _SIZE
    across = (torch.arange(width) + 0.5) / width
    below = TEETH_FROM + (TEETH_TO - TEETH_FROM) * (torch.arange(height) + 0.5) / height
    u = (across - _LEFT) / (_RIGHT - _LEFT) * 2 - 1
    v = (below - _TOP) / (_BOTTOM - _TOP) * 2 - 1
    grid = torch.stack(torch.meshgrid(u, v, indexing="xy"), -1)
    return F.grid_sample(x[None], grid[None], align_corners=False)[0]


def write_sheet(path: Path, teeth: Float[Tensor, "2 p q"]) -> None:
    pictures = torch.cat([teeth[0], teeth[1], teeth.prod(0)])
    image = Image.fromarray((255 * pictures).round().byte().numpy())
    image.resize((6 * image.width, 6 * image.height), Image.Resampling.BICUBIC).save(path)


if __name__ == "__main__":
    run_command(main, Options)
