"""The page on own data: its snippet and its commands as they stand there."""

import re
from pathlib import Path

import check
import numpy as np
import prepare
import pytest
import torch
import train
from running import run_here

from graphgan.commands import run_command
from graphgan.data import PreparedPictures, SyntheticPersons, read_image, write_image
from graphgan.landmarks import OPENPOSE_18_JOINTS, to_openpose_18

PAGE = Path(prepare.__file__).with_name("OWN_DATA.md").read_text()
COCO = [
    *("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder"),
    *("right shoulder", "left elbow", "right elbow", "left wrist", "right wrist", "left hip"),
    *("right hip", "left knee", "right knee", "left ankle", "right ankle"),
]


@pytest.fixture
def people(tmp_path, monkeypatch):
    """Ten photos of five people in ``photos``, and their key points as a detector gives them."""
    monkeypatch.chdir(tmp_path)
    persons = SyntheticPersons(5, 2, size=(180, 140))
    people = {}
    for i in range(len(persons)):
        image, joints = persons[i]
        name = f"p{i // 2}/{i % 2}.png"
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        write_image(Path("photos", name), image)
        points = joints[[OPENPOSE_18_JOINTS.index(joint) for joint in COCO]]
        confidence = torch.where(points.isnan().any(1), 0.0, 0.9)
        people[name] = torch.cat([points.nan_to_num(0), confidence[:, None]], dim=1).numpy()
    return people


def write_file(people):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(block, {"people": people})


def flags_of(command):
    """Those that the page gives to a command, where it names it last."""
    *_, line = re.findall(rf"python recipes/bigraphgan/{command}\.py((?:\\\n|[^\n])*)", PAGE)
    return line.replace("\\\n", " ").split()


def run(module, command):
    """A command of the page, as it stands there, with one process."""
    flags = flags_of(command)
    workers = ["--workers", "1"] if command == "prepare" else []
    with pytest.raises(SystemExit) as exit_:
        run_command(module.main, module.Options, [*flags, *workers], positional=module is check)
    return exit_.value.code


def test_ten_photos_become_a_folder_that_passes(people, capsys):
    write_file(people)
    assert run(prepare, "prepare") == 0
    assert run(check, "check") == 0
    assert "PROBLEM" not in capsys.readouterr().out
    assert Path("runs/check/mine/contact_sheet.png").is_file()
    persons = PreparedPictures("prepared/mine")
    assert len(persons) == 10
    assert persons.size == (128, 64)
    first = torch.from_numpy(people["p0/0.png"])
    first = torch.where(first[:, 2:] > 0, first[:, :2], torch.nan)[None]
    back = persons.pictures[0].crop.to_image(persons[0].landmarks, persons.size)
    expected = to_openpose_18(first, "coco-17")[0].float()
    torch.testing.assert_close(back, expected, atol=1e-3, rtol=0, equal_nan=True)


def test_training_on_them_draws_a_sheet_where_the_page_says(people, monkeypatch, capsys):
    write_file(people)
    assert run(prepare, "prepare") == 0
    small = [
        "--width",
        "4",
        "--blocks",
        "1",
        "--discriminator-width",
        "4",
        "--steps",
        "1",
        "--device",
        "cpu",
    ]
    arguments = [*flags_of("train"), *small, "--precision", "32-true"]
    result = run_here(train.main, *arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert result.status == 0, result.errors
    (sheet,) = Path("runs").glob("bigraphgan-smoke-*/sheets/*.png")
    assert read_image(sheet).float().std() > 20


def test_the_triples_of_openpose_become_rows_too(people):
    write_file({"a.png": [1.0, 2.0, 0.9, 0.0, 0.0, 0.0]})
    assert Path("keypoints.csv").read_text().splitlines() == [
        "image,x0,y0,x1,y1",
        "a.png,1.0,2.0,nan,nan",
    ]


@pytest.mark.parametrize(
    ("column", "layout", "count"),
    [(2, "openpose-18", 18), (3, "openpose-25", 25), (4, "coco-17", 17)],
)
def test_the_table_names_the_points_as_the_conversion_reads_them(column, layout, count):
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| x")]
    names = [name for row in rows if (name := row[column].strip())]
    names += names[-1:] * (count - len(names))  # the feet are one row
    points = torch.from_numpy(np.arange(2.0 * count).reshape(1, count, 2))
    joints = to_openpose_18(points, layout)[0]
    for joint, name in zip(joints, OPENPOSE_18_JOINTS, strict=True):
        if name in names:
            assert torch.equal(joint, points[0, names.index(name)]), name
        else:
            assert (layout, name) == ("coco-17", "neck")
