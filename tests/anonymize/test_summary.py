from pathlib import Path

import pytest

from graphgan.anonymize._faces import NOT_THERE, Face
from graphgan.anonymize._report import FileReport
from graphgan.anonymize._summary import as_printed, name_files, tell_problems, tell_summary

REPORT = Path("out/report.json")


def failed(name, why):
    return FileReport(name, "failed", error=f"{name}: {why}")


def test_what_is_alike_is_told_once():
    icons = [FileReport(f"icons/{i:04}.png", "no face", "photo") for i in range(1220)]
    assert tell_summary(icons, REPORT) == [
        "no face found, not copied: 1,220 files (first: icons/0000.png) (--copy-unmatched copies "
        "them)",
        "1,220 without a face; report in out/report.json",
    ]
    errors = [failed(f"{i}.cr2", "of a kind that cannot be opened") for i in range(99)]
    assert tell_problems([*errors, failed("a.jpg", "cut short"), failed("b.jpg", "cut short")]) == [
        "error: 99 files (first: 0.cr2): of a kind that cannot be opened",
        "error: a.jpg, b.jpg: cut short",
    ]


def test_of_errors_that_differ_the_first_are_told():
    lines = tell_problems([failed(f"{i}.jpg", f"damaged at {i}") for i in range(50)])
    assert len(lines) == 21 and lines[19] == "error: 19.jpg: damaged at 19"
    assert lines[20] == "error: 30 more files; see the report"


def test_warnings_and_boxes_without_a_face_are_told():
    face = Face((10.0, 20.5, 30.0, 40.0), "pixelate", remarks=(NOT_THERE,))
    files = [
        FileReport("a.jpg", "anonymized", "photo", (face,), 1, ((0, 0),)),
        FileReport("b.mkv", "anonymized", "video", warnings=("sound as AAC",)),
        FileReport("c.mkv", "anonymized", "video", warnings=("sound as AAC",)),
    ]
    assert tell_problems(files) == [
        "warning: a.jpg: no face in --only 10,20.5,30,40, which was covered; the other faces are "
        "still visible",
        "warning: b.mkv, c.mkv: sound as AAC",
    ]


def test_what_was_left_out_is_one_line():
    why = {"a.txt": "no photo", ".b": "hidden", "c.txt": "no photo"}
    files = [FileReport(name, "left out", error=reason) for name, reason in why.items()]
    first, last = tell_summary(files, REPORT)
    assert first == "left out: no photo: a.txt, c.txt; hidden: .b"
    assert last == "3 left out; report in out/report.json"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("caf\u00e9.jpg", "caf\u00e9.jpg"), ("a\nb.jpg", r"a\nb.jpg"), ("\x1b[2J", r"\x1b[2J"),
     ("a\udcff.jpg", r"a\udcff.jpg")],
)  # fmt: skip
def test_names_cannot_write_on_the_screen(name, shown):
    assert as_printed(name) == name_files([name]) == shown
