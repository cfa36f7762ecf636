"""Picture files as people have them, made with Pillow, and what is hidden in them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

SECRET = b"SECRET of Ada at 48.2 N 16.4 E"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
"""The profile that is to be kept."""


def noise(mode: str, size: tuple[int, int] = (24, 16), seed: int = 0) -> Image.Image:
    """Random pixels of a mode of Pillow's; ``size`` is width and height."""
    generator, (width, height) = np.random.default_rng(seed), size
    if mode == "I;16":
        return Image.fromarray(generator.integers(0, 65536, (height, width), dtype=np.uint16))
    channels = {"RGB": 3, "CMYK": 4, "LA": 2, "RGBA": 4}.get(mode, 1)
    values = generator.integers(0, 256, (height, width, channels), dtype=np.uint8)
    if mode == "P":
        picture = Image.fromarray(values[..., 0])
        picture.putpalette(generator.integers(0, 256, 768).tolist())
        return picture
    if mode == "1":
        return Image.fromarray(values[..., 0]).point(lambda value: 255 * (value > 127), "1")
    return Image.frombytes(mode, size, values.tobytes())


def saved(picture: Image.Image, file_format: str, **options) -> bytes:
    data = io.BytesIO()
    picture.save(data, file_format, **options)
    return data.getvalue()


THUMBNAIL = saved(noise("RGB", (8, 8), seed=9), "JPEG")


def exif(orientation: int = 1) -> bytes:
    """EXIF with camera, place, and a thumbnail at its end as cameras write it."""
    tags = Image.Exif()
    tags[0x010F], tags[0x0112] = SECRET.decode(), orientation
    tags.get_ifd(0x8825)[29] = SECRET.decode()
    tags.get_ifd(0x8769)[0x927C] = SECRET
    return tags.tobytes() + THUMBNAIL


def secret_jpeg(mode: str = "RGB", **options) -> bytes:
    """With EXIF, XMP, a comment, Photoshop's and a maker's blocks, and a second picture."""
    irb = b"Photoshop 3.0\0" + SECRET
    extra = b"".join(
        bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
        for marker, body in ((0xED, irb), (0xE5, SECRET))
    )
    whole = saved(
        noise(mode), "JPEG", exif=exif(), xmp=SECRET, comment=SECRET, icc_profile=ICC,
        extra=extra, **options,
    )  # fmt: skip
    return whole + THUMBNAIL


def secret_mpo() -> bytes:
    """Two pictures, as a stereo camera or a telephone with a depth map writes them."""
    return saved(noise("RGB"), "MPO", save_all=True, append_images=[noise("RGB", seed=1)])


def secret_png() -> bytes:
    """With EXIF, three kinds of text, a date, a chunk of somebody's own, and data at the end."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", SECRET.decode())
    info.add_text("Comment", SECRET.decode(), zip=True)
    info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    info.add(b"faCe", SECRET, after_idat=True)
    info.add(b"tIME", b"\x07\xea\x01\x02\x03\x04\x05")
    picture = saved(noise("RGB"), "PNG", pnginfo=info, exif=exif(), icc_profile=ICC)
    return picture + THUMBNAIL


def secret_webp() -> bytes:
    """With EXIF, XMP, a chunk of somebody's own, and data at the end."""
    whole = saved(
        noise("RGB"), "WEBP", exif=exif(), xmp=SECRET, icc_profile=ICC, lossless=True
    )  # fmt: skip
    own = b"FACE" + struct.pack("<I", len(SECRET)) + SECRET
    size = struct.pack("<I", len(whole) - 8 + len(own))
    return whole[:4] + size + whole[8:] + own + THUMBNAIL


def secret_gif() -> bytes:
    """With a comment, XMP, text, and data at the end."""
    whole = saved(noise("P"), "GIF", comment=SECRET)
    block = bytes([len(SECRET)]) + SECRET + b"\0"
    xmp = b"\x21\xff\x0bXMP DataXMP" + block
    text = b"\x21\x01\x0c" + bytes(12) + block
    return whole[:-1] + xmp + text + b"\x3b" + THUMBNAIL


def secret_tiff() -> bytes:
    """Two pages with a description, an artist, XMP, Photoshop's block, EXIF and data at the end."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = tags[315] = SECRET.decode()
    tags[700] = tags[34377] = tags[33723] = SECRET
    tags.tagtype.update({700: 1, 34377: 7, 33723: 7})
    tags[34665] = {0x927C: SECRET}
    pages = [noise("RGB"), noise("L", seed=1)]
    whole = saved(
        pages[0], "TIFF", save_all=True, append_images=pages[1:], tiffinfo=tags, icc_profile=ICC
    )
    return whole + THUMBNAIL


def secret_bmp() -> bytes:
    """With data at the end."""
    return saved(noise("RGB"), "BMP") + SECRET + THUMBNAIL


def png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png_of_zeros(bits: int, color: int, more: bytes = b"") -> bytes:
    """One pixel of black in a depth and a color type of PNG's."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, bits, color, 0, 0, 0))
    row = bytes(1 + bits // 8 * {0: 1, 2: 3, 4: 2, 6: 4}[color])
    pixels = png_chunk(b"IDAT", zlib.compress(row))
    return b"\x89PNG\r\n\x1a\n" + header + more + pixels + png_chunk(b"IEND", b"")


def cmyk_profile(lightness: int) -> bytes:
    """An ICC profile in which black ink is black, and the others are one gray on their own.

    A table ``mft1`` from CMYK to Lab with two grid points an ink; lightness goes from 0 to 255.
    """
    identity = bytes(range(256))
    unit = struct.pack(">9I", *(65536 * (i % 4 == 0) for i in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + unit
    table += identity * 4 + bytes([lightness, 128, 128, 0, 128, 128]) * 8 + identity * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3I", 63190, 65536, 54061)
    parts = ((b"A2B0", table), (b"wtpt", white))
    start, entries, body = 128 + 4 + 12 * len(parts), b"", b""
    for name, part in parts:
        entries += name + struct.pack(">II", start + len(body), len(part))
        body += part + bytes(-len(part) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab "
    )
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3I", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(parts)) + entries + body
