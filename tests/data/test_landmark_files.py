import math

import pytest

from graphgan.data import read_landmarks

HEADER = "image,x0,y0,x1,y1\n"


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes):
        path = tmp_path / "faces.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_landmarks(path)

    return read


def test_reads_rows_in_their_order(read):
    b, a = read(HEADER + "b.jpg,1,2.5,-3,4e1\na.jpg,0,0,1,1\n")
    assert (b.image, a.image) == ("b.jpg", "a.jpg")
    assert b.landmarks.tolist() == [[1, 2.5], [-3, 40]]


def test_blank_lines_byte_order_marks_and_quotes_are_no_matter(read):
    (row,) = read('\ufeffimage,x0,y0\r\n\r\n"a, b.jpg",1,2\r\n\r\n')
    assert row.image == "a, b.jpg"


def test_a_landmark_may_be_missing(read):
    (row,) = read(HEADER + "a.jpg,,,nan,NaN\n")
    assert row.landmarks.isnan().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        (HEADER, "only a header"),
        ("x0,y0\n1,2\n", "line 1: column image is missing"),
        ("image\na.jpg\n", "line 1: column x0 is missing"),
        ("image,x0,y0,x1\na.jpg,1,2,3\n", "line 1: column y1 is missing"),
        ("image,x0,y0,x2,y2\na.jpg,1,2,3,4\n", "line 1: column x1 is missing"),
        ("image,x0,y0,x0\na.jpg,1,2,3\n", "line 1: column x0 appears 2 times"),
        (HEADER + "a.jpg,1,2,3\n", "line 2: expected 5 values, got 4"),
        (HEADER + "a.jpg,1,2,3,4,5\n", "line 2: expected 5 values, got 6"),
        (HEADER + "a.jpg,1,2,3,4\nb.jpg,1,x,3,4\n", "line 3: y0: expected a number, got 'x'"),
        (HEADER + "a.jpg,1,2,3,inf\n", "line 2: y1: expected a finite number"),
        (HEADER + "a.jpg,1,nan,3,4\n", "line 2: one of x0 and y0 is missing"),
        (HEADER + "a.jpg,1,2,,4\n", "line 2: one of x1 and y1 is missing"),
        (HEADER + ",1,2,3,4\n", "line 2: the image has no name"),
        (HEADER + "a.jpg,1,2,3,4\n" * 2, "line 3: image a.jpg is already in line 2"),
        (HEADER + '"a.jpg,1,2,3,4\n', "unexpected end of data"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(read, text, message):
    with pytest.raises(ValueError, match=r"faces\.csv: ") as error:
        read(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_names_of_any_bytes_are_kept(read):
    (row,) = read(b"image,x0,y0\n\xe9t\xe9.jpg,1,2\n")
    assert row.image.encode(errors="surrogateescape") == b"\xe9t\xe9.jpg"
    assert not math.isnan(row.landmarks[0, 0])
