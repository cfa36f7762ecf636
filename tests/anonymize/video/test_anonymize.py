"""A real face that moves through a real file."""

import astronaut
import av
import pytest
import torch
from video_metadata import video_metadata
from video_samples import write_camera_recording, write_sample

from graphgan.anonymize import Anonymizer
from graphgan.anonymize.video._anonymize import anonymize_stream, anonymize_video
from graphgan.anonymize.video._reading import open_video
from graphgan.faces import CenterFace, DlibResNetRecognizer, FaceFinder

FRAMES = 12
PORTRAIT = astronaut.portrait()


def portrait(number: int) -> torch.Tensor:
    """It goes up and to the left by two pixels a frame."""
    return PORTRAIT[:, 2 * number :, 2 * number :][:, :224, :224].contiguous()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    images = [portrait(i) for i in range(FRAMES)]
    return write_sample(
        path, size=(224, 224), times=range(FRAMES), images=images, sound="aac", secrets=True
    )


@pytest.fixture(scope="module")
def anonymizer():
    return Anonymizer("pixelate", FaceFinder(CenterFace(60)))


def frames(path):
    return [frame.image for frame in open_video(path).frames()]


def test_the_face_is_hidden_in_every_frame_and_nothing_else_changes(clip, anonymizer, tmp_path):
    out = tmp_path / "out.mp4"
    told = []
    report = anonymize_video(anonymizer, clip, out, name="clip.mp4", on_frame=told.append)
    assert (report.status, report.frames, report.kind) == ("anonymized", FRAMES, "video")
    (face,) = report.faces
    assert report.covered == ((0, FRAMES - 1),) and face.method == "pixelate"
    assert told.count("replace") == FRAMES
    describe, find = DlibResNetRecognizer(), FaceFinder(CenterFace(60))
    for before, after in zip(frames(clip), frames(out), strict=True):
        (found,) = find(before)
        points = found.landmarks[None]
        apart = (describe(before, points) - describe(after, points)).norm()
        assert apart > 0.55
        far = torch.ones(224, 224, dtype=torch.bool)
        left, top, right, bottom = map(int, found.box)
        far[max(top - 60, 0) : bottom + 60, max(left - 60, 0) : right + 60] = False
        assert (before.int() - after.int()).abs()[:, far].float().mean() < 4  # two compressions


def test_sound_stays_and_all_else_goes(clip, anonymizer, tmp_path):
    report = anonymize_video(anonymizer, clip, tmp_path / "a.mp4", name="clip.mp4")
    assert open_video(tmp_path / "a.mp4").has_audio and video_metadata(tmp_path / "a.mp4") == []
    assert "voices identify people" in " ".join(report.notes)
    report = anonymize_video(anonymizer, clip, tmp_path / "b.mp4", name="clip.mp4", audio="drop")
    assert not open_video(tmp_path / "b.mp4").has_audio
    assert "the sound was dropped" in report.notes


def test_a_video_without_a_face_is_not_copied_unless_asked(anonymizer, tmp_path):
    path = write_sample(tmp_path / "in.mp4")
    report = anonymize_video(anonymizer, path, tmp_path / "out.mp4", name="in.mp4")
    assert report.status == "no face" and not (tmp_path / "out.mp4").exists()
    report = anonymize_video(
        anonymizer, path, tmp_path / "out.mp4", name="in.mp4", copy_unmatched=True
    )
    assert report.status == "copied" and len(frames(tmp_path / "out.mp4")) == len(frames(path))


def test_a_stream_is_hidden_as_the_file_is(clip, anonymizer, tmp_path):
    path, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    images = [portrait(i) for i in range(FRAMES)]
    write_sample(path, size=(224, 224), times=range(FRAMES), images=images, sound="flac")
    with path.open("rb") as stream:
        report = anonymize_stream(anonymizer, stream.fileno(), out)
    assert (report.name, report.status, report.frames) == ("-", "anonymized", FRAMES)
    assert report.covered == ((0, FRAMES - 1),) and report.faces[0].method == "pixelate"
    assert "voices identify people" in " ".join(report.notes) and video_metadata(out) == []
    describe, find = DlibResNetRecognizer(), FaceFinder(CenterFace(60))
    for before, after in zip(frames(path), frames(out), strict=True):
        (found,) = find(before)
        points = found.landmarks[None]
        apart = (describe(before, points) - describe(after, points)).norm()
        assert apart > 0.55


@pytest.mark.parametrize("law", [6, 7])
def test_the_sound_of_a_camera_goes_through_a_pipe(anonymizer, tmp_path, law):
    path, out = write_camera_recording(tmp_path / "in.mkv", law), tmp_path / "out.mkv"
    with path.open("rb") as stream:
        report = anonymize_stream(anonymizer, stream.fileno(), out, copy_unmatched=True)
    codec = {6: "pcm_alaw", 7: "pcm_mulaw"}[law]
    assert report.warnings == (f"a sound track ({codec}) was compressed again as AAC",)
    assert open_video(out).audio_codecs == ("aac",) and len(frames(out)) == 20
    with av.open(str(out)) as container:
        seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert 0.8 <= seconds < 0.93


def test_a_stream_without_a_face_is_not_copied_unless_asked(anonymizer, tmp_path):
    path, out = write_sample(tmp_path / "in.mkv"), tmp_path / "out.mkv"
    for asked, status in ((False, "no face"), (True, "copied")):
        with path.open("rb") as stream:
            report = anonymize_stream(anonymizer, stream.fileno(), out, copy_unmatched=asked)
        assert report.status == status and out.exists() == asked
    assert len(frames(out)) == len(frames(path))
    assert {p.name for p in tmp_path.iterdir()} == {"in.mkv", "out.mkv"}


def test_what_goes_wrong_late_in_a_stream_leaves_nothing(anonymizer, tmp_path):
    parts = [write_sample(tmp_path / f"{n}.ts", size=(48, n), times=range(40)) for n in (64, 80)]
    (tmp_path / "both.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    with (
        (tmp_path / "both.ts").open("rb") as stream,
        pytest.raises(ValueError, match="-: expected frames of 64 x 48"),
    ):
        anonymize_stream(anonymizer, stream.fileno(), tmp_path / "out.mkv")
    assert not list(tmp_path.glob("*out*"))


def test_what_goes_wrong_in_the_last_pass_leaves_nothing(clip, tmp_path):
    class Tired:
        """Works until the last pass."""

        name, size, uses_conditions, calls = "tired", (128, 128), False, 0

        def __call__(self, faces, conditions):
            self.calls += 1
            if self.calls > 8:
                raise RuntimeError("enough")
            return torch.full_like(faces.images, -1.0)

    with pytest.raises(RuntimeError, match="enough"):
        anonymize_video(
            Anonymizer(Tired(), FaceFinder(CenterFace(60))),
            clip,
            tmp_path / "out.mp4",
            name="clip.mp4",
        )
    assert list(tmp_path.iterdir()) == []
