"""People who do not exist, each composed of several portraits; `graphgan-anonymize` shows them.

    python scripts/compose_people.py PORTRAITS --out graphgan/weights/people-512.safetensors

Each person takes the skin of one portrait, eyes and brows of a second, nose of a third and mouth of
a fourth, all of about the same tone of skin and, where ``people.csv`` beside the portraits says it
(columns image, age, sex), of the same sex and about the same age. All are bent to their mean shape
first, and colors are brought to those of the skin. Seams are blended band by band (Burt and
Adelson, "A Multiresolution Spline with Application to Image Mosaics", ACM Transactions on Graphics
1983). Beyond the face the skin is carried on, so that hair and background never come along.

A portrait takes part that looks into the camera with open eyes, in about the same light from both
sides, and whose face nothing hides. It is made symmetric in shape and light (`even`): whoever is
shown is lit as the photo is, and a shadow of the portrait would stay as a patch.

A person is kept whose cheeks and jaw are of one color, without a patch of background or hair, and
whose descriptor (dlib's) is at least 0.36 from those of all portraits and 0.45 from those of all
who are kept already. Up to 0.6 dlib takes two faces for one person: a portrait may be recognized.
Among people within 6 L* of each other, about as many are women as men.
"""

import csv
import io
import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import tyro
from jaxtyping import Float
from kornia.color import lab_to_rgb, rgb_to_lab
from kornia.filters import gaussian_blur2d
from PIL import Image
from safetensors.torch import save
from torch import Tensor

from graphgan.anonymize import Condition
from graphgan.anonymize._matching import look_of
from graphgan.anonymize.compositor import carry_outward
from graphgan.anonymize.compositor._constants import ALONE_MARGIN
from graphgan.anonymize.compositor._occluders import occluders
from graphgan.commands import run_command
from graphgan.data import photo_sources, read_image, to_float_image, to_uint8_image
from graphgan.faces import DlibResNetRecognizer, FaceFinder
from graphgan.files import replacing
from graphgan.landmarks import (
    IBUG_68,
    bend_to_landmarks,
    convex_hull,
    crop_aligned,
    face_regions,
    mirror_landmarks,
    polygon_mask,
)
from graphgan.landmarks._alignment import align_face
from graphgan.landmarks._masks import shrink_mask

_PARTS = {
    "eyes": [*range(17, 27), *range(36, 48)],
    "nose": [*range(27, 36)],
    "mouth": [*range(48, 68)],
}
_GROWN = {"eyes": 1.15, "nose": 1.1, "mouth": 1.25}  # parts, about their middles
_BANDS = (1 / 256, 1 / 128, 1 / 64, 1 / 32, 1 / 16)  # standard deviations, in sides
_FEATURES = {  # what light is not measured on, and how much larger it is than its landmarks
    "right brow": (range(17, 22), 1.5),
    "left brow": (range(22, 27), 1.5),
    "right eye": (range(36, 42), 1.6),
    "left eye": (range(42, 48), 1.6),
    "mouth": (range(48, 60), 1.25),
    "nostrils": (range(30, 36), 1.3),
}
_FOREHEAD = 0.34  # of what is shown, see `face_mask`
_MOST_FOREHEAD = 24.0  # Delta E of the forehead to the cheeks
_MOST_TURNED = 0.12  # tip of the nose from the middle, in widths of the jaw
_LEAST_OPEN = 0.235  # height of the eyes, in widths
_MOST_UNEVEN = 14.0  # Delta E of one half of the face to the other
_MOST_HIDDEN = 0.05  # share of the face
_LIGHT = 1 / 24  # sides: what is smoother than this is light
_COLOR_KEPT = 0.5  # of its colors
_LIGHTER, _DARKER = 10.0, 10.0  # L* from the median where light and shade end, but for beards
_MOST_AGE, _MOST_TONE = 14, 12.0  # years, Delta E, within a person
_ALIKE_TONE = 6.0  # L* of people among whom the sexes are balanced
_GRAIN = 1.5 / 256  # sides: what is skin is told without it
_FADE, _FULL = 0.05, 0.2  # carried colors turn into their mean: sides, share of a blurred mask
_FROM_PORTRAITS, _FROM_PEOPLE = 0.36, 0.45  # distances of descriptors
_PATCH = (20.0, 35.0, 30.0)  # from the cheeks: in color, darker, lighter
_MOST_PATCHES = 0.035  # share of cheeks and jaw
_NOSE_BASE = 33
_FEW = 4.0  # pixels: standard deviation from which on an image is blurred on fewer
_USES = 3  # of the skin of a portrait
_MOST_MOVED = 0.06  # landmarks that are found again, in distances of the eyes
_MOST_CROOKED = 10.0  # Delta E of one half of a mouth to the other, seen through
_MOUTH_SEEN = 1 / 128  # a blur of so many sides
_QUALITY = 92  # JPEG


@dataclass(frozen=True)
class Options:
    """Write people for --condition people."""

    portraits: Annotated[Path, tyro.conf.Positional]
    """A folder of portraits; people.csv may lie in it or above it."""
    out: Path
    """The file."""
    people: int = 96
    """How many."""
    refuse: tuple[str, ...] = ()
    """Names of portraits that show glasses or look wrong, such as female-69.jpg."""
    leave_out: tuple[str, ...] = ()
    """Names of those who look wrong on the sheet, such as person-03."""
    size: int = 512
    """Pixels a side."""
    seed: int = 0
    """Of who is composed with whom."""
    sheet: Path | None = None
    """Write a picture of all of them here."""


class Portrait(NamedTuple):
    """A portrait, aligned, symmetric and evenly lit, and what chooses its partners.

    ``shown`` is 1 where the image shows the face.
    """

    name: str
    image: Float[Tensor, "3 h w"]
    shown: Float[Tensor, "1 h w"]
    landmarks: Float[Tensor, "68 2"]
    tone: Float[Tensor, "3"]
    descriptor: Float[Tensor, "d"]
    sex: str
    age: float


def main(options: Options) -> None:
    if options.people < 1 or options.size < 64:
        raise ValueError(
            f"expected at least one person and 64 pixels, got {options.people} and {options.size}"
        )
    torch.set_num_threads(1)  # more threads change sums, and so who is kept
    recognize = DlibResNetRecognizer()
    portraits, refused = read_portraits(options, recognize)
    print(f"  {len(portraits)} portraits, {refused} refused")
    rng = np.random.default_rng(options.seed)
    kept: list[Portrait] = []
    skins: Counter[str] = Counter()
    finder = FaceFinder()
    for _ in range(50 * options.people):
        if len(kept) == options.people:
            break
        group = draw_group(portraits, kept, rng)
        if group is None or skins[group[0].name] == _USES:
            continue
        person = compose(group, f"person-{len(kept):02}", recognize)
        if (
            patches(person) <= _MOST_PATCHES
            and is_nobody(person, portraits, kept)
            and moved(person, finder) <= _MOST_MOVED
        ):
            kept.append(person)
            skins[group[0].name] += 1
    if len(kept) < options.people:
        print(f"  {len(kept)} people of {options.people}: no further people who resemble nobody")
    if unknown := set(options.leave_out) - {person.name for person in kept}:
        raise ValueError(f"expected --leave-out of people, got {', '.join(sorted(unknown))}")
    kept = [person for person in kept if person.name not in options.leave_out]
    write_people(options.out, kept)
    if options.sheet is not None:
        write_sheet(options.sheet, kept)


# --- portraits ------------------------------------------------------------------------------------


def read_portraits(options: Options, recognize: DlibResNetRecognizer) -> tuple[list[Portrait], int]:
    finder, about = FaceFinder(), read_table(options.portraits)
    portraits, sources = [], photo_sources(options.portraits)[0]
    for source in sources:
        if Path(source).name in options.refuse:
            continue
        image = read_image(options.portraits / source)
        faces = [face for face in finder(image) if face.landmarks.isfinite().all()]
        if len(faces) != 1:
            continue
        landmarks = faces[0].landmarks
        alignment, size = align_face(landmarks), (options.size, options.size)
        crop = crop_aligned(to_float_image(image), alignment, size).clamp(-1, 1)
        points = alignment.to_crop(landmarks, size).float()
        sex, age = about.get(Path(source).name, ("", 0.0))
        face = symmetric_face(crop[None], points, may_have_beard=sex != "female")
        if face is None:
            continue
        image_of_face, shown, shape = face
        descriptor = recognize(image, landmarks[None])[0]
        tone, _ = tones(image_of_face[0], shape)
        portraits.append(
            Portrait(source, image_of_face[0], shown[0], shape, tone, descriptor, sex, age)
        )
    return portraits, len(sources) - len(portraits)


def symmetric_face(
    image: Float[Tensor, "1 3 h w"], landmarks: Float[Tensor, "68 2"], *, may_have_beard: bool
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Image, what of it is face, and landmarks; None of a face that is no good for this."""
    cheeks, forehead = tones(image[0], landmarks)
    if (
        float((cheeks - forehead).norm()) > _MOST_FOREHEAD
        or turned(landmarks) > _MOST_TURNED
        or eye_height(landmarks) < _LEAST_OPEN
    ):
        return None
    shape = (landmarks + mirror_landmarks(landmarks, image.shape[3], IBUG_68)) / 2
    bent = bend_to_landmarks(image, landmarks[None], shape[None])
    face = face_of(bent, shape)
    skin = 1 - occluders(bent, face, shape[None])
    if float((face * (1 - skin)).sum() / face.sum()) > _MOST_HIDDEN:
        return None
    if unevenness(bent, face, shape) > _MOST_UNEVEN:
        return None
    bent, shown = completed(bent, face, skin)
    evened = even(bent, shown, shape, may_have_beard=may_have_beard)
    mouth = part_mask(shape, "mouth", (image.shape[2], image.shape[3]))
    if difference_of_halves(evened, mouth, _MOUTH_SEEN) > _MOST_CROOKED:
        return None
    return evened, shown, shape


def turned(landmarks: Float[Tensor, "68 2"]) -> float:
    left, right, tip = landmarks[0], landmarks[16], landmarks[30]
    across = right - left
    return abs(float((tip - left) @ across / (across @ across)) - 0.5)


def eye_height(landmarks: Float[Tensor, "68 2"]) -> float:
    heights = []
    for eye in (landmarks[36:42], landmarks[42:48]):
        gaps = (eye[1] - eye[5]).norm() + (eye[2] - eye[4]).norm()
        heights.append(float(gaps / 2 / (eye[0] - eye[3]).norm()))
    return sum(heights) / 2


def face_of(
    image: Float[Tensor, "1 3 h w"], landmarks: Float[Tensor, "68 2"]
) -> Float[Tensor, "1 1 h w"]:
    size = (image.shape[2], image.shape[3])
    return shrink_mask(face_regions(landmarks[None], size, forehead=_FOREHEAD), ALONE_MARGIN)


def completed(
    image: Float[Tensor, "1 3 h w"],
    face: Float[Tensor, "1 1 h w"],
    skin: Float[Tensor, "1 1 h w"],
) -> tuple[Float[Tensor, "1 3 h w"], Float[Tensor, "1 1 h w"]]:
    """What hair hides on one side is taken from the other; and what is face then."""
    hidden = face * (1 - skin)
    reach = image.shape[3] // 64
    near = F.max_pool2d(hidden, 2 * reach + 1, stride=1, padding=reach)
    taken = near * skin.flip(-1)
    return blend_bands([image, image.flip(-1)], [taken]), face * torch.maximum(skin, taken)


def even(
    image: Float[Tensor, "1 3 h w"],
    shown: Float[Tensor, "1 1 h w"],
    landmarks: Float[Tensor, "68 2"],
    *,
    may_have_beard: bool,
) -> Float[Tensor, "1 3 h w"]:
    """Light that is the same from both sides, of less color, without large lights and shades."""
    lab = rgb_to_lab((image + 1) / 2)
    skin = shown * (1 - features(image, landmarks))
    light = _smooth_within(lab, skin, _LIGHT)
    middle = lab[0][:, skin[0, 0] > 0].median(1).values[None, :, None, None]
    wanted = (light + light.flip(-1)) / 2 - middle
    lightness, color = wanted[:, :1], wanted[:, 1:]
    limits = torch.where(lightness > 0, _LIGHTER, _DARKER)
    limited = limits * (lightness / limits).tanh()
    if may_have_beard:
        rows = torch.arange(image.shape[2], dtype=torch.float32)[:, None]
        below = rows > landmarks[_NOSE_BASE, 1]
        limited = torch.where(below & (lightness < 0), lightness, limited)
    changed = lab - light + middle + torch.cat([limited, _COLOR_KEPT * color], 1)
    return (lab_to_rgb(changed) * 2 - 1).clamp(-1, 1)


def unevenness(
    image: Float[Tensor, "1 3 h w"],
    face: Float[Tensor, "1 1 h w"],
    landmarks: Float[Tensor, "68 2"],
) -> float:
    """How unlike the light is on both halves of a symmetric face."""
    return difference_of_halves(image, face * (1 - features(image, landmarks)), _LIGHT)


def difference_of_halves(
    image: Float[Tensor, "1 3 h w"], mask: Float[Tensor, "1 1 h w"], share: float
) -> float:
    """Mean Delta E of one half of a symmetric face to the other, blurred within a mask."""
    both = mask * mask.flip(-1)
    smooth = _smooth_within(rgb_to_lab((image + 1) / 2), both, share)
    apart = (smooth - smooth.flip(-1)).norm(dim=1, keepdim=True)
    return float((apart * both).sum() / both.sum())


def features(
    image: Float[Tensor, "1 3 h w"], landmarks: Float[Tensor, "68 2"]
) -> Float[Tensor, "1 1 h w"]:
    """1 on eyes, brows, mouth and nostrils."""
    size = (image.shape[2], image.shape[3])
    masks = [
        polygon_mask(grown_hull(landmarks[list(points)], growth)[None].float(), size)
        for points, growth in _FEATURES.values()
    ]
    return torch.stack(masks).amax(0)


def grown_hull(points: Float[Tensor, "n 2"], growth: float) -> Float[Tensor, "m 2"]:
    hull = convex_hull(points)
    middle = hull.mean(0)
    return middle + growth * (hull - middle)


def _smooth_within(
    x: Float[Tensor, "1 c h w"], mask: Float[Tensor, "1 1 h w"], share: float
) -> Float[Tensor, "1 c h w"]:
    return _blurred(x * mask, share) / _blurred(mask, share).clamp(min=1e-3)


def read_table(folder: Path) -> dict[str, tuple[str, float]]:
    """Sex and age by the image's name; empty where there is no table."""
    for table in (folder / "people.csv", folder.parent / "people.csv"):
        if table.is_file():
            with table.open(newline="", encoding="utf-8") as file:
                rows = csv.DictReader(file)
                return {row["image"]: (row["sex"], float(row["age"])) for row in rows}
    return {}


def tones(
    image: Float[Tensor, "3 h w"], landmarks: Float[Tensor, "68 2"]
) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """CIELAB of the cheeks and of the forehead: medians, of places that nothing should hide."""
    lab = rgb_to_lab((image[None] + 1) / 2)[0]
    size = (image.shape[1], image.shape[2])
    up = landmarks[27] - landmarks[8]
    brows = landmarks[17:27]
    band = torch.cat([brows + 0.1 * up, (brows + 0.3 * up).flip(0)])
    cheeks = [landmarks[[1, 4, 48, 31, 39, 36]], landmarks[[15, 12, 54, 35, 42, 45]]]
    masks = [polygon_mask(points[None].float(), size)[0, 0] > 0 for points in (*cheeks, band)]
    both = lab[:, masks[0] | masks[1]].median(1).values
    return both, lab[:, masks[2]].median(1).values if masks[2].any() else both + 100


# --- people ---------------------------------------------------------------------------------------


def draw_group(
    portraits: list[Portrait], kept: list[Portrait], rng: np.random.Generator
) -> list[Portrait] | None:
    """Four portraits that go together; the first is of the rarer sex among those of its tone."""
    first = portraits[int(rng.integers(len(portraits)))]
    shown = [
        person.sex for person in kept if abs(float(person.tone[0] - first.tone[0])) <= _ALIKE_TONE
    ]
    if first.sex and shown.count(first.sex) > len(shown) / 2:
        return None
    near = [
        other
        for other in portraits
        if other is not first
        and other.sex == first.sex
        and abs(other.age - first.age) <= _MOST_AGE
        and float((other.tone - first.tone).norm()) <= _MOST_TONE
    ]
    if len(near) < 3:
        return None
    return [first, *(near[i] for i in rng.choice(len(near), 3, replace=False))]


def compose(group: list[Portrait], name: str, recognize: DlibResNetRecognizer) -> Portrait:
    """The skin of the first, eyes, nose and mouth of the others, on the shape of all."""
    shape = torch.stack([one.landmarks for one in group]).mean(0)
    size = (group[0].image.shape[1], group[0].image.shape[2])
    bent = [
        bend_to_landmarks(torch.cat([one.image, one.shown])[None], one.landmarks[None], shape[None])
        for one in group
    ]
    shown = (bent[0][:, 3:] > 0.99).float()
    images = [one[:, :3].clamp(-1, 1) for one in bent]
    images = [images[0], *(_toned(other, images[0], shown) for other in images[1:])]
    parts = [
        part_mask(shape, part, size) * one[:, 3:].clamp(0, 1)
        for part, one in zip(_PARTS, bent[1:], strict=True)
    ]
    image = blend_bands(images, parts)
    image = skin_carried_on(image, shown)
    pixels = to_uint8_image(image[0])
    tone, _ = tones(image[0], shape)
    descriptor = recognize(pixels, shape[None])[0]
    return Portrait(name, image[0], shown[0], shape, tone, descriptor, group[0].sex, group[0].age)


def skin_carried_on(
    image: Float[Tensor, "1 3 h w"], mask: Float[Tensor, "1 1 h w"]
) -> Float[Tensor, "1 3 h w"]:
    """The colors of what the mask shows, carried on to the edges of the image."""
    near = carry_outward(image, mask)
    mean = (image * mask).sum((2, 3), keepdim=True) / mask.sum()
    reached = _blurred(mask, _FADE)
    share = torch.maximum(mask, (reached / _FULL).clamp(max=1))
    return (mean + (near - mean) * share).clamp(-1, 1)


def _toned(
    image: Float[Tensor, "1 3 h w"], like: Float[Tensor, "1 3 h w"], region: Tensor
) -> Float[Tensor, "1 3 h w"]:
    """Mean and spread of each color within the face become those of the other."""
    inside = region[0, 0] > 0
    own, wanted = image[0][:, inside], like[0][:, inside]
    gain = (wanted.std(1) / own.std(1).clamp(min=1e-3)).clamp(0.7, 1.4)[:, None, None]
    means = (x.mean(1)[:, None, None] for x in (own, wanted))
    own_mean, wanted_mean = means
    return (image - own_mean) * gain + wanted_mean


def part_mask(
    landmarks: Float[Tensor, "68 2"], part: str, size: tuple[int, int]
) -> Float[Tensor, "1 1 h w"]:
    return polygon_mask(grown_hull(landmarks[_PARTS[part]], _GROWN[part])[None].float(), size)


def blend_bands(
    images: list[Float[Tensor, "1 3 h w"]], masks: list[Float[Tensor, "1 1 h w"]]
) -> Float[Tensor, "1 3 h w"]:
    """The first image, with the others inside their masks, each band with an edge of its width."""
    result, others = images[0], images[1:]
    for image, mask in zip(others, masks, strict=True):
        left, right, total = result, image, torch.zeros_like(result)
        for sigma in _BANDS:
            weight = _blurred(mask, sigma)
            smooth = [_blurred(x, sigma) for x in (left, right)]
            total = total + (left - smooth[0]).lerp(right - smooth[1], weight)
            left, right = smooth
        result = total + left.lerp(right, _blurred(mask, _BANDS[-1]))
    return result


def _blurred(x: Float[Tensor, "1 c h w"], share: float) -> Float[Tensor, "1 c h w"]:
    """By a Gaussian whose sigma is that share of the side; wide ones on fewer pixels."""
    sigma = share * x.shape[3]
    factor = 2 ** max(int(math.log2(sigma / _FEW)), 0)
    small = F.avg_pool2d(x, factor) if factor > 1 else x
    side = 2 * round(3 * sigma / factor) + 1
    blurred: Tensor = gaussian_blur2d(
        small, (side, side), (sigma / factor, sigma / factor), border_type="replicate"
    )
    return F.interpolate(blurred, x.shape[2:], mode="bilinear", align_corners=False)


def patches(person: Portrait) -> float:
    """The largest share of cheeks and jaw that is of another color, darker, or lighter."""
    size = (person.image.shape[1], person.image.shape[2])
    face = face_of(person.image[None], person.landmarks)
    middle = polygon_mask(convex_hull(person.landmarks[17:])[None].float(), size)
    beside = (face * (1 - middle))[0, 0] > 0
    cheeks, _ = tones(person.image, person.landmarks)
    lab = rgb_to_lab((_blurred(person.image[None], 2 * _GRAIN) + 1) / 2)[0]
    lightness, *color = (lab - cheeks[:, None, None])[:, beside]
    tinted, darker, lighter = _PATCH
    found = [torch.stack(color).norm(dim=0) > tinted, lightness < -darker, lightness > lighter]
    return max(float(part.float().mean()) for part in found)


def moved(person: Portrait, finder: FaceFinder) -> float:
    """How far its landmarks are found from where they are, in distances of the eyes."""
    faces = finder(to_uint8_image(person.image))
    if len(faces) != 1 or not faces[0].landmarks.isfinite().all():
        return math.inf
    apart = (faces[0].landmarks - person.landmarks).norm(dim=1).mean()
    return float(apart / (person.landmarks[36] - person.landmarks[45]).norm())


def is_nobody(person: Portrait, portraits: list[Portrait], kept: list[Portrait]) -> bool:
    """Whether its descriptor keeps its distance from those of all these."""
    return all(
        bool((one.descriptor - person.descriptor).norm() > least)
        for others, least in ((portraits, _FROM_PORTRAITS), (kept, _FROM_PEOPLE))
        for one in others
    )


# --- files ----------------------------------------------------------------------------------------


def write_people(path: Path, people: list[Portrait]) -> None:
    """Images as JPEG, landmarks beside them."""
    tensors, landmarks = {}, []
    for person in people:
        file = io.BytesIO()
        as_picture(person).save(file, "JPEG", quality=_QUALITY, subsampling=0)
        tensors[person.name] = torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)
        landmarks.append(person.landmarks)
    tensors["landmarks"] = torch.stack(landmarks).half()
    tensors["looks"] = torch.stack([look_numbers(person) for person in people]).half()
    tensors["descriptors"] = torch.stack([person.descriptor for person in people]).half()
    about = {one.name: {"sex": one.sex, "age": round(one.age)} for one in people}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={"people": json.dumps(about)}))
    print(f"  {path.name}: {len(people)} people, {path.stat().st_size / 1e6:.2f} MB")


def look_numbers(person: Portrait) -> Float[Tensor, "5"]:
    """What `ConditionOrder` chooses people by: L*, a*, b*, apparent age and sex.

    Portraits are well exposed: their tone needs no correction.
    """
    look = look_of(Condition(person.name, person.image, person.landmarks))
    return torch.tensor([*person.tone.tolist(), look.age, look.male])


def as_picture(person: Portrait) -> Image.Image:
    return Image.fromarray(to_uint8_image(person.image).permute(1, 2, 0).numpy())


def write_sheet(path: Path, people: list[Portrait]) -> None:
    columns, side = 8, 160
    rows = -(-len(people) // columns)
    sheet = Image.new("RGB", (side * columns, side * rows))
    for i, person in enumerate(people):
        place = (i % columns * side, i // columns * side)
        sheet.paste(as_picture(person).resize((side, side), Image.Resampling.LANCZOS), place)
    sheet.save(path)


if __name__ == "__main__":
    run_command(main, Options)
