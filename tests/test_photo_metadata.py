"""What the helper of other tests finds in a file beside its pixels."""

import struct

import photo_samples as samples
import pytest
from photo_metadata import photo_metadata
from photo_samples import SECRET, THUMBNAIL, noise, saved

AFTER = "data after the end"
SECRETS = {
    "jpg": (
        samples.secret_jpeg,
        [
            "APP1 Exif",
            "APP1 http://ns.adobe.com/xap/1.0/",
            "APP13 Photoshop 3.0",
            f"APP5 {SECRET.decode()}",
            "COM",
            AFTER,
        ],
    ),
    "mpo": (samples.secret_mpo, ["APP2 MPF", AFTER]),
    "png": (samples.secret_png, [AFTER, "eXIf", "faCe", "iTXt", "tEXt", "tIME", "zTXt"]),
    "webp": (samples.secret_webp, ["EXIF", "FACE", "XMP", AFTER]),
    "gif": (samples.secret_gif, ["application XMP DataXMP", "comment", AFTER, "plain text"]),
    "tif": (
        samples.secret_tiff,
        [
            "data that no page refers to",
            "tag 270 ImageDescription",
            "tag 315 Artist",
            "tag 33723 IPTC",
            "tag 34377 Photoshop",
            "tag 34665 Exif",
            "tag 700 XMP",
        ],
    ),
    "bmp": (samples.secret_bmp, [AFTER]),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_names_every_block_that_says_something(tmp_path, kind):
    make, expected = SECRETS[kind]
    (tmp_path / "photo").write_bytes(make())
    assert photo_metadata(tmp_path / "photo") == sorted(expected)


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {"icc_profile": samples.ICC, "dpi": (300, 300)}),
        ("JPEG", {"progressive": True, "restart_marker_blocks": 1}),
        ("PNG", {"icc_profile": samples.ICC, "dpi": (300, 300)}),
        ("WEBP", {"icc_profile": samples.ICC}),
        ("GIF", {"save_all": True, "append_images": [noise("RGB", seed=1)], "loop": 0}),
        ("TIFF", {"icc_profile": samples.ICC, "dpi": (300, 300), "compression": "tiff_lzw"}),
        ("TIFF", {"big_tiff": True}),
        ("BMP", {"dpi": (300, 300)}),
    ],
)
def test_a_plain_picture_with_a_color_profile_leaves_nothing(tmp_path, file_format, options):
    (tmp_path / "photo").write_bytes(saved(noise("RGB"), file_format, **options))
    assert photo_metadata(tmp_path / "photo") == []


@pytest.mark.parametrize("name", ["JFIF", "JFXX"])
def test_thumbnails_beside_exif_are_found(tmp_path, name):
    whole = saved(noise("RGB"), "JPEG")
    body = name.encode() + b"\0" + struct.pack(">HBHHBB", 0x101, 0, 1, 1, 1, 1) + b"\1\2\3"
    segment = b"\xff\xe0" + struct.pack(">H", len(body) + 2) + body
    (tmp_path / "photo").write_bytes(whole[:2] + segment + whole[2:])
    assert photo_metadata(tmp_path / "photo") == [f"APP0 {name}"]


def test_a_picture_within_a_tiff_that_no_page_refers_to_is_found(tmp_path):
    whole = saved(noise("RGB"), "TIFF")
    (tmp_path / "photo").write_bytes(whole + THUMBNAIL)
    assert photo_metadata(tmp_path / "photo") == ["data that no page refers to"]


def test_an_extra_chunk_within_a_frame_is_found(tmp_path):
    whole = saved(
        noise("RGB"), "WEBP", save_all=True, append_images=[noise("RGB", seed=1)], lossless=True
    )
    at = whole.index(b"ANMF")
    size = int.from_bytes(whole[at + 4 : at + 8], "little")
    grown = bytearray(whole)
    grown[at + 8 + size : at + 8 + size] = b"FACE" + struct.pack("<I", 4) + b"ada!"
    grown[at + 4 : at + 8] = struct.pack("<I", size + 12)
    grown[4:8] = struct.pack("<I", len(grown) - 8)
    (tmp_path / "photo").write_bytes(grown)
    assert photo_metadata(tmp_path / "photo") == ["FACE"]


def test_a_file_that_is_cut_short_says_so(tmp_path):
    for file_format in ("JPEG", "PNG", "WEBP", "GIF"):
        whole = saved(noise("RGB"), file_format)
        (tmp_path / "photo").write_bytes(whole[: len(whole) // 2])
        assert "cut short" in photo_metadata(tmp_path / "photo")
