import numpy as np
import pytest
import torch
from photo_metadata import photo_metadata
from PIL import Image
from skimage.data import astronaut

from graphgan.anonymize import Anonymizer
from graphgan.anonymize.photos import Frame, Photo, read_photo
from graphgan.anonymize.photos import _anonymize as photo_anonymize
from graphgan.anonymize.photos._anonymize import anonymize_photo, replaced_frames
from graphgan.faces import CenterFace, FaceFinder

PORTRAIT = astronaut()[:256, 96:352]


@pytest.fixture(scope="module")
def anonymizer():
    return Anonymizer("pixelate", FaceFinder(CenterFace(60)))


def work(anonymizer, path, **options):
    target = path.with_name(f"out{path.suffix}")
    report = anonymize_photo(anonymizer, path, target, name=path.name, **options)
    return report, target


def changed(source, target) -> list[float]:
    """The share of pixels that differ, page by page."""
    pages = zip(read_photo(source).frames, read_photo(target).frames, strict=True)
    return [float((a.rgb() != b.rgb()).any(0).float().mean()) for a, b in pages]


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "P", "I;16"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_the_face_alone_changes_in_lossless_files(anonymizer, tmp_path, mode, suffix):
    picture = Image.fromarray(PORTRAIT)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype("uint16") * 257)
    else:
        picture = picture.convert(mode)
    picture.save(tmp_path / f"a.{suffix}")
    report, target = work(anonymizer, tmp_path / f"a.{suffix}")
    assert report.status == "anonymized" and len(report.faces) == 1
    before, after = (read_photo(p).frames[0] for p in (tmp_path / f"a.{suffix}", target))
    assert before.pixels.shape == after.pixels.shape and before.pixels.dtype == after.pixels.dtype
    assert 0.02 < changed(tmp_path / f"a.{suffix}", target)[0] < 0.3
    left, top, right, bottom = map(int, report.faces[0].box)
    far = torch.ones(before.size, dtype=torch.bool)
    margin = (bottom - top) // 2
    far[max(top - margin, 0) : bottom + margin, max(left - margin, 0) : right + margin] = False
    assert torch.equal(before.pixels.int()[:, far], after.pixels.int()[:, far])


def test_what_tells_of_the_original_is_gone(anonymizer, tmp_path):
    from photo_samples import exif

    Image.fromarray(PORTRAIT).save(tmp_path / "a.jpg", exif=exif(), comment=b"SECRET")
    report, target = work(anonymizer, tmp_path / "a.jpg")
    assert report.status == "anonymized"
    assert photo_metadata(target) == [] and b"SECRET" not in target.read_bytes()


def test_a_turned_photo_is_searched_upright(anonymizer, tmp_path):
    tags = Image.Exif()
    tags[0x0112] = 6
    Image.fromarray(PORTRAIT).rotate(90, expand=True).save(tmp_path / "a.jpg", exif=tags)
    assert work(anonymizer, tmp_path / "a.jpg")[0].status == "anonymized"


def test_every_page_counts(anonymizer, tmp_path):
    pages = [Image.fromarray(PORTRAIT), Image.fromarray(PORTRAIT[:, ::-1].copy())]
    pages[0].save(tmp_path / "two.tif", save_all=True, append_images=pages[1:])
    report, target = work(anonymizer, tmp_path / "two.tif")
    assert report.status == "anonymized" and report.covered == ((0, 0), (1, 1))
    assert all(share > 0.02 for share in changed(tmp_path / "two.tif", target))


def test_a_blank_page_of_a_scan_is_told_and_the_others_are_done(anonymizer, tmp_path):
    blank = Image.new("RGB", (80, 60), (250, 250, 250))
    scan = [Image.fromarray(PORTRAIT), blank, blank]
    scan[0].save(tmp_path / "some.tif", save_all=True, append_images=scan[1:])
    report, target = work(anonymizer, tmp_path / "some.tif")
    assert report.status == "anonymized" and report.covered == ((0, 0),)
    assert report.notes == ("no face found on pages 2, 3 of 3",)
    shares = changed(tmp_path / "some.tif", target)
    assert shares[0] > 0.02 and shares[1:] == [0, 0]
    target.unlink()
    blank.save(tmp_path / "some.tif", save_all=True, append_images=[blank])
    report, target = work(anonymizer, tmp_path / "some.tif")
    assert report.status == "no face" and report.notes == () and not target.exists()


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_the_frames_of_an_animation_are_one_clip(anonymizer, tmp_path, suffix):
    frames = [Image.fromarray(PORTRAIT[i : i + 220, i : i + 220]) for i in range(0, 18, 3)]
    path = tmp_path / f"a.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, loop=0, **options)
    report, target = work(anonymizer, path)
    assert report.status == "anonymized" and report.frames == 6
    (face,) = report.faces
    assert report.covered == ((0, 5),) and face.method in ("pixelate", "solid")
    assert all(0.02 < share < 0.4 for share in changed(path, target))
    durations = [frame.duration for frame in read_photo(target).frames]
    assert durations == [frame.duration for frame in read_photo(path).frames]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_animation_whose_frames_have_no_delay_is_a_clip_all_the_same(tmp_path, suffix):
    frames = [Image.fromarray(PORTRAIT[i : i + 220, i : i + 220]) for i in range(0, 24, 2)]
    unseen = (6, 7)  # blurred, say: the detector finds no face in these frames

    def find(image):
        return [] if any(np.array_equal(image.permute(1, 2, 0), w) for w in blurred) else [face]

    face = FaceFinder(CenterFace(60))(torch.from_numpy(PORTRAIT).permute(2, 0, 1).contiguous())[0]
    paths = [tmp_path / f"{duration}.{suffix}" for duration in (0, 100)]
    options = {"lossless": True} if suffix == "webp" else {}
    for duration, path in zip((0, 100), paths, strict=True):
        more = {"duration": duration, "loop": 0, **options}
        frames[0].save(path, save_all=True, append_images=frames[1:], **more)
    blurred = [read_photo(paths[0]).frames[i].rgb().permute(1, 2, 0).numpy() for i in unseen]
    still, usual = (
        replaced_frames(Anonymizer("pixelate", find), read_photo(path), "a") for path in paths
    )
    assert still.covered == [(0, 11)] and still.unmatched == []
    for frame, twin in zip(still.frames, usual.frames, strict=True):
        assert torch.equal(frame.pixels, twin.pixels)
    before = [frame.rgb() for frame in read_photo(paths[0]).frames]
    for i in unseen:
        assert 0.02 < (still.frames[i].rgb() != before[i]).any(0).float().mean() < 0.4


def test_delays_that_browsers_do_not_keep_to_are_those_that_they_show(anonymizer, monkeypatch):
    seen = []

    class Spy(photo_anonymize.Clip):
        def __init__(self, anonymizer, frames, *, key):
            seen.extend(frame.time for frame in frames())
            super().__init__(anonymizer, frames, key=key)

    monkeypatch.setattr(photo_anonymize, "Clip", Spy)
    pixels = torch.full((3, 40, 40), 90, dtype=torch.uint8)
    durations = (None, 0.0, 10.0, 20.0, 300.0, 40.0)
    frames = tuple(Frame(pixels, duration=duration) for duration in durations)
    done = replaced_frames(anonymizer, Photo(frames, "GIF"), "a")
    assert seen == pytest.approx([0, 0.1, 0.2, 0.3, 0.32, 0.62])
    assert done.unmatched == list(range(6)) and done.notes == ()
