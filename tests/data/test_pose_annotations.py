import json
import math

import pytest

from graphgan.data import read_pose_annotations
from graphgan.data._pose_annotations import BadAnnotation

HEADER = "name:keypoints_y:keypoints_x\n"
Y, X = list(range(18)), [20.5 + i for i in range(18)]


@pytest.fixture
def read(tmp_path):
    def read(*lines: str, header: str = HEADER):
        path = tmp_path / "a-annotation-train.csv"
        path.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
        return read_pose_annotations(path)

    return read


def line(name: str = "a.jpg", y: object = Y, x: object = X) -> str:
    return f"{name}: {json.dumps(y)}: {json.dumps(x)}"


def test_reads_x_and_y_in_that_order(read):
    rows, problems = read(line("b.jpg"), "", line("a.jpg"))
    assert [row.image for row in rows] == ["b.jpg", "a.jpg"]
    assert rows[0].landmarks[3].tolist() == [23.5, 3.0]
    assert rows[1].where == "a-annotation-train.csv line 4"
    assert problems == []


@pytest.mark.parametrize(
    ("text", "image", "reason", "detail"),
    [
        ("a.jpg: [1, 2: [1, 2]", "a.jpg", "broken JSON", "keypoints_y: Expecting"),
        (line(x={}), "a.jpg", "broken JSON", "keypoints_x: expected a list, got {}"),
        (line(y=Y[:17]), "a.jpg", "unequal list lengths", "17 numbers of y, 18 of x"),
        (line(y=[1], x=[1]), "a.jpg", "not 18 joints", "expected 18, got 1"),
        (line(y=[math.nan, *Y[1:]]), "a.jpg", "not a number", "finite numbers, got nan"),
        (line(y=[math.inf, *Y[1:]]), "a.jpg", "not a number", "finite numbers, got inf"),
        (line(y=[10**400, *Y[1:]]), "a.jpg", "not a number", "finite numbers, got 1000"),
        (line(y=["3", *Y[1:]]), "a.jpg", "not a number", "finite numbers, got '3'"),
        (line(y=[True, *Y[1:]]), "a.jpg", "not a number", "finite numbers, got True"),
        (line(y=[None, *Y[1:]]), "a.jpg", "not a number", "finite numbers, got None"),
        (line(y=[-1] * 18), "a.jpg", "all joints missing", ""),
        ("a.jpg: [1]", "a.jpg", "not three columns", "got 2"),
        ("a.jpg: [1]: [2]: [3]", "a.jpg", "not three columns", "got 4"),
        (": [1]: [2]", None, "no name", "got ': [1]: [2]'"),
    ],
)
def test_what_says_nothing_is_a_problem_with_its_line(read, text, image, reason, detail):
    rows, (problem,) = read(line("good.jpg"), text)
    assert [row.image for row in rows] == ["good.jpg"]
    assert problem[:3] == (image, "a-annotation-train.csv line 3", reason)
    assert detail in problem.detail


def test_a_name_that_is_there_twice_keeps_its_first_line(read):
    rows, problems = read(line(), line(y=Y[::-1]))
    assert rows[0].landmarks[0, 1] == 0
    assert problems == [
        BadAnnotation(
            "a.jpg", "a-annotation-train.csv line 3", "name twice", "a.jpg is already in line 2"
        )
    ]


@pytest.mark.parametrize("header", ["", "name,keypoints_y,keypoints_x\n", "a.jpg: [1]: [2]\n"])
def test_another_header_is_refused(read, header):
    with pytest.raises(ValueError, match="expected the header 'name:keypoints_y:keypoints_x', got"):
        read(header=header)
