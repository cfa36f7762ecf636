import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.anonymize.video import Observation, Track, Tracker, fill

ANNA, BERT = torch.eye(2)[0] * 0.7, torch.eye(2)[1] * 0.7  # 0.99 apart: two people


def face(
    x: float, y: float = 100.0, *, side: float = 80.0, descriptor: torch.Tensor | None = None
) -> Observation:
    """A face whose middle is at (x, y), with five landmarks in it."""
    half = side / 2
    box = torch.tensor([x - half, y - half, x + half, y + half])
    shape = torch.tensor([[-0.2, -0.2], [0.2, -0.2], [0.0, 0.0], [-0.15, 0.2], [0.15, 0.2]])
    return Observation(box, side * shape + torch.tensor([x, y]), descriptor)


def track(xs: dict[int, float]) -> Track:
    made = Track(0)
    for frame, x in xs.items():
        made.add(frame, face(x))
    return made


# Linking


def test_faces_keep_their_numbers_in_any_order():
    tracker = Tracker()
    assert tracker.update(0, [face(100), face(300)]) == [0, 1]
    assert tracker.update(1, [face(303), face(104)]) == [1, 0]
    assert tracker.update(2, []) == []
    assert tracker.update(3, [face(500), face(110), face(306)]) == [2, 0, 1]


def test_a_fast_face_is_found_where_its_motion_leads():
    tracker = Tracker()
    for t in range(12):
        # Half of its width in the first step, almost four widths in the last.
        assert tracker.update(t, [face(40 * t + 12 * t * (t - 1))]) == [0]
    assert len(tracker.tracks[0].observations) == 12


def test_a_face_that_vanishes_on_its_way_is_taken_up_where_it_should_be():
    tracker = Tracker(max_gap=10)
    for t in range(5):
        tracker.update(t, [face(20.0 * t)])
    assert tracker.update(14, [face(20.0 * 14)]) == [0]
    assert tracker.update(25, [face(20.0 * 14)]) == [0]  # or where it was last, if it stopped
    assert tracker.update(37, [face(20.0 * 14)]) == [1]  # 11 frames are too long a gap


def test_two_faces_of_a_frame_are_never_one_track():
    tracker = Tracker()
    tracker.update(0, [face(100, descriptor=ANNA)])
    numbers = tracker.update(1, [face(100, descriptor=ANNA), face(101, descriptor=ANNA)])
    assert sorted(numbers) == [0, 1]


@given(seed=st.integers(0, 10**6))
def test_whatever_comes_every_face_has_one_track_and_every_track_one_face(seed):
    rng = np.random.default_rng(seed)
    tracker, seen = Tracker(max_gap=3), 0
    for t in np.cumsum(rng.integers(1, 4, 15)).tolist():
        faces = []
        for _ in range(rng.integers(0, 5)):
            descriptor = torch.from_numpy(rng.normal(0, 0.4, 3)) if rng.random() < 0.5 else None
            side = float(rng.uniform(40, 120))
            faces.append(face(*rng.uniform(0, 200, 2).tolist(), side=side, descriptor=descriptor))
        numbers = tracker.update(t, faces)
        assert len(set(numbers)) == len(faces)
        for number, found in zip(numbers, faces, strict=True):
            assert torch.equal(tracker.tracks[number].observations[t].box, found.box)
        seen += len(faces)
    assert sum(len(track.observations) for track in tracker.tracks) == seen


def test_what_is_forgotten_changes_nothing_in_sight():
    whole, short = Tracker(max_gap=4), Tracker(max_gap=4)
    for t in range(60):
        faces = [face(100 + 9 * t), face(900 - 7 * t, 400)][: 1 if t % 13 < 3 else 2]
        assert whole.update(t, faces) == short.update(t, faces)
        short.forget(t - 10, most=0)
        for track in short.tracks:
            assert len(track.observations) <= 11
            full = whole.tracks[track.number]
            for number in range(t - 5, t + 1):
                ours, theirs = (
                    fill(one, max_gap=4, hold=2, first=number, last=number) for one in (track, full)
                )
                assert len(ours) == len(theirs)
                for mine, other in zip(ours, theirs, strict=True):
                    assert torch.allclose(mine.landmarks, other.landmarks)
    assert sum(len(track.observations) for track in short.tracks) <= 22


def test_only_those_who_were_seen_last_are_known_when_they_come_back():
    tracker = Tracker(max_gap=1)
    people = [axis for axis in torch.eye(4)]
    for t, who in enumerate(people):
        assert tracker.update(10 * t, [face(300.0 * t, descriptor=who)]) == [t]
        tracker.forget(10 * t, most=2)
    assert [track.number for track in tracker.tracks] == [1, 2, 3]
    assert tracker.update(50, [face(0.0, descriptor=people[1])]) == [1]
    assert tracker.update(60, [face(0.0, descriptor=people[0])]) == [4]


@pytest.mark.parametrize("described", [False, True])
def test_two_people_who_cross_keep_their_numbers(described):
    tracker = Tracker()
    anna, bert = (ANNA, BERT) if described else (None, None)
    for t in range(30):
        left, right = face(100 + 8 * t, descriptor=anna), face(332 - 8 * t, descriptor=bert)
        faces, expected = ([left, right], [0, 1]) if t % 2 else ([right, left], [1, 0])
        if t == 0:
            faces, expected = [left, right], [0, 1]
        if t in (14, 15):  # one hides the other
            faces, expected = [left], [0]
        assert tracker.update(t, faces) == expected


def test_people_who_turn_round_where_they_meet_need_descriptors():
    for described, expected in ((True, [0, 1]), (False, [1, 0])):
        tracker = Tracker()
        for t in range(31):
            step = min(t, 30 - t) if t < 13 or t > 17 else None  # unseen while they touch
            if step is None:
                continue
            anna, bert = (ANNA, BERT) if described else (None, None)
            numbers = tracker.update(
                t, [face(100 + 8 * step, descriptor=anna), face(340 - 8 * step, descriptor=bert)]
            )
            assert numbers == (expected if t > 17 else [0, 1])


def test_who_comes_back_is_known_by_the_descriptor_alone():
    tracker = Tracker(max_gap=5)
    tracker.update(0, [face(100, descriptor=ANNA)])
    tracker.update(1, [face(300, descriptor=BERT)])
    near = 0.1 * torch.ones(2)
    assert tracker.update(100, [face(900, 700, descriptor=BERT + near)]) == [1]
    assert tracker.update(101, [face(300, descriptor=ANNA + near), face(100)]) == [0, 2]


def test_a_cut_to_another_person_at_the_same_place_begins_a_track():
    tracker = Tracker()
    assert tracker.update(0, [face(100, descriptor=ANNA)]) == [0]
    assert tracker.update(1, [face(100, descriptor=BERT)]) == [1]


def test_a_blurred_face_in_its_place_is_still_the_same():
    blurred = ANNA + torch.tensor([0.0, 0.7])  # beyond 0.6, below 0.8
    tracker = Tracker()
    tracker.update(0, [face(100, descriptor=ANNA)])
    assert tracker.update(1, [face(104, descriptor=blurred)]) == [0]
    elsewhere = Tracker()
    elsewhere.update(0, [face(100, descriptor=ANNA)])
    assert elsewhere.update(1, [face(400, descriptor=blurred)]) == [1]


def test_a_track_keeps_coordinates_and_one_mean_descriptor():
    tracker = Tracker()
    descriptors = ANNA + 0.05 * torch.randn(6, 2)
    for t, descriptor in enumerate(descriptors):
        tracker.update(t, [face(100, descriptor=descriptor)])
    kept = tracker.tracks[0]
    assert all(observation.descriptor is None for observation in kept.observations.values())
    torch.testing.assert_close(kept.descriptor, descriptors.mean(0))


@given(scale=st.floats(0.1, 10), x=st.floats(-1e3, 1e3), seed=st.integers(0, 10**6))
def test_numbers_do_not_depend_on_the_scale_of_the_picture(scale, x, seed):
    rng = np.random.default_rng(seed)
    small, large = Tracker(), Tracker()
    for t in range(8):
        places = rng.uniform(0, 300, (rng.integers(0, 4), 2)).tolist()
        moved = [face(scale * a + x, scale * b, side=scale * 80) for a, b in places]
        assert small.update(t, [face(a, b) for a, b in places]) == large.update(t, moved)


def test_frames_only_go_forwards_and_boxes_have_an_area():
    tracker = Tracker()
    tracker.update(5, [face(100)])
    with pytest.raises(ValueError, match="a frame after 5, got 5"):
        tracker.update(5, [face(100)])
    flat = Observation(torch.tensor([0.0, 0.0, 10.0, 0.0]), torch.rand(5, 2))
    with pytest.raises(ValueError, match=r"top < bottom, got \[0\.0, 0\.0, 10\.0, 0\.0\]"):
        tracker.update(6, [flat])
    assert tracker.update(6, [face(100)]) == [0]  # what was refused has left nothing behind


def test_refuses_a_gap_below_a_frame():
    with pytest.raises(ValueError, match="max_gap of at least 1, got 0"):
        Tracker(max_gap=0)


# Filling


def test_every_frame_between_and_around_is_covered():
    (filled,) = fill(track({10: 100.0, 11: 102.0, 14: 108.0}), hold=3)
    assert filled.frames.tolist() == list(range(7, 18))
    assert filled.observed.nonzero().flatten().tolist() == [3, 4, 7]
    assert filled.frames[filled.held].tolist() == [7, 8, 9, 15, 16, 17]
    # Two pixels a frame all the way, those that are held included.
    expected = torch.stack([face(80.0 + 2 * t).landmarks for t in range(7, 18)])
    torch.testing.assert_close(filled.landmarks, expected)
    torch.testing.assert_close(
        filled.boxes, torch.stack([face(80.0 + 2 * t).box for t in range(7, 18)])
    )


def test_a_long_gap_divides_a_track_and_both_ends_are_held():
    before, after = fill(track({0: 100.0, 20: 500.0}), max_gap=5, hold=2, first=0, last=21)
    assert before.frames.tolist() == [0, 1, 2] and after.frames.tolist() == [18, 19, 20, 21]
    assert before.held.tolist() == [False, True, True]
    assert after.held.tolist() == [True, True, False, True]
    assert before.landmarks.eq(face(100.0).landmarks).all()
    assert after.landmarks.eq(face(500.0).landmarks).all()


@pytest.mark.parametrize("gap", [6, 7])
def test_frames_between_two_stays_belong_to_the_nearer(gap):
    before, after = fill(track({0: 100.0, gap + 1: 500.0}), max_gap=5, hold=5, first=0, last=gap)
    assert before.frames.tolist() == list(range((gap + 1) // 2 + 1))
    assert after.frames.tolist() == list(range((gap + 1) // 2 + 1, gap + 1))


def test_a_hasty_face_is_carried_no_farther_than_its_side():
    (filled,) = fill(track({0: 0.0, 1: 60.0}), hold=10, first=0)
    moved = filled.landmarks[2:, 0, 0] - filled.landmarks[1, 0, 0]
    torch.testing.assert_close(moved, torch.tensor([60.0] + 9 * [80.0]))


def test_only_the_nearest_observations_say_how_a_face_moved():
    """It stands for long, then goes: it is carried on as it went at last."""
    xs = {t: 100.0 for t in range(20)} | {t: 100.0 + 3 * (t - 19) for t in range(20, 30)}
    (filled,) = fill(track(xs), hold=4)
    steps = filled.landmarks[:, 0, 0].diff()
    torch.testing.assert_close(steps[:4], torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(steps[-4:], torch.full((4,), 3.0), atol=1e-4, rtol=0)


def test_landmarks_that_were_not_found_are_placed_by_the_box():
    made = track({0: 100.0})
    larger = face(200.0, side=160.0)
    made.add(30, Observation(larger.box, torch.full((5, 2), math.nan)))
    before, after = fill(made, max_gap=3, hold=0)
    assert before.observed.tolist() == [True] and after.observed.tolist() == [False]
    torch.testing.assert_close(after.landmarks[0], larger.landmarks)


def test_a_track_without_any_landmarks_still_has_its_boxes():
    made = Track(0)
    for t in (0, 3):
        made.add(t, Observation(face(100.0 + t).box, torch.full((5, 2), math.nan)))
    (filled,) = fill(made, hold=1)
    assert filled.landmarks.isnan().all() and not filled.observed.any()
    torch.testing.assert_close(filled.boxes[:, 0], torch.arange(59.0, 65.0))


@given(
    frames=st.sets(st.integers(0, 80), min_size=1, max_size=12),
    max_gap=st.integers(0, 20),
    hold=st.integers(0, 8),
    seed=st.integers(0, 10**6),
)
def test_frames_are_covered_as_the_definition_says(frames, max_gap, hold, seed):
    rng = np.random.default_rng(seed)
    made = track({t: float(rng.uniform(0, 500)) for t in sorted(frames)})
    tracklets = fill(made, max_gap=max_gap, hold=hold, first=0, last=80)
    expected = {}
    for t in range(81):
        before, after = [s for s in frames if s <= t], [s for s in frames if s >= t]
        bridged = before and after and min(after) - max(before) - 1 <= max_gap
        if bridged or min(abs(t - s) for s in frames) <= hold:
            long = bridged and min(after) - max(before) - 1 > hold
            expected[t] = t not in frames and (not bridged or long)
    covered = [t for stay in tracklets for t in stay.frames.tolist()]
    held = [flag for stay in tracklets for flag in stay.held.tolist()]
    assert dict(zip(covered, held, strict=True)) == expected
    assert len(covered) == len(expected)  # no frame twice
    for stay in tracklets:
        assert stay.frames.diff().eq(1).all()
        assert stay.landmarks.isfinite().all() and stay.boxes.isfinite().all()
        for t, marks in zip(stay.frames.tolist(), stay.landmarks, strict=True):
            if t in frames:
                assert torch.equal(marks, made.observations[t].landmarks)


@given(seed=st.integers(0, 10**6))
def test_time_that_runs_backwards_reverses_the_filling(seed):
    rng = np.random.default_rng(seed)
    frames = sorted(rng.choice(40, 8, replace=False).tolist())
    xs = {t: float(x) for t, x in zip(frames, rng.uniform(0, 300, 8), strict=True)}
    back = {-t: xs[t] for t in reversed(frames)}
    (ours,), (theirs,) = fill(track(xs), max_gap=40), fill(track(back), max_gap=40)
    assert ours.frames.tolist() == (-theirs.frames.flip(0)).tolist()
    torch.testing.assert_close(ours.landmarks, theirs.landmarks.flip(0), atol=1e-2, rtol=0)
    torch.testing.assert_close(ours.boxes, theirs.boxes.flip(0), atol=1e-2, rtol=0)


def test_frames_beyond_the_video_are_left_out():
    made = track({10: 100.0, 11: 102.0})
    assert fill(made, first=9, last=12)[0].frames.tolist() == [9, 10, 11, 12]
    assert fill(made, first=30) == []


def test_refuses_to_fill_nothing_and_negative_lengths():
    with pytest.raises(ValueError, match="observations in track 7, got none"):
        fill(Track(7))
    with pytest.raises(ValueError, match="at least 0, got 3 and -1"):
        fill(track({0: 1.0}), max_gap=3, hold=-1)
