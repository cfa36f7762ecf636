import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import line

from graphgan.landmarks import CIAGAN_29, draw_lines
from graphgan.landmarks._schemes import CIAGAN_29_INDICES

HEIGHT, WIDTH = 12, 17


def drawn(points, lines, size=(HEIGHT, WIDTH)):
    """Where there is a line, as a mask."""
    drawing = draw_lines(torch.tensor([points], dtype=torch.float32), lines, size)
    assert drawing.shape == (1, 3, *size)
    assert torch.equal(drawing[0, 0], drawing[0, 1])
    assert (drawing[0, 2] == 1).all()
    assert set(drawing[0, 0].unique().tolist()) <= {-1.0, 1.0}
    return drawing[0, 0] == -1


def pixels(mask):
    return {tuple(pixel) for pixel in torch.nonzero(mask).tolist()}


inside = st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1))
anywhere = st.tuples(st.integers(-40, 40), st.integers(-40, 40))


def ties(start, end):
    """Pixels whose center lies exactly half a pixel from the line: either neighbor will do."""
    (x0, y0), (x1, y1) = start, end
    flat = abs(x1 - x0) >= abs(y1 - y0)
    (m0, n0, m1, n1) = (x0, y0, x1, y1) if flat else (y0, x0, y1, x1)
    found = set()
    for m in range(min(m0, m1), max(m0, m1) + 1):
        doubled = 2 * (m - m0) * (n1 - n0)
        if m1 != m0 and doubled % (m1 - m0) == 0 and doubled // (m1 - m0) % 2:
            low = n0 + (doubled // (m1 - m0) - 1) // 2
            found |= {(low, m), (low + 1, m)} if flat else {(m, low), (m, low + 1)}
    return found


@given(inside, inside)
def test_a_line_is_bresenham_s(start, end):
    ours = pixels(drawn([start, end], [(0, 1)]))
    rows, columns = line(start[1], start[0], end[1], end[0])
    theirs = set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert ours ^ theirs <= ties(start, end)
    assert len(ours) == len(theirs)


@given(anywhere, anywhere)
def test_what_lies_outside_is_cut_off(start, end):
    ours = pixels(drawn([start, end], [(0, 1)]))
    rows, columns = line(start[1], start[0], end[1], end[0])
    theirs = {
        (y, x)
        for y, x in zip(rows.tolist(), columns.tolist(), strict=True)
        if 0 <= y < HEIGHT and 0 <= x < WIDTH
    }
    assert ours ^ theirs <= ties(start, end)


@given(st.lists(st.tuples(anywhere, anywhere), min_size=1, max_size=5))
def test_several_lines_are_laid_over_each_other(segments):
    points = [point for segment in segments for point in segment]
    lines = [(2 * i, 2 * i + 1) for i in range(len(segments))]
    each = [drawn(segment, [(0, 1)]) for segment in segments]
    assert torch.equal(drawn(points, lines), torch.stack(each).any(0))


def test_a_missing_end_leaves_its_lines_out():
    nan = float("nan")
    mask = drawn([(0, 0), (nan, nan), (5, 5), (5, 8)], [(0, 1), (1, 2), (2, 3)])
    assert pixels(mask) == {(5, 5), (6, 5), (7, 5), (8, 5)}


def test_a_batch_is_its_items(drawn_faces):
    landmarks = torch.stack([face.landmarks for face in drawn_faces])[:, CIAGAN_29_INDICES]
    together = draw_lines(landmarks, CIAGAN_29, (64, 64))
    alone = [draw_lines(points[None], CIAGAN_29, (64, 64)) for points in landmarks]
    assert torch.equal(together, torch.cat(alone))
    # 16 lines of the jaw, 3 of the nose, 8 of the lips
    assert len(CIAGAN_29.edges) == 27
    assert all(40 < (drawing[0] == -1).sum() < 250 for drawing in together)
    for points, drawing in zip(landmarks, together, strict=True):
        x, y = points.round().long().unbind(-1)
        assert (drawing[0, y.clamp(0, 63), x.clamp(0, 63)] == -1).all()


@pytest.mark.parametrize("lines", [[(0, 2)], [(-1, 0)], CIAGAN_29])
def test_lines_between_landmarks_that_there_are_not(lines):
    with pytest.raises(ValueError, match="expected lines between landmarks 0 and 1, got"):
        draw_lines(torch.zeros(1, 2, 2), lines, (4, 4))
