"""Bytes in, bytes out, and the same as from file to file."""

import io

import pytest
import torch
from no_files import no_file_may_grow
from photo_metadata import photo_metadata_of
from photo_samples import saved
from PIL import Image

from graphgan.anonymize import Anonymizer
from graphgan.anonymize.photos._anonymize import anonymize_photo
from graphgan.anonymize.serve import _in_memory
from graphgan.anonymize.serve._in_memory import MEDIA_TYPES, anonymize_bytes, png_of

FORMATS = {"JPEG": {"quality": 95}, "PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}, "BMP": {}}


@pytest.fixture(scope="module")
def anonymizer(detector):
    return Anonymizer("pixelate", detector)


def decoded(data):
    return torch.tensor(list(Image.open(io.BytesIO(data)).convert("RGB").getdata()))


def test_the_limit_does_forbid_files(tmp_path):
    with pytest.raises(OSError, match="too large"), no_file_may_grow():
        (tmp_path / "a").write_bytes(b"a")


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_comes_back_in_its_own_and_touches_no_disk(anonymizer, portrait, file_format):
    given = saved(portrait, file_format, **FORMATS[file_format])
    with no_file_may_grow():
        done = anonymize_bytes(anonymizer, given)
    assert done.format == file_format == Image.open(io.BytesIO(done.file)).format
    assert done.format in MEDIA_TYPES and done.size == (256, 256) and done.frames == 1
    (face,) = done.faces
    assert face.method == "pixelate" and face.distance is None
    changed = ((decoded(given) - decoded(done.file)).abs() > 20).any(-1).float().mean()
    assert 0.02 < changed < 0.3
    assert photo_metadata_of(done.file) == []
    assert (done.previews is None) == (file_format != "TIFF")


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF"])
def test_it_is_what_the_command_writes(anonymizer, portrait, tmp_path, kind):
    """Of a photo, of pages, one of them without a face, and of an animation."""
    gray = Image.new("RGB", (60, 40), (90, 90, 90))
    more = {"TIFF": [gray], "GIF": [portrait.rotate(3)]}.get(kind)
    several = {"save_all": True, "append_images": more, "duration": 50} if more else {}
    given = saved(portrait, kind, **several)
    (tmp_path / "a").write_bytes(given)
    report = anonymize_photo(anonymizer, tmp_path / "a", tmp_path / "b", name="a")
    done = anonymize_bytes(anonymizer, given)
    assert done.file == (tmp_path / "b").read_bytes()
    assert (done.faces, done.notes, done.frames) == (report.faces, report.notes, report.frames)
    assert done.unmatched == ((1,) if kind == "TIFF" else ()) and len(done.faces) == 1


def test_previews_show_before_and_after_at_a_size_for_screens(anonymizer, portrait, monkeypatch):
    monkeypatch.setattr(_in_memory, "_PREVIEW_SIDE", 100)
    half = portrait.crop((0, 0, 256, 200))
    done = anonymize_bytes(anonymizer, saved(half, "TIFF"))
    before, after = (Image.open(io.BytesIO(data)) for data in done.previews)
    assert before.size == after.size == (100, 78) and before.format == "PNG"
    ours = torch.tensor(list(before.resize((64, 64)).getdata())).float()
    given = torch.tensor(list(half.resize((64, 64)).getdata())).float()
    assert (ours - given).abs().mean() < 3
    assert done.previews[0] != done.previews[1]


def test_a_picture_survives_as_png():
    image = torch.randint(256, (3, 5, 7), dtype=torch.uint8)
    assert torch.equal(decoded(png_of(image)), image.permute(1, 2, 0).reshape(-1, 3).long())
