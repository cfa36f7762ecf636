"""Drawn clips whose faces are colored squares, so that what every frame must show is known."""

from dataclasses import replace

import pytest
import torch
from colored_faces import ColorRecognizer, color_of, shape_of_a_face
from drawn_clips import (
    FRAMES,
    SIDE,
    Found,
    H,
    Jumping,
    Recolor,
    Sees,
    W,
    assert_shows,
    corner,
    draw,
    frames,
    person,
    shown,
)

from graphgan.anonymize import Anonymizer, Selection
from graphgan.anonymize.video._clips import Clip
from graphgan.anonymize.video._smooth_tracklets import _plausible
from graphgan.landmarks import Detection


def clip_of(detector=None, conditions=(2,), method=None, **options):
    anonymizer = Anonymizer(
        Recolor() if method is None else method,
        Found() if detector is None else detector,
        [person(n) for n in conditions],
        fallback=options.pop("fallback", "pixelate"),
        recognizer=ColorRecognizer(),
        selection=options.pop("selection", None),
    )
    return Clip(anonymizer, frames, key="clip", **options)


def test_every_frame_shows_somebody_else_the_same_from_first_to_last():
    clip = clip_of(conditions=(2, 3, 4, 5))
    images = list(clip.images())
    assert len(images) == FRAMES == clip.num_frames
    assert [(f.first, f.last, f.frames) for f in clip.faces] == [(0, FRAMES - 1, FRAMES)] * 2
    for number, tracked in enumerate(clip.faces):
        who = int(tracked.face.condition[1:])
        for t, image in enumerate(images):
            assert_shows(image, number, t, who)


@pytest.mark.parametrize(
    ("run", "shown_there"),
    [
        (range(8, 12), True),
        (range(8, 16), False),
        (range(3), False),
        (range(FRAMES - 3, FRAMES), False),
    ],
)
def test_frames_in_which_the_detector_misses_a_face_are_covered_too(run, shown_there):
    """By the person where there must be a face, and where there may be none by what shows none."""
    clip = clip_of(Found((t, 0) for t in run), fallback="solid")
    for t, image in enumerate(clip.images()):
        if shown_there or t not in run:
            assert_shows(image, 0, t, 2)
        else:
            assert (shown(image, 0, t) == 0).all()
        assert_shows(image, 1, t, 2)
    assert all(tracked.face.reason is None for tracked in clip.faces)
    assert [tracked.frames for tracked in clip.faces] == [FRAMES] * 2
    assert sorted(tracked.estimated for tracked in clip.faces) == [0, len(run)]


def test_all_of_every_frame_is_looked_at():
    detector = Sees(0, 1)
    assert len(clip_of(detector).faces) == 2
    assert detector.sizes == [(H, W)] * FRAMES


def test_times_that_no_camera_makes_do_not_uncover_a_face():
    """A face that moves by pixels in no time would be smoothed away from where it is."""
    assert _plausible([0.0, 0.001, 0.002]) == [0.0, 0.04, 0.08]
    assert _plausible([0.0, 0.04, 0.041]) == [0.0, 0.04, 0.041]

    def hasty():
        return (frame._replace(time=0.0) for frame in frames())

    anonymizer = Anonymizer(Recolor(), Found(), [person(2)], recognizer=ColorRecognizer())
    for t, image in enumerate(Clip(anonymizer, hasty, key="clip").images()):
        assert_shows(image, 0, t, 2)
        assert_shows(image, 1, t, 2)


def test_a_condition_that_does_not_hide_a_track_is_changed_for_all_of_it():
    for key in (1, 2):  # of which one draws the wrong person first
        anonymizer = Anonymizer(
            Recolor(), Found(), [person(0), person(2)], recognizer=ColorRecognizer(), seed=key
        )
        clip = Clip(anonymizer, frames, key="clip")
        for t, image in enumerate(clip.images()):
            assert_shows(image, 0, t, 2)
        assert clip.faces[0].face.condition == "p2"


@pytest.mark.parametrize("twins", [1, 3])
def test_a_track_that_nobody_hides_is_covered_by_the_fallback(twins):
    conditions = [replace(person(0), name=f"twin{i}") for i in range(twins)]
    anonymizer = Anonymizer(Recolor(), Found(), conditions, recognizer=ColorRecognizer())
    clip = Clip(anonymizer, frames, key="clip")
    assert [tracked.face.method for tracked in clip.faces] == ["pixelate", "recolor"]
    assert len(list(clip.images())) == FRAMES
    assert [tracked.face.reason for tracked in clip.faces] == ["still recognized", None]
    assert clip.faces[0].face.tries == twins + 1 and clip.faces[0].frames == FRAMES


class Growing(Found):
    """Person 0 as so large in each frame, person 1 as it is."""

    def __init__(self, sides):
        super().__init__()
        self.sides = sides

    def __call__(self, image):
        t, (_, other) = self.calls, super().__call__(image)
        side, (left, top) = self.sides[t], corner(0, t)
        box = torch.tensor([left, top, left + side, top + side]).float()
        return [Detection(box, shape_of_a_face() * side + box[:2]), other]


def methods_by_frame(sides, monkeypatch):
    """What covers person 0 in each frame, and what the report says of it."""
    clip = clip_of(Growing(sides))
    seen, replaced = [], clip._replacer.replace

    def spied(image, regions, **options):
        result = replaced(image, regions, **options)
        seen.append(next(face.method for one, face in result.faces if one.track == 0))
        return result

    monkeypatch.setattr(clip._replacer, "replace", spied)
    assert len(list(clip.images())) == FRAMES
    return seen, clip.faces[0].face


def test_a_track_that_is_small_throughout_is_covered_throughout(monkeypatch):
    seen, face = methods_by_frame([20.0] * FRAMES, monkeypatch)
    assert set(seen) == {"pixelate"}
    assert (face.method, face.condition, face.reason) == ("pixelate", None, "too small")


def test_a_track_that_comes_nearer_is_shown_from_24_pixels_on(monkeypatch):
    seen, face = methods_by_frame([14.0 + t for t in range(FRAMES)], monkeypatch)
    first = seen.index("recolor")
    assert 9 <= first <= 11 and seen == ["pixelate"] * first + ["recolor"] * (FRAMES - first)
    assert (face.method, face.condition, face.reason) == ("recolor", "p2", "too small")


def test_a_track_of_about_24_pixels_does_not_flicker(monkeypatch):
    seen, face = methods_by_frame([25.0 - 3 * (t % 12 > 5) for t in range(FRAMES)], monkeypatch)
    assert set(seen) == {"recolor"} and face.reason is None


class Looking(Recolor):
    """Follows eyes, which are measured with noise and open but for a blink."""

    def __init__(self):
        self.given, self.measured = [], 0

    def eye_states(self, image, landmarks):
        self.measured += 1
        openings = 0.3 - 0.15 * (10 <= self.measured <= 12)
        return torch.full((len(landmarks), 6), openings + 0.01 * (-1) ** self.measured)

    def __call__(self, faces, conditions):
        self.given.append(faces.eyes[:, 0])
        return super().__call__(faces, conditions)


def test_eyes_are_smoothed_over_a_track_and_every_frame_is_told_in_every_pass():
    method, told = Looking(), []
    clip = clip_of(Found([(5, 0)]), method=method, on_frame=told.append)
    method.given.clear()
    assert len(list(clip.images())) == FRAMES == method.measured
    assert told.count("find") == told.count("replace") == FRAMES
    assert 0 < told.count("choose") <= FRAMES
    given = torch.stack([eyes[0] for eyes in method.given])
    truth = torch.full((FRAMES,), 0.3)
    truth[9:12] = 0.15
    assert (given - truth).abs().max() < 0.008


def test_the_background_is_the_same_to_the_bit():
    for t, image in enumerate(clip_of().images()):
        changed = (image != draw(t)).any(0)
        near = torch.zeros(H, W, dtype=torch.bool)
        for number in (0, 1):
            left, top = corner(number, t)
            rows = slice(max(top - 16, 0), top + SIDE + 17)
            near[rows, max(left - 16, 0) : left + SIDE + 17] = True
        assert not (changed & ~near).any()


def test_a_person_to_keep_is_kept_in_every_frame():
    who = color_of(1).float() / 255
    clip = clip_of(selection=Selection(people=(who,), threshold=0.02))
    for t, image in enumerate(clip.images()):
        assert_shows(image, 0, t, 2)
        assert_shows(image, 1, t, 1)
    assert [tracked.face.method for tracked in clip.faces] == ["recolor", "kept"]


def test_landmarks_that_jump_for_a_frame_do_not_uncover_the_face():
    images = list(clip_of(Jumping()).images())
    for t, image in enumerate(images):
        inside = shown(image, 0, t)
        before = color_of(0).int()
        assert ((inside - before).abs().amax(1) > 5).all(), t


def test_landmarks_that_are_no_face_s_are_placed_by_the_box():
    class Missing(Found):
        def __call__(self, image):
            t = self.calls
            faces = super().__call__(image)
            if t in (4, 5):
                faces[0] = Detection(faces[0].box, torch.full((68, 2), torch.nan))
            return faces

    clip = clip_of(Missing())
    for t, image in enumerate(clip.images()):
        assert_shows(image, 0, t, 2)
    assert clip.faces[0].estimated == 2


def test_faces_without_any_landmarks_are_covered_by_the_fallback():
    class Boxes(Found):
        def __call__(self, image):
            nowhere = torch.full((68, 2), torch.nan)
            return [Detection(face.box, nowhere) for face in super().__call__(image)]

    clip = clip_of(Boxes())
    for t, image in enumerate(clip.images()):
        assert (image != draw(t)).any()
    assert "cannot be aligned" in clip.faces[0].face.remarks[0]


def test_nothing_found_is_nothing_changed():
    clip = clip_of(lambda image: [])
    assert not clip.found and clip.faces == []
    for t, image in enumerate(clip.images()):
        assert torch.equal(image, draw(t))


def test_a_clip_without_frames_and_boxes_to_keep_are_refused():
    anonymizer = Anonymizer("blur", lambda image: [], recognizer=None)
    with pytest.raises(ValueError, match="expected frames, got none"):
        Clip(anonymizer, lambda: [])
    boxes = Selection(keep=((0.0, 0.0, 9.0, 9.0),))
    with pytest.raises(ValueError, match="faces in a video move"):
        Clip(Anonymizer("blur", lambda image: [], recognizer=None, selection=boxes), frames)
