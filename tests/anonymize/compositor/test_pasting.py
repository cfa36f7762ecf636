import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from graphgan.anonymize.compositor import Patch, blend_crops, soft_edges
from graphgan.anonymize.compositor import _pasting as pasting
from graphgan.anonymize.compositor._edges import soften
from graphgan.landmarks import Alignment, Crop, crop_aligned, face_mask
from graphgan.landmarks._alignment import align_face, to_photo
from graphgan.landmarks._crop import whole_crop

angles = st.one_of(st.sampled_from([0.0, 90.0, -90.0, 180.0, 45.0]), st.floats(-180, 180))
H, W = 18, 24


def paste_faces(image, crops, masks, alignments):
    """The new photo, and where it was changed."""
    patches = [Patch(*parts) for parts in zip(crops, masks, alignments, strict=True)]
    pasted = pasting.paste_faces(image, patches)
    assert pasted.covered == [None] * len(patches)
    return pasted.image, pasted.changed


def covers(mask, alignment, landmarks, size) -> float:
    """The share of a face that pasting replaces."""
    patch = Patch(torch.zeros(3, *mask.shape[1:]), mask, alignment, landmarks)
    (share,) = pasting.paste_faces(torch.zeros(3, *size, dtype=torch.uint8), [patch]).covered
    return share


def a_square(x: float, y: float, side: float, angle: float = 0.0) -> Alignment:
    return Alignment(Crop(x - side / 2, y - side / 2, side, side), angle)


def a_photo(height: int = H, width: int = W) -> torch.Tensor:
    return torch.randint(0, 256, (3, height, width)).byte()


def smooth(height: int, width: int, period: float) -> torch.Tensor:
    """A photo without anything finer than the period."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    waves = [
        torch.sin(2 * math.pi * (columns * math.cos(a) + rows * math.sin(a)) / period + a)
        for a in (0.3, 1.4, 2.5)
    ]
    return (127.5 + 120 * torch.stack(waves)).round().byte()


def disc(size: int, radius: float) -> torch.Tensor:
    away = torch.arange(size) - (size - 1) / 2
    return ((away[:, None] ** 2 + away**2) <= radius**2).float()[None, None]


def keys(t: np.ndarray, a: float) -> np.ndarray:
    t = np.abs(t)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * (t**3 - 5 * t**2 + 8 * t - 4)
    return np.where(t < 1, near, np.where(t < 2, far, 0))


def pixel_by_pixel(image, crops, masks, alignments):
    """Every pixel of the photo asks every crop what lies there, in float64."""
    out, weights = image.double().numpy().copy(), np.zeros((H, W))
    for crop, mask, alignment in zip(crops.double(), masks.double(), alignments, strict=True):
        both = torch.cat([(crop + 1) * 127.5, mask]).numpy()
        size, side = both.shape[1], alignment.crop.width
        (cx, cy), width = alignment.center, max(1, size / side)
        kernel = -0.75 if alignment.quarters is None else -0.5  # of `grid_sample`, `crop_image`
        cosine, sine = (f(math.radians(alignment.angle)) for f in (math.cos, math.sin))
        for y in range(H):
            for x in range(W):
                dx, dy = x - cx, y - cy
                u, v = cosine * dx + sine * dy, cosine * dy - sine * dx
                if max(abs(u), abs(v)) > side / 2 + 1e-9:
                    continue
                sums = []
                for place in ((u / side + 0.5) * size - 0.5, (v / side + 0.5) * size - 0.5):
                    low, high = math.floor(place - 2 * width), math.ceil(place + 2 * width)
                    taps = np.arange(low, high + 1)
                    share = keys((taps - place) / width, kernel)
                    taps = taps % (2 * size)
                    sums.append((share / share.sum(), np.minimum(taps, 2 * size - 1 - taps)))
                (across, columns), (down, rows) = sums
                *face, weight = down @ both[:, rows][:, :, columns] @ across
                weight = min(max(weight, 0), 1)
                face = np.clip(face, 0, 255)
                out[:, y, x] = np.round(out[:, y, x] * (1 - weight) + face * weight)
                weights[y, x] = max(weights[y, x], weight)
    return torch.from_numpy(out), torch.from_numpy(weights)


@given(
    places=st.lists(
        st.tuples(st.floats(-4, W + 4), st.floats(-4, H + 4), st.floats(10, 40), angles),
        min_size=1,
        max_size=2,
    )
)
def test_agrees_with_every_pixel_by_itself(places):
    image, alignments = a_photo(), [a_square(*place) for place in places]
    crops = 2 * torch.rand(len(places), 3, 10, 10) - 1
    masks = (2 * torch.rand(len(places), 1, 10, 10) - 0.5).clamp(0, 1)
    out, changed = paste_faces(image, crops, masks, alignments)
    expected, weights = pixel_by_pixel(image, crops, masks, alignments)
    assert (out - expected).abs().max() <= 1  # halves may round either way
    assert ((out - expected).abs() > 0).double().mean() < 0.01
    assert torch.equal(changed[0][weights > 1e-5], torch.ones_like(changed[0][weights > 1e-5]))
    assert not changed[0][weights == 0].any()
    assert torch.equal(out[:, weights == 0], image[:, weights == 0])


@given(x=st.floats(-20, 50), y=st.floats(-20, 50), side=st.floats(0.5, 60), angle=angles)
def test_outside_the_changed_pixels_nothing_changes(x, y, side, angle):
    image = a_photo()
    kept = image.clone()
    out, changed = paste_faces(
        image, torch.ones(1, 3, 16, 16), soften(disc(16, 3), 4.0), [a_square(x, y, side, angle)]
    )
    assert torch.equal(image, kept)  # the given photo is not written to
    assert torch.equal(out[:, ~changed[0]], image[:, ~changed[0]])
    # A disc of 7 pixels in a crop of 16, and what the kernel widens it by.
    rows, columns = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    away = torch.hypot(columns - x, rows - y)
    assert not changed[0][away > 9.9 * side / 16 + 4].any()


@given(
    ratio=st.sampled_from([0.2, 0.9, 1.0, 1.1, 1 / 0.3]),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    angle=angles,
)
def test_cut_and_pasted_a_smooth_photo_is_what_it_was(ratio, place, angle):
    # Pixels of the photo to one of the crop; at 0.2 the crop is five times as fine as the photo.
    size = 100 if ratio == 0.2 else 40
    side = ratio * size
    image = smooth(90, 120, period=40.0 * max(1.0, ratio))
    alignment = a_square(120 * place[0], 90 * place[1], side, angle)
    crop = crop_aligned(image, alignment, (size, size)) / 127.5 - 1
    out, changed = paste_faces(image, crop[None], torch.ones(1, 1, size, size), [alignment])
    gap = (out.int() - image.int()).abs()
    assert gap.max() <= 20  # at the crop's edges, where it is reflected
    if changed.sum() > 100:
        assert gap[:, changed[0]].double().mean() < 1
    out, changed = paste_faces(image, crop[None], disc(size, 0.4 * size), [alignment])
    gap = (out.int() - image.int()).abs()
    border = math.ceil(2 * max(1.0, ratio))  # where the photo was reflected, it was not smooth
    assert gap.max() <= 6
    assert gap[:, border:-border, border:-border].max() <= 4


@given(
    k=st.integers(0, 3), x=st.integers(-3, W + 3), y=st.integers(-3, H + 3), size=st.integers(1, 9)
)
def test_a_quarter_turn_on_whole_pixels_is_rot90(k, x, y, size):
    image, face = a_photo(), torch.randint(0, 256, (3, size, size)).byte()
    middle = (size - 1) / 2
    alignment = a_square(x + middle, y + middle, float(size), 90.0 * k)
    ones = torch.ones(1, 1, size, size)
    out, changed = paste_faces(image, face[None] / 127.5 - 1, ones, [alignment])
    # On a larger canvas, so that slices need no cutting off at the borders.
    canvas = torch.zeros(3, H + 40, W + 40, dtype=torch.uint8)
    canvas[:, 20 : 20 + H, 20 : 20 + W] = image
    canvas[:, 20 + y : 20 + y + size, 20 + x : 20 + x + size] = torch.rot90(face, -k, (1, 2))
    assert torch.equal(out, canvas[:, 20 : 20 + H, 20 : 20 + W])
    expected = torch.zeros(H + 40, W + 40, dtype=torch.bool)
    expected[20 + y : 20 + y + size, 20 + x : 20 + x + size] = True
    assert torch.equal(changed[0], expected[20 : 20 + H, 20 : 20 + W])


def test_a_long_soft_edge_is_pasted_to_its_end():
    mask = soften(disc(48, 4), 17.0)
    white, image = torch.ones(1, 3, 48, 48), torch.zeros(3, 60, 60).byte()
    out, changed = paste_faces(image, white, mask, [a_square(29.5, 29.5, 48.0)])
    expected = torch.zeros(60, 60)
    expected[6:54, 6:54] = mask[0, 0]
    assert torch.equal(changed[0], expected > 0)
    assert torch.equal(out[0], (expected * 255).round().byte())


def test_the_later_face_lies_on_top():
    image = torch.zeros(3, 20, 30).byte()
    crops = torch.stack([torch.full((3, 8, 8), -0.5), torch.full((3, 8, 8), 1.0)])
    alignments = [a_square(9.5, 9.5, 8.0), a_square(13.5, 9.5, 8.0, 90.0)]
    ones = torch.ones(2, 1, 8, 8)
    out, _ = paste_faces(image, crops, ones, alignments)
    assert out[0, 9, 6:18].tolist() == [64] * 4 + [255] * 8
    out, _ = paste_faces(image, crops.flip(0), ones, alignments[::-1])
    assert out[0, 9, 6:18].tolist() == [64] * 8 + [255] * 4


def test_without_faces_and_with_empty_masks_the_photo_stays():
    image = a_photo()
    none, nothing = paste_faces(image, torch.empty(0, 3, 8, 8), torch.empty(0, 1, 8, 8), [])
    assert torch.equal(none, image) and not nothing.any()
    out, changed = paste_faces(
        image, torch.ones(1, 3, 8, 8), torch.zeros(1, 1, 8, 8), [a_square(9.0, 9.0, 8.0)]
    )
    assert torch.equal(out, image) and not changed.any()


def test_a_small_face_is_averaged_not_sampled():
    stripes = (torch.arange(128) % 2 * 2.0 - 1).expand(1, 3, 128, 128)
    for angle in (0.0, 30.0, 90.0):
        out, _ = paste_faces(
            torch.zeros(3, 30, 30).byte(),
            stripes,
            torch.ones(1, 1, 128, 128),
            [a_square(14.7, 15.1, 14.0, angle)],
        )
        inside = out[:, 12:18, 12:18].int()
        assert (inside - 127).abs().max() <= 4


def test_a_crop_of_unequal_sides_is_laid_over_its_square():
    image = smooth(80, 80, 50.0)
    alignment = a_square(41.0, 38.0, 44.0, 35.0)
    crop = crop_aligned(image, alignment, (55, 45)) / 127.5 - 1
    mask = torch.zeros(1, 1, 55, 45)
    mask[..., 8:-8, 8:-8] = 1
    out, changed = paste_faces(image, crop[None], mask, [alignment])
    assert changed.sum() > 700
    assert (out.int() - image.int()).abs().max() <= 2


def test_half_precision_faces_are_blended_in_float32():
    image, alignment = a_photo(), a_square(12.0, 9.0, 14.0, 25.0)
    crops, masks = (2 * torch.rand(1, 3, 8, 8) - 1).bfloat16(), torch.rand(1, 1, 8, 8).bfloat16()
    out, _ = paste_faces(image, crops, masks, [alignment])
    expected, _ = paste_faces(image, crops.float(), masks.float(), [alignment])
    assert torch.equal(out, expected)


class LargestFloat(TorchDispatchMode):
    """Elements of the largest tensor of floats, or of whole numbers of 8 bytes, that is made."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for made in tree_leaves(out):
            if isinstance(made, torch.Tensor) and made.element_size() > 1:
                self.largest = max(self.largest, made.untyped_storage().nbytes())
        return out


@pytest.mark.parametrize("side", [300.0, 3000.0])
def test_a_large_photo_is_never_held_in_floats(side):
    image = torch.zeros(3, 2000, 3000).byte()
    alignments = [a_square(1500.0 + 40 * i, 1000.0, side, 0.0) for i in range(2)]
    crops, masks = torch.zeros(2, 3, 32, 32), disc(32, 9).repeat(2, 1, 1, 1)
    with LargestFloat() as seen:
        _, changed = paste_faces(image, crops, masks, alignments)
    assert changed.sum() > 0.2 * min(side, 2000) ** 2
    assert seen.largest < image.numel()  # bytes: a quarter of one copy in float32


@pytest.mark.parametrize("angle", [0.0, 33.0])
def test_a_face_in_many_pieces_has_no_seams(angle, monkeypatch):
    image, alignment = a_photo(60, 70), a_square(33.3, 28.8, 50.0, angle)
    crops, masks = 2 * torch.rand(1, 3, 24, 24) - 1, soften(disc(24, 6), 4.0)
    whole = paste_faces(image, crops, masks, [alignment])
    monkeypatch.setattr("graphgan.anonymize.compositor._pasting._AT_A_TIME", 100)
    pieces = paste_faces(image, crops, masks, [alignment])
    assert (whole[0].int() - pieces[0].int()).abs().max() <= 1
    assert (whole[1] != pieces[1]).sum() <= 2


def test_refuses_what_does_not_fit():
    image, square = a_photo(), a_square(9.0, 9.0, 8.0)
    crop, mask = torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"a mask for \(3, 8, 8\), got \(1, 8, 7\)"):
        paste_faces(image, crop, mask[..., 1:], [square])
    with pytest.raises(ValueError, match="values that are not finite"):
        paste_faces(image, crop * math.nan, mask, [square])
    for wrong in (-0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match=r"masks in 0 to 1, got .* to "):
            paste_faces(image, crop, mask * wrong, [square])


def hull_share(weight: torch.Tensor, landmarks: torch.Tensor) -> tuple[int, int]:
    """By scipy's hull: pixels on the inner side of all of its edges, and those covered."""
    hull = pytest.importorskip("scipy.spatial").ConvexHull(landmarks.numpy())
    height, width = weight.shape
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    face = (grid @ hull.equations[:, :2].T + hull.equations[:, 2] < 0).all(-1)
    return int(face.sum()), int((face & (weight.numpy() > 0.99)).sum())


@given(
    x=st.floats(0, 60),
    y=st.floats(0, 50),
    side=st.floats(10, 60),
    angle=angles,
    spread=st.floats(3, 30),
    seed=st.integers(0, 99),
)
def test_the_share_that_is_covered_is_that_of_the_hull(x, y, side, angle, spread, seed):
    rng = torch.Generator().manual_seed(seed)
    landmarks = torch.tensor([x, y]) + spread * torch.randn(20, 2, generator=rng).double()
    mask, alignment = soften(disc(20, 7), 3.0)[0], a_square(x, y, side, angle)
    window = (slice(0, 50), slice(0, 60))
    weight = pasting._ending(to_photo(mask, alignment, window), alignment, window)[0]
    pixels, covered = hull_share(weight, landmarks)
    assume(pixels > 0)
    assert covers(mask, alignment, landmarks, (50, 60)) == pytest.approx(covered / pixels, abs=1e-9)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
@pytest.mark.parametrize("scale", [0.7, 4.0])
def test_a_drawn_face_is_covered_by_its_mask_grown_a_little(drawn_faces, turn, scale):
    for face in drawn_faces:
        landmarks = face.landmarks * scale
        for _ in range(turn):
            landmarks = torch.stack([64 * scale - landmarks[:, 1], landmarks[:, 0]], dim=-1)
        alignment = align_face(landmarks)
        in_crop = alignment.to_crop(landmarks, (128, 128))[None]
        mask = face_mask(in_crop, (128, 128))
        size = (int(64 * scale) + 1,) * 2
        grown = soften(mask, 6.0, margin=8.0)[0]
        assert covers(grown, alignment, landmarks, size) == 1
        # The mask alone leaves its own edge open, and brows above their highest points.
        assert covers(mask[0], alignment, landmarks, size) < 1
        square = alignment.crop
        beside = Crop(square.left + square.width / 4, square.top, square.width, square.height)
        assert covers(grown, Alignment(beside, alignment.angle), landmarks, size) < 0.8


def test_what_is_not_in_the_photo_is_not_covered():
    square = a_square(9.0, 9.0, 8.0)
    landmarks = 4 * torch.rand(68, 2) + torch.tensor([7.0, 7.0])
    mask = torch.ones(1, 8, 8)
    assert covers(mask, square, landmarks, (18, 24)) == 1
    assert covers(mask * 0.98, square, landmarks, (18, 24)) == 0
    assert covers(mask, square, landmarks - 100, (18, 24)) == 0
    # Of a face that the photo's border cuts, the part in the photo counts.
    assert covers(mask, a_square(0.0, 0.0, 8.0), landmarks - 9, (18, 24)) == 1


def test_refuses_a_face_that_is_not_known():
    square, landmarks = a_square(9.0, 9.0, 8.0), torch.rand(68, 2)
    landmarks[3, 1] = math.nan
    with pytest.raises(ValueError, match="an outline of finite points, got 68, 1 not finite"):
        covers(torch.ones(1, 8, 8), square, landmarks, (18, 24))
    with pytest.raises(ValueError, match="an outline of finite points, got 0, 0 not finite"):
        covers(torch.ones(1, 8, 8), square, landmarks[:0], (18, 24))


def test_crops_are_blended_as_photos_that_are_the_crops():
    images, new = (torch.randint(0, 256, (2, 3, 64, 64)).byte() for _ in range(2))
    region = disc(64, 12).repeat(2, 1, 1, 1)
    kept = torch.rand(2, 1, 64, 64)
    blended = blend_crops(images / 127.5 - 1, new / 127.5 - 1, region, kept=kept)
    whole = Alignment(whole_crop((64, 64)))
    edges = soft_edges(region, images / 127.5 - 1) * (1 - kept)
    for image, face, mask, expected in zip(images, new / 127.5 - 1, edges, blended, strict=True):
        out, _ = paste_faces(image, face[None], mask[None], [whole])
        assert ((expected + 1) * 127.5 - out).abs().max() <= 0.51
