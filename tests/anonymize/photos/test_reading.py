import io
import re
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import photo_samples as samples
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from photo_metadata import photo_metadata
from photo_samples import ICC, SECRET, THUMBNAIL, exif, noise, saved
from PIL import Image, ImageSequence, PngImagePlugin
from PIL.JpegImagePlugin import get_sampling

from graphgan.anonymize.photos import Frame, Photo, read_photo, write_photo
from graphgan.anonymize.photos._reading import photo_from_bytes
from graphgan.anonymize.photos._writing import photo_to_bytes
from graphgan.data import read_image

LOSSLESS = {
    "PNG": ("1", "L", "LA", "RGB", "RGBA", "P", "I;16"),
    "TIFF": ("1", "L", "LA", "RGB", "RGBA", "P", "I;16"),
    "BMP": ("1", "L", "RGB", "P"),
    "GIF": ("1", "L", "P"),
    "WEBP": ("RGB", "RGBA"),
}
OPTIONS = {"WEBP": {"lossless": True, "exact": True}}
OWN_MODES = {"1": "L", "P": "RGB"}
KINDS = [(file_format, mode) for file_format, modes in LOSSLESS.items() for mode in modes]
SECRETS = {
    "jpg": samples.secret_jpeg,
    "gray.jpg": lambda: samples.secret_jpeg("L"),
    "cmyk.jpg": lambda: samples.secret_jpeg("CMYK"),
    "mpo": samples.secret_mpo,
    "png": samples.secret_png,
    "webp": samples.secret_webp,
    "gif": samples.secret_gif,
    "tif": samples.secret_tiff,
    "bmp": samples.secret_bmp,
}


def photo_of(content: bytes, folder: Path) -> Photo:
    (folder / "source").write_bytes(content)
    return read_photo(folder / "source")


def written_and_read(photo: Photo, folder: Path) -> Photo:
    write_photo(folder / "written", photo)
    assert photo_metadata(folder / "written") == []
    return read_photo(folder / "written")


def assert_same_pixels(photo: Photo, other: Photo) -> None:
    assert len(photo.frames) == len(other.frames)
    for frame, twin in zip(photo.frames, other.frames, strict=True):
        assert frame.pixels.dtype == twin.pixels.dtype
        assert np.array_equal(frame.pixels.numpy(), twin.pixels.numpy())


def plain_pixels(content: bytes, mode: str) -> np.ndarray:
    """As Pillow gives them, channels last, and 0 behind full transparency."""
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.array(picture if mode == "I;16" else picture.convert(mode))
    if mode in ("LA", "RGBA"):
        pixels[pixels[..., -1] == 0] = 0
    return pixels


@pytest.mark.parametrize("kind", SECRETS)
def test_nothing_but_pixels_and_color_profile_is_written(tmp_path, kind):
    content = SECRETS[kind]()
    write_photo(tmp_path / "written", photo_of(content, tmp_path))
    output = (tmp_path / "written").read_bytes()
    assert photo_metadata(tmp_path / "source") and photo_metadata(tmp_path / "written") == []
    assert SECRET in content or kind == "mpo"
    assert SECRET not in output and THUMBNAIL not in output
    assert output.count(b"\xff\xd8\xff") == (kind in ("jpg", "gray.jpg", "cmyk.jpg", "mpo"))
    with Image.open(tmp_path / "written") as picture:
        has_profile = kind in ("jpg", "gray.jpg", "png", "webp", "tif")
        assert picture.info.get("icc_profile") == (ICC if has_profile else None)


@pytest.mark.parametrize(("file_format", "mode"), KINDS)
def test_reads_the_file_s_own_channels_and_depth(tmp_path, file_format, mode):
    content = saved(noise(mode), file_format, **OPTIONS.get(file_format, {}))
    own = "RGB" if file_format == "GIF" else OWN_MODES.get(mode, mode)
    expected = plain_pixels(content, own)
    pixels = photo_of(content, tmp_path).frames[0].pixels.permute(1, 2, 0).numpy()
    assert pixels.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    assert np.array_equal(pixels.squeeze(), expected)


@given(
    kind=st.sampled_from(KINDS),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    seed=st.integers(0, 999),
)
def test_lossless_files_are_bit_identical_outside_the_mask(kind, size, seed):
    file_format, mode = kind
    with tempfile.TemporaryDirectory() as folder:
        content = saved(noise(mode, size, seed), file_format, **OPTIONS.get(file_format, {}))
        photo = photo_of(content, Path(folder))
        assert_same_pixels(written_and_read(photo, Path(folder)), photo)
        frame, generator = photo.frames[0], torch.Generator().manual_seed(seed)
        rgb = torch.randint(256, (3, *frame.size), generator=generator).byte()
        mask = (torch.rand(1, *frame.size, generator=generator) < 0.3).float()
        changed = replace(photo, frames=(frame.with_rgb(rgb, mask),))
        back = written_and_read(changed, Path(folder))
        assert_same_pixels(back, changed)
        outside = np.broadcast_to(mask.numpy() == 0, frame.pixels.shape)
        after = back.frames[0].pixels.numpy()
        assert np.array_equal(after[outside], frame.pixels.numpy()[outside])


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "GIF"])
@given(
    channels=st.sampled_from([3, 4]),
    durations=st.lists(st.integers(2, 500).map(lambda n: 10 * n), min_size=2, max_size=5),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    loop=st.integers(0, 5),
    same=st.booleans(),
    seed=st.integers(0, 999),
)
def test_animations_keep_what_is_shown_and_for_how_long_and_loops(
    file_format, channels, durations, size, loop, same, seed
):
    generator = np.random.default_rng(seed)
    pixels = [generator.integers(0, 256, (channels, *size), dtype=np.uint8) for _ in durations]
    for i in range(1, len(pixels) if same else 1):
        keep = generator.random(size) < 0.8  # frames that differ in places, or not at all
        pixels[i][:, keep] = pixels[i - 1][:, keep]
    for frame in pixels if channels == 4 else []:
        frame[3] = 255 * (frame[3] > 99)
        frame *= frame[3:] > 0
    encoding = {"lossless": True} if file_format == "WEBP" else {}
    frames = [
        Frame(torch.from_numpy(p), duration=float(d))
        for p, d in zip(pixels, durations, strict=True)
    ]
    photo = Photo(tuple(frames), file_format, loop, encoding)
    with tempfile.TemporaryDirectory() as folder:
        write_photo(Path(folder) / "written", photo)
        assert photo_metadata(Path(folder) / "written") == []
        with Image.open(Path(folder) / "written") as picture:
            shown, times = [], []
            for frame in ImageSequence.Iterator(picture):
                shown.append(np.array(frame.convert("RGBA")).transpose(2, 0, 1))
                times.append(frame.info.get("duration", 0))
            assert len(times) == 1 or picture.info["loop"] == loop
    given = [np.concatenate([p, np.full((1, *size), 255, np.uint8)])[:4] for p in pixels]
    seen = [got * (got[3:] > 0) for got in shown]
    (expected, expected_times), (seen, times) = (
        told_apart(given, durations),
        told_apart(seen, times),
    )
    assert np.array_equal(expected, seen)
    assert times == pytest.approx(expected_times) or len(times) == 1


def told_apart(frames, durations):
    """Without those that are as the one before, which is shown for as much longer."""
    different, times = [frames[0]], [durations[0]]
    for frame, duration in zip(frames[1:], durations[1:], strict=True):
        if np.array_equal(frame, different[-1]):
            times[-1] += duration
        else:
            different.append(frame)
            times.append(duration)
    return different, times


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_animations_of_others_come_back_as_they_were(tmp_path, file_format, mode):
    pictures = [noise(mode, (12, 10), seed=seed) for seed in range(4)]
    pictures[2].paste(pictures[1].crop((0, 0, 6, 10)))
    content = saved(
        pictures[0], file_format, save_all=True, append_images=pictures[1:], loop=3,
        duration=[50, 120, 70, 200], **OPTIONS.get(file_format, {}),
    )  # fmt: skip
    photo = photo_of(content, tmp_path)
    assert [frame.duration for frame in photo.frames] == [50, 120, 70, 200]
    back = written_and_read(photo, tmp_path)
    if back.frames[0].alpha is None and photo.frames[0].alpha is not None:  # all of it opaque
        back = replace(back, frames=tuple(replace(f, pixels=with_alpha(f)) for f in back.frames))
    assert_same_pixels(back, photo)
    assert [frame.duration for frame in back.frames] == [50, 120, 70, 200]
    assert photo.loop == back.loop == 3


def with_alpha(frame):
    return torch.cat([frame.pixels, torch.full((1, *frame.size), 255, dtype=torch.uint8)])


def test_the_still_picture_before_an_animation_is_a_frame_too(tmp_path):
    pictures = [noise("RGBA", seed=seed) for seed in range(3)]
    content = saved(
        pictures[0], "PNG", save_all=True, append_images=pictures[1:], default_image=True
    )
    photo = photo_of(content, tmp_path)
    back = written_and_read(photo, tmp_path)
    assert_same_pixels(back, photo)
    assert len(photo.frames) == 3
    with Image.open(tmp_path / "written") as picture:
        assert picture.default_image and picture.n_frames == 3


def test_pages_of_a_tiff_are_kept_each_with_its_own_kind(tmp_path):
    modes = ["RGB", "L", "1", "I;16", "RGBA", "LA", "P"]
    pages = [noise(mode, (9 + i, 7 + i), seed=i) for i, mode in enumerate(modes)]
    content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:], dpi=(200, 100))
    photo = photo_of(content, tmp_path)
    assert [len(frame.pixels) for frame in photo.frames] == [3, 1, 1, 1, 4, 2, 3]
    assert [frame.size for frame in photo.frames] == [(7 + i, 9 + i) for i in range(7)]
    back = written_and_read(photo, tmp_path)
    assert_same_pixels(back, photo)
    assert {frame.resolution for frame in back.frames} == {(200, 100)}
    for frame in photo.frames:  # another reader sees the same
        write_photo(tmp_path / "one.tif", replace(photo, frames=(frame,)))
        with av.open(str(tmp_path / "one.tif")) as file:
            (picture,) = file.decode(video=0)
        other = np.frombuffer(bytes(picture.planes[0]), frame.pixels.numpy().dtype)
        channels, height, width = frame.pixels.shape
        other = other.reshape(height, -1)[:, : width * channels]
        assert np.array_equal(other.reshape(height, width, channels), frame.pixels.permute(1, 2, 0))


def test_reduced_pages_are_dropped(tmp_path):
    whole = noise("RGB", (64, 64))
    with tifffile.TiffWriter(tmp_path / "source.tif") as file:
        file.write(np.array(whole))
        file.write(np.array(whole.resize((16, 16))), subfiletype=1)
    photo = read_photo(tmp_path / "source.tif")
    assert [frame.size for frame in photo.frames] == [(64, 64)]
    assert photo.notes == ("reduced pages were dropped",)


TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TURNS)
def test_orientation_is_in_the_pixels_and_nowhere_else(tmp_path, file_format, orientation):
    tags = samples.exif(orientation) if file_format != "TIFF" else None
    options = {"exif": tags} if tags else {"tiffinfo": {274: orientation}}
    content = saved(noise("RGB"), file_format, **options, **OPTIONS.get(file_format, {}))
    with Image.open(
        io.BytesIO(saved(noise("RGB"), file_format, **OPTIONS.get(file_format, {})))
    ) as p:
        expected = TURNS[orientation](np.array(p))
    photo = photo_of(content, tmp_path)
    assert np.array_equal(photo.frames[0].pixels.permute(1, 2, 0).numpy(), expected)
    assert written_and_read(photo, tmp_path).frames[0].size == expected.shape[:2]
    with Image.open(tmp_path / "written") as picture:
        assert 0x0112 not in picture.getexif()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_tables_and_subsampling(tmp_path, subsampling, progressive):
    content = saved(
        noise("RGB"), "JPEG", quality=61, subsampling=subsampling, progressive=progressive
    )
    write_photo(tmp_path / "written", photo_of(content, tmp_path))
    with Image.open(tmp_path / "source") as source, Image.open(tmp_path / "written") as written:
        assert written.quantization == source.quantization
        assert get_sampling(written) == get_sampling(source) == subsampling
        assert bool(written.info.get("progressive")) == progressive


def test_lossy_pictures_stay_close(tmp_path):
    smooth = noise("RGB", (4, 3)).resize((64, 48), Image.Resampling.BICUBIC)
    for file_format in ("JPEG", "WEBP"):
        photo = photo_of(saved(smooth, file_format, quality=90), tmp_path)
        pixels = written_and_read(photo, tmp_path).frames[0].pixels
        assert (pixels.int() - photo.frames[0].pixels.int()).abs().float().mean() < 2


@pytest.mark.parametrize("lightness", [60, 128, 200])
def test_cmyk_is_converted_by_its_profile(tmp_path, lightness):
    inks = np.array(noise("CMYK"))
    inks[..., 3] = 0
    picture = Image.frombytes("CMYK", (24, 16), inks.tobytes())
    content = saved(picture, "TIFF", icc_profile=samples.cmyk_profile(lightness))
    photo = photo_of(content, tmp_path)
    luminance = ((lightness * 100 / 255 + 16) / 116) ** 3
    gray = 255 * (1.055 * luminance ** (1 / 2.4) - 0.055)
    assert (photo.frames[0].pixels - gray).abs().max() < 3
    assert photo.notes == ("CMYK was converted to sRGB by its ICC profile",)
    assert photo.frames[0].icc_profile is None


@pytest.mark.parametrize("options", [{}, {"icc_profile": ICC}])
def test_cmyk_without_a_profile_for_it_is_converted_all_the_same(tmp_path, options):
    photo = photo_of(saved(noise("CMYK"), "TIFF", **options), tmp_path)
    assert np.array_equal(photo.frames[0].pixels.permute(1, 2, 0), noise("CMYK").convert("RGB"))
    assert photo.notes == ("CMYK was converted to RGB without an ICC profile",)


def test_a_profile_that_is_none_is_dropped(tmp_path):
    for profile in (SECRET * 9, ICC + SECRET):
        photo = photo_of(saved(noise("RGB"), "PNG", icc_profile=profile), tmp_path)
        assert photo.frames[0].icc_profile is None
        assert photo.notes == ("an ICC profile that is damaged or too large was dropped",)


@pytest.mark.parametrize(("mode", "value"), [("L", 7), ("RGB", (1, 2, 3)), ("1", 0)])
def test_a_transparent_color_becomes_alpha(tmp_path, mode, value):
    picture = noise(mode)
    picture.putpixel((2, 1), value)
    pixels = photo_of(saved(picture, "PNG", transparency=value), tmp_path).frames[0].pixels
    assert len(pixels) == (4 if mode == "RGB" else 2)
    assert pixels[-1, 1, 2] == 0 and pixels[-1].max() == 255


def test_what_full_transparency_hides_is_gone(tmp_path):
    picture = noise("RGBA")
    picture.putalpha(0)
    for file_format in ("PNG", "WEBP", "TIFF"):
        options = OPTIONS.get(file_format, {})
        photo = photo_of(saved(picture, file_format, **options), tmp_path)
        written_and_read(photo, tmp_path)
        with Image.open(tmp_path / "written") as written:
            assert np.array(written).max() == 0


def test_alpha_in_a_bmp_is_kept(tmp_path):
    frame = Frame(torch.randint(1, 256, (4, 5, 3)).byte())
    back = written_and_read(Photo((frame,), "BMP"), tmp_path)
    assert torch.equal(back.frames[0].pixels, frame.pixels)


def test_the_color_space_of_a_png_is_kept(tmp_path):
    chunk = samples.png_chunk(b"gAMA", (100000).to_bytes(4))
    photo = photo_of(samples.png_of_zeros(8, 2, chunk), tmp_path)
    written_and_read(photo, tmp_path)
    assert chunk in (tmp_path / "written").read_bytes()


def test_white_is_bright_where_0_is_white(tmp_path):
    values = np.array([[0, 1000], [65535, 30000]], dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite", byteorder="<")
    assert np.array_equal(
        read_photo(tmp_path / "a.tif").frames[0].pixels[0].numpy(), 65535 - values
    )


DEEP = {
    "RGB.png": samples.png_of_zeros(16, 2),
    "LA.png": samples.png_of_zeros(16, 4),
    "RGBA.png": samples.png_of_zeros(16, 6),
    "hdr.png": samples.png_of_zeros(8, 2, samples.png_chunk(b"cICP", bytes([9, 16, 0, 1]))),
}


@pytest.mark.parametrize("name", DEEP)
def test_png_that_would_be_cut_to_eight_bits_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(DEEP[name])
    with pytest.raises(ValueError, match=rf"{name}: .*(16-bit|HDR)"):
        read_photo(tmp_path / name)


@pytest.mark.parametrize(
    ("dtype", "photometric"),
    [
        *(("uint16", "rgb"), ("float32", "rgb"), ("uint32", "rgb"), ("int16", "rgb")),
        *(("float32", "minisblack"), ("uint32", "minisblack"), ("int16", "minisblack")),
    ],
)
def test_tiff_that_would_be_cut_to_eight_bits_is_refused(tmp_path, dtype, photometric):
    shape = (4, 5, 3) if photometric == "rgb" else (4, 5)
    tifffile.imwrite(tmp_path / "a.tif", np.ones(shape, dtype), photometric=photometric)
    with pytest.raises(ValueError, match=r"a\.tif: ") as error:
        read_photo(tmp_path / "a.tif")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"hello", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ],
)
def test_what_is_no_photo_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.jpg: {message}"):
        read_photo(tmp_path / "a.jpg")


JPEGS = {
    "baseline": {"quality": 75},
    "full color": {"quality": 95, "subsampling": 0},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "many restarts": {"restart_marker_blocks": 1, "progressive": True},
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_without_its_end_marker_is_what_it_was(tmp_path, kind, mode):
    whole = saved(noise(mode, (48, 40)), "JPEG", **JPEGS[kind])
    photo = photo_of(whole, tmp_path)
    for cut in (1, 2):
        other = photo_of(whole[:-cut], tmp_path)
        assert_same_pixels(other, photo)
        assert other.notes == () and other.encoding == photo.encoding


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_that_lacks_pixels_is_refused_wherever_it_was_cut(tmp_path, kind, mode):
    whole = saved(noise(mode, (48, 40)), "JPEG", **JPEGS[kind])
    restarts = [match.start() for match in re.finditer(rb"\xff[\xd0-\xd7]", whole)]
    for end in [*range(len(whole) - 30, len(whole) - 3), *restarts, len(whole) // 2, 700]:
        with pytest.raises(ValueError, match=r"source: (the file is cut short|cannot be decoded)"):
            photo_of(whole[:end], tmp_path)


def test_a_large_text_in_a_png_is_dropped_and_a_large_profile_kept(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET.decode() * 100_000, zip=True)  # 3 MB
    size = 1_500_000
    profile = size.to_bytes(4) + ICC[4:] + bytes(size - len(ICC))
    photo = photo_of(saved(noise("RGB"), "PNG", pnginfo=info, icc_profile=profile), tmp_path)
    assert photo.notes == () and photo.frames[0].icc_profile == profile
    back = written_and_read(photo, tmp_path)
    assert_same_pixels(back, photo)
    assert back.frames[0].icc_profile == profile
    assert np.array_equal(photo.frames[0].pixels.permute(1, 2, 0), noise("RGB"))


def test_a_profile_that_unpacks_to_any_size_is_dropped(tmp_path):
    bomb = samples.png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2**24)))
    photo = photo_of(samples.png_of_zeros(8, 2, bomb), tmp_path)
    assert photo.notes == ("an ICC profile that is damaged or too large was dropped",)
    damaged = samples.png_chunk(b"iCCP", b"x\0\0" + SECRET)
    photo = photo_of(samples.png_of_zeros(8, 2, damaged), tmp_path)
    assert photo.notes == ("an ICC profile that is damaged or too large was dropped",)


def test_a_text_may_turn_a_png(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    info.add_text("Comment", SECRET.decode() * 100_000, zip=True)
    photo = photo_of(saved(noise("RGB", (24, 16)), "PNG", pnginfo=info), tmp_path)
    assert photo.frames[0].size == (24, 16)


# Formats that are written as others


@pytest.mark.parametrize("kind", ["PPM", "PCX", "QOI", "SGI", "DIB"])
def test_lossless_photos_of_other_formats_become_png(tmp_path, kind):
    photo = photo_of(saved(noise("RGB"), kind), tmp_path)
    assert photo.format == "PNG" and photo.notes == (f"{kind} was written as PNG",)
    back = written_and_read(photo, tmp_path)
    assert np.array_equal(back.frames[0].pixels.permute(1, 2, 0), noise("RGB"))


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000"])
def test_lossy_photos_of_other_formats_become_jpeg(tmp_path, kind):
    smooth = noise("RGB", (4, 3)).resize((64, 48), Image.Resampling.BICUBIC)
    options = {"exif": exif(6), "icc_profile": ICC} if kind == "AVIF" else {}
    photo = photo_of(saved(smooth, kind, **options), tmp_path)
    assert photo.format == "JPEG" and photo.notes == (f"{kind} was written as JPEG",)
    assert photo.frames[0].size == ((64, 48) if kind == "AVIF" else (48, 64))
    assert photo.frames[0].icc_profile == options.get("icc_profile")
    back = written_and_read(photo, tmp_path)
    upright = smooth.rotate(-90, expand=True) if kind == "AVIF" else smooth
    given = torch.from_numpy(np.array(upright)).permute(2, 0, 1)
    assert (back.frames[0].pixels.int() - given.int()).abs().float().mean() < 3
    assert SECRET not in (tmp_path / "written").read_bytes()


def test_a_moving_avif_becomes_a_moving_png(tmp_path):
    pictures = [noise("RGBA", (4, 3), seed).resize((32, 24)) for seed in range(3)]
    content = saved(
        pictures[0], "AVIF", save_all=True, append_images=pictures[1:], duration=[40, 80, 120]
    )
    photo = photo_of(content, tmp_path)
    assert photo.format == "PNG" and photo.is_animation
    back = written_and_read(photo, tmp_path)
    assert_same_pixels(back, photo)
    assert [frame.duration for frame in back.frames] == [40, 80, 120]


def test_an_avif_of_high_dynamic_range_is_refused(tmp_path):
    whole = saved(noise("RGB"), "AVIF")
    color = re.search(rb"colrnclx....(..)", whole, re.DOTALL)  # primaries, transfer, matrix
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        at = color.start() + len("colrnclx") + 2
        hdr = whole[:at] + transfer.to_bytes(2) + whole[at + 2 :]
        with pytest.raises(ValueError, match=rf"source: .*HDR \({name}\)"):
            photo_of(hdr, tmp_path)


def test_heic_is_read_by_an_extra(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif")
    heif.register_heif_opener()
    smooth = noise("RGB", (4, 3)).resize((64, 48), Image.Resampling.BICUBIC)
    more = {"save_all": True, "append_images": [noise("RGB", seed=1)], "quality": 90}
    photo = photo_of(saved(smooth, "HEIF", exif=exif(), icc_profile=ICC, **more), tmp_path)
    assert photo.format == "JPEG" and len(photo.frames) == 1
    assert photo.notes == ("HEIF was written as JPEG", "second images were dropped")
    assert photo.frames[0].icc_profile == ICC
    back = written_and_read(photo, tmp_path)
    given = torch.from_numpy(np.array(smooth)).permute(2, 0, 1)
    assert (back.frames[0].pixels.int() - given.int()).abs().float().mean() < 3
    alpha = photo_of(saved(noise("RGBA", (64, 48)), "HEIF"), tmp_path)
    assert alpha.format == "PNG" and len(alpha.frames[0].pixels) == 4


def test_heic_without_the_extra_says_which(tmp_path, monkeypatch):
    from graphgan.data import _images as images

    monkeypatch.setattr(images, "_register_heif", lambda: False)
    with pytest.raises(ValueError, match=r"source: HEIC needs pip install 'graphgan\[heif\]'"):
        photo_of(b"\0\0\0\x18ftypheic" + bytes(99), tmp_path)


def test_raw_files_of_cameras_are_refused(tmp_path):
    values = np.zeros((4, 6), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.dng", values, extratags=[(50706, "B", 4, (1, 4, 0, 0))])
    with pytest.raises(ValueError, match=r"a\.dng: .*a raw file of a camera"):
        read_photo(tmp_path / "a.dng")
    whole = saved(noise("RGB"), "TIFF")
    directory = whole[8 : 10 + 12 * whole[8] + 4]  # a CR2 says what it is in its place
    end = len(whole).to_bytes(4, "little")
    with pytest.raises(ValueError, match=r"source: .*a raw file of a camera \(CR2\)"):
        photo_of(whole[:4] + end + b"CR\x02\0" + whole[12:] + directory, tmp_path)
    tifffile.imwrite(tmp_path / "a.nef", values, subfiletype=1)
    with pytest.raises(ValueError, match=r"a\.nef: .*a raw file of a camera"):
        read_photo(tmp_path / "a.nef")


def test_a_file_of_any_size_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("graphgan.anonymize.photos._reading._MAX_FILE", 99)
    with pytest.raises(ValueError, match="source: expected a file of at most 99 bytes, got "):
        photo_of(saved(noise("RGB"), "PNG"), tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("part", [0.3, 0.8])
def test_files_and_animations_that_are_cut_short_are_refused(tmp_path, kind, part):
    options = {"save_all": True, "append_images": [noise("RGB", seed=1), noise("RGB", seed=2)]}
    whole = saved(noise("RGB"), kind, **(options if kind not in ("JPEG", "BMP") else {}))
    (tmp_path / "cut").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ValueError, match=r"cut: "):
        read_photo(tmp_path / "cut")


def test_an_animation_may_not_ask_for_any_amount_of_memory(tmp_path, monkeypatch):
    pictures = [noise("RGB", seed=seed) for seed in range(5)]
    content = saved(pictures[0], "GIF", save_all=True, append_images=pictures[1:])
    monkeypatch.setattr("graphgan.anonymize.photos._reading._MAX_BYTES", 3 * 24 * 16 * 4)
    with pytest.raises(ValueError, match=r"source: .*bytes of pixels"):
        photo_of(content, tmp_path)


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_frames_that_a_header_promises_are_counted_before_any_is_decoded(
    tmp_path, monkeypatch, suffix
):
    frames = [Image.new("RGB", (24, 16), (i, 0, 0)) for i in range(0, 250, 50)]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    assert len(read_photo(path).frames) == 5
    monkeypatch.setattr("graphgan.anonymize.photos._reading._MAX_BYTES", 3 * 24 * 16 * 4)
    monkeypatch.delattr("graphgan.anonymize.photos._reading._frame_of")
    with pytest.raises(ValueError, match=r"expected at most .* bytes of pixels, got more"):
        read_photo(path)


def test_too_many_pixels_are_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="source: too large: "):
        photo_of(saved(noise("RGB"), "PNG"), tmp_path)


@pytest.mark.parametrize("kind", SECRETS)
def test_damaged_bytes_are_refused_or_cleaned_but_never_crash(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)  # damaged sizes cost nothing
    whole, generator = SECRETS[kind](), np.random.default_rng(0)
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(2):
            damaged[generator.integers(4, len(whole))] ^= int(generator.integers(1, 256))
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            photo = read_photo(tmp_path / "damaged")
        except ValueError as error:
            assert "damaged: " in str(error)
        else:
            write_photo(tmp_path / "written", photo)
            assert photo_metadata(tmp_path / "written") == []


def test_the_first_frame_is_what_read_image_reads(tmp_path):
    for i, (file_format, mode) in enumerate(KINDS):
        content = saved(noise(mode, seed=i), file_format, **OPTIONS.get(file_format, {}))
        rgb = photo_of(content, tmp_path).frames[0].rgb()
        assert (rgb.int() - read_image(tmp_path / "source").int()).abs().max() <= 1


# In memory


@pytest.mark.parametrize("kind", SECRETS)
def test_a_photo_in_memory_is_the_one_of_the_file(tmp_path, kind):
    content = SECRETS[kind]()
    photo, twin = photo_of(content, tmp_path), photo_from_bytes(content, "source")
    assert_same_pixels(photo, twin)
    for name in ("format", "loop", "encoding", "notes"):
        assert getattr(photo, name) == getattr(twin, name)
    write_photo(tmp_path / "written", photo)
    assert photo_to_bytes(twin, "written") == (tmp_path / "written").read_bytes()


@pytest.mark.parametrize("part", [0, 3, 40, 0.5, 0.9])
@pytest.mark.parametrize("kind", SECRETS)
def test_bytes_are_refused_as_the_file_is(tmp_path, kind, part):
    whole = SECRETS[kind]()
    content = whole[: int(part * len(whole)) if part < 1 else part]
    path = tmp_path / "source"

    def outcome(read, *args):
        try:
            return len(read(*args).frames)
        except ValueError as error:
            return str(error)

    path.write_bytes(content)
    assert outcome(photo_from_bytes, content, str(path)) == outcome(read_photo, path)
