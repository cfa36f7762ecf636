"""The clips of `drawn_clips`, read once: what a stream's frames must show is known."""

import itertools

import pytest
import torch
from colored_faces import ColorRecognizer, color_of, shape_of_a_face
from drawn_clips import (
    FRAMES,
    Found,
    Jumping,
    Recolor,
    assert_shows,
    draw,
    face_of,
    frames,
    person,
    shown,
)

from graphgan.anonymize import Anonymizer, Selection
from graphgan.anonymize.video._clips import Clip, ClipFrame
from graphgan.anonymize.video._live import LiveClip
from graphgan.landmarks import Detection


def stream(count=FRAMES, held=None):
    """The frames of the clip; ``held`` is told of each."""
    for t in range(count):
        if held is not None:
            held.append(t)
        yield ClipFrame(draw(t), t / 25)


def anonymizer_of(detector, conditions=(2,), selection=None):
    return Anonymizer(
        Recolor(),
        detector,
        [person(n) for n in conditions],
        fallback="solid",
        recognizer=ColorRecognizer(),
        selection=selection,
    )


def live(detector=None, frames=None, conditions=(2,), selection=None, **options):
    anonymizer = anonymizer_of(detector or Found(), conditions, selection)
    return LiveClip(anonymizer, stream() if frames is None else frames, key="clip", **options)


class Small(Found):
    """Both people as 20 pixels large, from this frame on as large as they are."""

    def __init__(self, until):
        super().__init__()
        self.until = until

    def __call__(self, image):
        t, faces = self.calls, super().__call__(image)
        return [self._shrunk(face) if t < self.until else face for face in faces]

    def _shrunk(self, face):
        low = face.box[:2]
        return Detection(torch.cat([low, low + 20]), shape_of_a_face() * 20 + low)


@pytest.mark.parametrize("until", [12, FRAMES])
def test_a_face_that_is_too_small_is_covered_and_the_report_says_so(until):
    clip = live(Small(until))
    assert len(list(clip.images())) == FRAMES
    expected = ("solid", None) if until == FRAMES else ("recolor", "p2")
    for tracked in clip.faces:
        assert (tracked.face.method, tracked.face.condition) == expected
        assert tracked.face.reason == "too small"


def test_every_frame_shows_somebody_else_the_same_from_first_to_last():
    clip = live(conditions=(2, 3, 4, 5))
    images = list(clip.images())
    assert len(images) == FRAMES == clip.num_frames
    assert [(f.first, f.last, f.frames) for f in clip.faces] == [(0, FRAMES - 1, FRAMES)] * 2
    for number, tracked in enumerate(clip.faces):
        who = int(tracked.face.condition[1:])
        for t, image in enumerate(images):
            assert_shows(image, number, t, who)


@pytest.mark.parametrize(
    ("missed", "max_gap"),
    [
        ({(t, 0) for t in [*range(3), *range(8, 12), *range(FRAMES - 3, FRAMES)]}, 2),
        ({(t, n) for t in range(4, 18) for n in (0, 1)}, 25),
        ({(t, t % 2) for t in range(FRAMES)}, 1),
        ({(t, 0) for t in range(FRAMES)} - {(9, 0)}, 25),
    ],
)
def test_what_is_covered_is_what_a_clip_read_three_times_covers(missed, max_gap):
    whole = Clip(anonymizer_of(Found(missed)), frames, key="clip", max_gap=max_gap)
    once = live(Found(missed), max_gap=max_gap)
    for t, (image, expected) in enumerate(zip(once.images(), whole.images(), strict=True)):
        changed, wanted = ((x != draw(t)).any(0) for x in (image, expected))
        # Smoothed in one direction, the edge may lie a pixel off.
        wanted = wanted[None, None].float()
        inner = -torch.nn.functional.max_pool2d(-wanted, 5, 1, 2)[0, 0] > 0
        outer = torch.nn.functional.max_pool2d(wanted, 5, 1, 2)[0, 0] > 0
        assert changed[inner].all() and not changed[~outer].any(), t
    one, three = (
        [(f.first, f.last, f.frames, f.estimated) for f in clip.faces] for clip in (once, whole)
    )
    assert one == three


def test_no_more_frames_are_held_than_the_longest_gap_that_is_bridged():
    came = []
    clip = live(frames=stream(held=came), max_gap=4, hold=2)
    assert clip.delay == 5
    for t, _ in enumerate(clip.images()):
        assert len(came) <= t + 1 + clip.delay


def test_nothing_piles_up_with_the_length_of_a_stream():
    """Somebody new every ten frames."""

    class Passers:
        calls = 0

        def __call__(self, image):
            t, self.calls = self.calls, self.calls + 1
            return [face_of(t // 10 % 2, 0)] if t % 10 < 5 else []

    def frames():
        for t in range(120):
            yield ClipFrame(draw(0), t / 25)

    anonymizer = Anonymizer("solid", Passers(), recognizer=None)
    clip = LiveClip(anonymizer, frames(), max_gap=2, hold=1, most_away=3)
    for t, image in enumerate(clip.images()):
        if t % 10 < 5:
            assert (shown(image, t // 10 % 2, 0) == 0).all()
        assert len(clip._tracker.tracks) <= 5 and len(clip._followed) <= 5
        assert len(clip._replacer.states) <= 5
        assert all(len(track.observations) <= 20 for track in clip._tracker.tracks)
    assert len(clip.faces) == 12


def test_whoever_is_recognized_later_is_shown_otherwise_from_then_on():
    """From frame 12 on, person 0 looks like person 3, who is shown for it."""

    def changing():
        for t in range(FRAMES):
            image = draw(t)
            if t >= 12:
                place = (image == color_of(0)[:, None, None]).all(0)
                image[:, place] = color_of(3)[:, None]
            yield ClipFrame(image, t / 25)

    clip = live(frames=changing(), conditions=(3,), max_gap=2, hold=2, check_every=4)
    for t, image in enumerate(clip.images()):
        if t < 12:
            assert_shows(image, 0, t, 3)
        else:
            assert (shown(image, 0, t) == 0).all()
        assert_shows(image, 1, t, 3)
    assert [tracked.face.method for tracked in clip.faces] == ["solid", "recolor"]


def test_a_place_where_no_face_is_yet_says_nothing_about_who_is_shown():
    """Before frame 6 there is nobody: what was made there is as it was, and that is right."""

    def frames():
        for t in range(FRAMES):
            yield ClipFrame(draw(t, people=(0, 1) if t >= 6 else ()), t / 25)

    clip = live(Found((t, n) for t in range(6) for n in (0, 1)), frames=frames(), check_every=1)
    for t, image in enumerate(clip.images()):
        if t >= 6:
            assert_shows(image, 0, t, 2)
    assert [tracked.face.method for tracked in clip.faces] == ["recolor"] * 2
    assert all(tracked.face.remarks == () and tracked.first == 1 for tracked in clip.faces)


def test_a_person_to_keep_is_kept_in_every_frame():
    who = color_of(1).float() / 255
    clip = live(selection=Selection(people=(who,), threshold=0.02))
    for t, image in enumerate(clip.images()):
        assert_shows(image, 0, t, 2)
        assert_shows(image, 1, t, 1)
    assert [tracked.face.method for tracked in clip.faces] == ["recolor", "kept"]


def test_landmarks_that_jump_for_a_frame_do_not_uncover_the_face():
    for t, image in enumerate(live(Jumping()).images()):
        inside = shown(image, 0, t)
        assert ((inside - color_of(0).int()).abs().amax(1) > 5).all(), t


@pytest.mark.parametrize("missing", [(4, 5), range(FRAMES)])
def test_faces_without_landmarks_are_covered(missing):
    class Missing(Found):
        def __call__(self, image):
            t = self.calls
            nowhere = torch.full((68, 2), torch.nan)
            faces = super().__call__(image)
            return [Detection(f.box, nowhere) if t in missing else f for f in faces]

    for t, image in enumerate(live(Missing()).images()):
        for number in (0, 1):
            before = color_of(number).int()
            assert ((shown(image, number, t) - before).abs().amax(1) > 5).all(), t


def test_nothing_found_is_nothing_changed():
    clip = live(lambda image: [])
    for t, image in enumerate(clip.images()):
        assert torch.equal(image, draw(t))
    assert not clip.found and clip.faces == []


def test_an_endless_stream_gives_its_frames():
    def endless():
        for t in itertools.count():
            yield ClipFrame(draw(0), t / 25)

    class Still:
        def __call__(self, image):
            return [face_of(0, 0)]

    clip = live(Still(), frames=endless())
    for image in itertools.islice(clip.images(), 40):
        assert_shows(image, 0, 0, 2)
    assert clip.found


def test_a_stream_without_frames_and_boxes_to_keep_are_refused():
    with pytest.raises(ValueError, match="expected frames, got none"):
        list(live(frames=()).images())
    with pytest.raises(ValueError, match="faces in a video move"):
        live(selection=Selection(keep=((0.0, 0.0, 9.0, 9.0),)))
