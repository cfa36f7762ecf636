import csv
import json

import pytest

from graphgan.anonymize._faces import NOT_THERE, Face
from graphgan.anonymize._report import FileReport, count_statuses, write_reports
from graphgan.anonymize._summary import tell_counts, tell_instead

FACES = (
    Face((1.04, 2.0, 30.0, 40.0), "people", "ada.jpg", 0.71234567, 2, ("as b.jpg: recognized",)),
    Face((50.0, 2.0, 80.0, 40.0), "kept"),
)
FILES = [
    FileReport("a, b.jpg", "anonymized", "photo", FACES, 1, ((0, 0), (0, 0)), 1.23456, ("note",)),
    FileReport("c.mp4", "anonymized", "video", FACES[:1], 50, ((3, 20),), 4.0),
    FileReport("d.png", "no face", "photo", frames=1),
    FileReport("caf\udce9.png", "failed", "photo", error="caf?.png: cut short"),
]


def test_json_holds_all_of_it_and_gives_it_back(tmp_path):
    write_reports(tmp_path / "report.json", FILES, {"mode": "people"})
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["about"] == {"mode": "people"}
    assert content["counts"]["faces replaced"] == 2 and content["counts"]["faces kept"] == 1
    assert content["counts"]["failed"] == content["counts"]["no face"] == 1
    back = [FileReport.from_json(file) for file in content["files"]]
    assert [file.name for file in back] == [file.name for file in FILES]
    assert back[0].faces[0].box == (1.0, 2.0, 30.0, 40.0)
    assert back[0].faces[0].distance == 0.7123 and back[0].seconds == 1.235
    assert [FileReport.from_json(file.as_json()) for file in back] == back


def test_the_table_has_a_row_a_face(tmp_path):
    write_reports(tmp_path / "report.json", FILES, {})
    with (tmp_path / "report.csv").open(newline="", errors="surrogateescape") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"] for row in rows] == [
        "a, b.jpg",
        "a, b.jpg",
        "c.mp4",
        "d.png",
        FILES[3].name,
    ]
    assert rows[0]["method"] == "people" and rows[0]["distance"] == "0.7123"
    assert (rows[2]["page"], rows[2]["frames"]) == ("3", "18")
    assert rows[3]["status"] == "no face" and rows[3]["left"] == ""
    assert rows[4]["error"] == "caf?.png: cut short"


def test_faces_of_files_that_were_not_written_do_not_count():
    """Two pages, the second without a face, and a video that failed at its end."""
    covered_ = Face(BOX, "pixelate", reason="too small")
    files = [
        FileReport("a.tif", "no face", "photo", FACES, 2, ((0, 0), (0, 0))),
        FileReport("b.mp4", "failed", "video", (covered_,), 9, ((0, 8),)),
        FileReport("c.jpg", "anonymized", "photo", FACES, 1, ((0, 0), (0, 0))),
    ]
    counts = count_statuses(files)
    assert (counts["faces replaced"], counts["faces kept"]) == (1, 1)
    assert not tell_instead(files)


def test_a_box_without_a_face_is_no_face():
    nowhere = Face(BOX, "pixelate", remarks=(NOT_THERE,))
    faces = (nowhere, Face(BOX, "kept"))
    counts = count_statuses([FileReport("a", "anonymized", "photo", faces, 1, ((0, 0),) * 2)])
    told = {key: count for key, count in counts.items() if count}
    assert told == {"anonymized": 1, "faces kept": 1, "boxes without a face": 1}
    assert tell_counts(counts) == "1 anonymized, 1 face kept, 1 box without a face"


BOX = (1.0, 2.0, 3.0, 4.0)


def covered(reason, method="pixelate", condition=None):
    return Face(BOX, method, condition, reason=reason)


@pytest.mark.parametrize(
    ("faces", "line"),
    [
        ([], ""),
        ([Face(BOX, "people", "ada"), Face(BOX, "kept"), Face(BOX, "pixelate")], ""),
        (
            [*[covered("too small")] * 2, covered("still recognized"), Face(BOX, "people", "ada")],
            "3 faces were covered by a mosaic instead: 2 too small, 1 still recognized",
        ),
        ([covered("too small")] * 2, "2 faces were covered by a mosaic instead: too small"),
        (
            [covered("turned away or unclear", "blur")],
            "1 face was covered by a blur instead: turned away or unclear",
        ),
        (
            [covered("too small"), covered("not fully covered", "solid")],
            "2 faces were covered by a flat color or a mosaic instead: "
            "1 too small, 1 not fully covered",
        ),
        (
            [covered("still recognized"), covered("too small", "people", "ada")],
            "1 face was covered by a mosaic instead: still recognized; "
            "1 face was covered in some frames: too small",
        ),
    ],
)
def test_what_was_covered_instead_is_told_in_one_line(faces, line):
    places = ((0, 0),) * len(faces)
    report = FileReport("a", "anonymized", "photo", tuple(faces), 1, places)
    assert tell_instead([report, FILES[2]]) == line
    back = FileReport.from_json(json.loads(json.dumps(report.as_json())))
    assert tell_instead([back]) == line


def test_the_table_says_why_a_face_was_covered(tmp_path):
    report = FileReport(
        "a", "anonymized", "photo", (covered("too small"), FACES[0]), 1, ((0, 0),) * 2
    )
    write_reports(tmp_path / "report.json", [report, *FILES], {})
    with (tmp_path / "report.csv").open(newline="", errors="surrogateescape") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["reason"] for row in rows[:3]] == ["too small", "", ""]
    assert rows[-1]["error"] == "caf?.png: cut short"


@pytest.mark.parametrize("content", [{}, {"name": "a"}, {**FILES[0].as_json(), "faces": [{}]}])
def test_what_is_no_report_is_refused(content):
    with pytest.raises(ValueError, match="expected a file's report"):
        FileReport.from_json(content)
