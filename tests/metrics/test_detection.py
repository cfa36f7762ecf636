import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.metrics import box_iou, detected, landmark_box

corner = st.integers(-4, 8)
box = st.tuples(corner, corner, st.integers(0, 6), st.integers(0, 6)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def boxes(*edges):
    return torch.tensor(edges, dtype=torch.float64).reshape(-1, 4)


def cells(edges):
    """The unit squares inside a box with whole edges."""
    left, top, right, bottom = edges
    return {(x, y) for x in range(left, right) for y in range(top, bottom)}


@given(first=st.lists(box, max_size=3), second=st.lists(box, max_size=3))
def test_iou_agrees_with_counting(first, second):
    found = box_iou(boxes(*first), boxes(*second))
    assert found.shape == (len(first), len(second))
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            union = len(cells(one) | cells(other))
            expected = len(cells(one) & cells(other)) / union if union else 0
            assert found[i, j].item() == pytest.approx(expected)


def test_landmarks_are_boxed_by_those_that_are_present():
    landmarks = torch.tensor([[1.0, 7.0], [4.0, 2.0], [99.0, torch.nan], [torch.nan, torch.nan]])
    nothing = torch.full((4, 2), torch.nan)
    found = landmark_box(torch.stack([landmarks, nothing]))
    assert found[0].tolist() == [1, 2, 4, 7]
    assert found[1].isnan().all()


TRUTH = boxes((0, 0, 10, 10))


@pytest.mark.parametrize(
    ("found", "min_iou", "expected"),
    [
        ([(0, 0, 10, 5)], 0.5, 1),
        ([(0, 0, 10, 5)], 0.51, 0),
        ([(50, 50, 60, 60), (1, 0, 10, 10)], 0.8, 1),
        ([(0, 0, 10, 4), (0, 6, 10, 10)], 0.5, 0),  # not both together
        ([(50, 50, 60, 60)], 0.0, 1),
        ([(50, 50, 60, 60)], 0.01, 0),
        ([], 0.0, 0),
    ],
)
def test_one_box_has_to_overlap_enough(found, min_iou, expected):
    assert detected([boxes(*found)], TRUTH, min_iou=min_iou).item() == expected


def test_where_the_face_is_unknown_only_any_box_can_be_asked_for():
    truth, found = torch.full((2, 4), torch.nan), [boxes((0, 0, 9, 9)), boxes()]
    assert detected(found, truth, min_iou=0.0).tolist() == [1, 0]
    assert detected(found, truth, min_iou=0.3).isnan().all()


@pytest.mark.parametrize(
    ("images", "min_iou", "message"),
    [
        (2, 0.5, "got 2 images and 1 true boxes"),
        (0, 0.5, "got 0 images and 1 true boxes"),
        (1, -0.1, "min_iou from 0 to 1, got -0.1"),
        (1, 1.5, "min_iou from 0 to 1, got 1.5"),
    ],
)
def test_refuses_others(images, min_iou, message):
    with pytest.raises(ValueError, match=message):
        detected([TRUTH] * images, TRUTH, min_iou=min_iou)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("other", "message"),
    [
        (torch.zeros(2, 5), r"shape \(n, 4\), got \(2, 5\)"),
        (torch.zeros(4), r"shape \(n, 4\), got \(4,\)"),
        (torch.zeros(2, 4, dtype=torch.long), "floating-point .*, got torch.int64"),
    ],
)
def test_refuses_what_is_no_boxes(other, message):
    for call in (
        lambda: box_iou(other, TRUTH),
        lambda: box_iou(TRUTH, other),
        lambda: detected([TRUTH], other, min_iou=0.5),
    ):
        with pytest.raises(ValueError, match=message):
            call()
