import io
import struct
import sys
import zlib

import numpy as np
import pytest
import torch
from photo_samples import png_chunk
from PIL import Image

from graphgan.data import read_image, write_image
from graphgan.data._images import (
    TooManyPixelsError,
    allow_pixels,
    decoded_picture,
    opened_picture,
    picture_size,
)
from graphgan.extras import MissingExtraError


def test_what_is_written_is_read(tmp_path):
    image = torch.randint(0, 256, (3, 5, 7)).byte()
    write_image(tmp_path / "a.png", image)
    assert torch.equal(read_image(tmp_path / "a.png"), image)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_writes_the_format_that_the_suffix_names(tmp_path):
    write_image(tmp_path / "a.JPG", torch.full((3, 16, 16), 90).byte())
    with Image.open(tmp_path / "a.JPG") as image:
        assert image.format == "JPEG"
    with pytest.raises(ValueError, match=r"suffix such as \.png, got '\.xyz'"):
        write_image(tmp_path / "a.xyz", torch.zeros(3, 2, 2).byte())


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"old")
    with pytest.raises((ValueError, OSError)):
        write_image(tmp_path / "a.jpg", torch.zeros(3, 1, 70000).byte())  # too wide for JPEG
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
    assert (tmp_path / "a.jpg").read_bytes() == b"old"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_by_the_header_is_that_of_the_picture_read(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (7, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert picture_size(tmp_path / "a.jpg") == tuple(read_image(tmp_path / "a.jpg").shape[1:])


def test_palette_colors_are_looked_up(tmp_path):
    Image.new("RGB", (3, 2), (10, 200, 30)).convert("P", palette=Image.Palette.ADAPTIVE).save(
        tmp_path / "a.png"
    )
    assert read_image(tmp_path / "a.png")[:, 0, 0].tolist() == [10, 200, 30]


def test_transparent_pixels_are_put_on_mid_gray(tmp_path):
    pixels = np.array([[[255, 0, 0, 0], [255, 0, 0, 255], [255, 255, 255, 128]]], dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image[:, 0, 0].tolist() == [128, 128, 128]
    assert image[:, 0, 1].tolist() == [255, 0, 0]
    assert image[0, 0, 2].item() == 192


def test_cmyk_becomes_rgb(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    red, green, blue = read_image(tmp_path / "a.jpg")[:, 8, 8].tolist()
    assert red > 250 and green < 5 and blue < 5


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, suffix):
    Image.fromarray(np.array([[0, 256, 32768, 65535]], dtype=np.uint16)).save(
        tmp_path / f"a.{suffix}"
    )
    assert read_image(tmp_path / f"a.{suffix}")[0, 0].tolist() == [0, 1, 128, 255]


def test_exif_orientation_is_applied(tmp_path):
    image = Image.new("RGB", (32, 16), "black")
    image.paste("white", (16, 0, 32, 16))  # the right half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise: what is right comes to lie below
    image.save(tmp_path / "a.jpg", exif=exif)
    upright = read_image(tmp_path / "a.jpg")
    assert upright.shape == (3, 32, 16)
    assert upright[:, :12].max() < 30 and upright[:, -12:].min() > 225


def png_of_nothing(side: int) -> bytes:
    """A valid PNG of black pixels, small whatever its side."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes((1 + -(-side // 8)) * side))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def test_twenty_thousand_pixels_a_side_are_refused_by_name(tmp_path):
    (tmp_path / "huge.png").write_bytes(png_of_nothing(20_000))
    with pytest.raises(ValueError, match=r"huge\.png: too large: .*400000000 pixels"):
        read_image(tmp_path / "huge.png")


@pytest.mark.filterwarnings("error")
def test_how_many_pixels_are_read_can_be_said(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80)
    write_image(tmp_path / "a.png", torch.zeros(3, 13, 13, dtype=torch.uint8))
    with pytest.raises(TooManyPixelsError, match="exceeds limit of 160 pixels"):
        read_image(tmp_path / "a.png")
    allow_pixels(169)
    assert read_image(tmp_path / "a.png").shape == (3, 13, 13)


def jpeg(tmp_path) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.jpg")
    return (tmp_path / "whole.jpg").read_bytes()


@pytest.mark.parametrize("part", [0.01, 0.3, 0.9])
def test_a_truncated_picture_is_refused_by_name(tmp_path, part):
    whole = jpeg(tmp_path)
    (tmp_path / "cut.jpg").write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(ValueError, match=r"cut\.jpg: ") as error:
        read_image(tmp_path / "cut.jpg")
    assert "\n" not in str(error.value)


def test_damaged_bytes_are_refused_or_read_but_never_crash(tmp_path):
    whole = png_of_nothing(40)
    generator = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[generator.integers(8, len(whole))] ^= int(generator.integers(1, 256))
        (tmp_path / "damaged.png").write_bytes(damaged)
        try:
            read_image(tmp_path / "damaged.png")
        except ValueError as error:
            assert "damaged.png: " in str(error)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "the file is empty"), (b"hello", "not an image")]
)
def test_what_is_no_picture_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.jpg: {message}"):
        read_image(tmp_path / "a.jpg")


def test_names_the_extra_when_pillow_is_missing(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"an image")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"graphgan\[recipes\]"):
        read_image(tmp_path / "a.png")


def test_formats_that_are_not_asked_for_are_not_tried(tmp_path):
    write_image(tmp_path / "a.png", torch.zeros(3, 2, 2).byte())
    with opened_picture(tmp_path / "a.png", ("JPEG", "PNG")) as image:
        assert image.size == (2, 2)
    with (
        pytest.raises(ValueError, match=r"a\.png: not an image, or an unknown format"),
        opened_picture(tmp_path / "a.png", ("JPEG",)),
    ):
        pass


def test_pictures_in_memory_are_opened_alike(tmp_path):
    write_image(tmp_path / "a.png", torch.zeros(3, 2, 4).byte())
    whole = (tmp_path / "a.png").read_bytes()
    with decoded_picture(io.BytesIO(whole), "the upload") as image:
        assert image.size == (4, 2)
    for data, message in ((b"", "the file is empty"), (whole[:45], "cannot be decoded")):
        with (
            pytest.raises(ValueError, match=f"the upload: {message}"),
            decoded_picture(io.BytesIO(data), "the upload") as image,
        ):
            image.load()
