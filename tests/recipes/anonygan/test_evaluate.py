"""The command that compares systems."""

import csv
import json
import sys
from pathlib import Path

import evaluate
import pytest
import torch
from colored_faces import colored_folder
from running import failure

from graphgan.data import PreparedPictures, write_image
from graphgan.data._tables import write_table
from graphgan.faces import MTCNN, InceptionResnetV1
from graphgan.landmarks import CIAGAN_29
from graphgan.models import AnonyGAN, CIAGANGenerator, LandmarkGenerator


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Colored faces: no detector finds one, which a report has to cope with."""
    return colored_folder(tmp_path_factory.mktemp("faces"), people=4, frames=2, test_people=2)


@pytest.fixture(scope="module")
def networks(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    model = AnonyGAN(LandmarkGenerator(3, 29, width=4, num_blocks=1))
    model.save_pretrained(folder / "anonygan.safetensors")
    ciagan = CIAGANGenerator(2, width=4, num_blocks=1, size=64, people=("p0", "p1"))
    ciagan.save_pretrained(folder / "ciagan.safetensors")
    return folder


@pytest.fixture
def run(run_of, data, tmp_path):
    usual = {"data": data, "out": tmp_path / "out", "cache": tmp_path / "cache"}

    def run(*systems, **changes):
        words = [f"--{n.replace('_', '-')}={value}" for n, value in (usual | changes).items()]
        return run_of(evaluate, *words, "--workers=1", "--systems", *systems)

    return run


@pytest.mark.slow
def test_every_kind_of_system_stands_in_one_table(run, data, networks, tmp_path):
    pictures = PreparedPictures(data)
    (tmp_path / "theirs").mkdir()
    for i, name in enumerate(pictures.names):
        write_image(tmp_path / "theirs" / f"{name}.png", pictures[i].image)
    result = run(
        "original",
        "blur",
        "pixelate",
        f"anonygan:small={networks}/anonygan.safetensors",
        f"ciagan={networks}/ciagan.safetensors",
        f"folder={tmp_path}/theirs",
        conditions="drawn",
        condition_split="train",
    )
    assert result.status == 0, result.errors
    out = tmp_path / "out"
    with (out / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ["original", "blur", "pixelate", "small", "ciagan", "theirs"]
    assert list(dict.fromkeys(row["system"] for row in rows)) == names
    assert not [row for row in rows if "nan" in row["value"].lower()]
    assert all(row["value"] or row["note"] for row in rows)
    assert (out / "sheet.png").is_file() and (out / "pairs.csv").is_file()
    found = {(row["system"], row["metric"]): row for row in rows}
    likeness = found["ciagan", "dlib-resnet: nearer to the condition"]
    assert likeness["value"]  # conditions are people that it was trained on
    assert "| faces found again, % |" in result.out or "Not measured: faces" in result.out
    assert "## Strengths" in result.out
    frechet = found["original", "FD-dlib-resnet"]
    assert "expected" in frechet["note"] and not frechet["value"]  # fewer images than numbers


@pytest.mark.slow
def test_it_runs_without_dlib(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    assert run("original").status == 0
    facts = json.loads((tmp_path / "out" / "report.json").read_text())["facts"]
    assert facts["detectors"] == ["centerface"]
    assert facts["landmarker"] == "face-mesh"
    assert facts["recognizers"] == ["dlib-resnet"]
    result = run("original", detector="dlib")
    assert result.status != 0 and "graphgan[dlib]" in result.errors[0]


@pytest.mark.slow
def test_the_tools_that_are_named_are_asked(run, tmp_path):
    torch.manual_seed(0)
    torch.save(MTCNN().state_dict(), tmp_path / "mtcnn.pt")
    casia = "20180408-102900-casia-webface"
    torch.save(InceptionResnetV1(3).state_dict(), tmp_path / f"{casia}.pt")
    weights = {"mtcnn": tmp_path / "mtcnn.pt", "facenet": tmp_path / f"{casia}.pt"}
    theirs = Path(evaluate.__file__).with_name("published.csv")
    result = run("original", detector="dlib", landmarker="dlib", published=theirs, **weights)
    assert result.status == 0, result.errors
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["facts"]["detectors"] == ["dlib", "MTCNN"]
    assert content["facts"]["landmarker"] == "dlib"
    assert content["facts"]["recognizers"] == ["dlib-resnet", f"FaceNet {casia}"]
    row = content["systems"]["original"]
    assert row["detected by dlib"]["value"] == 0
    assert row[f"FaceNet {casia}: same class as the source"]["value"] == 1
    # The paper's figures of what was measured stand below ours, table 1's score and not table 2's.
    text = (tmp_path / "out" / "report.md").read_text()
    source = "(Dall'Asen et al., ICIAP 2021, table 1)"
    for line in ("| *1* | *28* |", "| *0.28* |"):
        assert f"| *Pixelation, CelebA* {source} {line}\n" in text
    assert "*AnonyGAN 68, LFW* (Dall'Asen et al., ICIAP 2021, table 2) | *100* | *100* |" in text


@pytest.mark.slow
def test_the_same_pairs_are_asked_of_another_system(run, data, tmp_path):
    assert run("original", seed=4).status == 0
    first = (tmp_path / "out" / "pairs.csv").read_text()
    again = run("blur", pairs=tmp_path / "out" / "pairs.csv", out=tmp_path / "again")
    assert again.status == 0, again.errors
    assert (tmp_path / "again" / "pairs.csv").read_text() == first


@pytest.mark.slow
def test_every_picture_is_measured_and_the_others_are_counted(run, tmp_path):
    """Two people of four photos each: detection is asked of all eight, recognition of four."""
    result = run("original", "blur", false_accept_rates="0.01")
    assert result.status == 0, result.errors
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["facts"]["probes"] == 8
    assert content["systems"]["blur"]["detected by centerface"]["count"] == 8
    assert content["systems"]["blur"]["dlib-resnet, pose known: rank-1"]["count"] == 4
    assert "uses 4 of 8 probes; excluded: " in result.out
    text = (tmp_path / "out" / "report.md").read_text()
    first = text.partition("Measured on 8 images of 2 people")[0]
    assert "only 2 people: intervals are wide" in first
    assert "dlib-resnet is the only recognizer here" in first


@pytest.mark.slow
def test_fewer_parrot_images_leave_more_to_ask_and_pictures_may_stay_unpasted(
    run, networks, tmp_path
):
    result = run(f"anonygan={networks}/anonygan.safetensors", parrot_images=1, paste="none")
    assert result.status == 0, result.errors
    assert "note: anonygan-unpasted: the network's own images, not pasted" in result.out
    facts = json.loads((tmp_path / "out" / "report.json").read_text())["facts"]
    assert facts["parrot images"] == 2 and facts["recognition probes"] == 4


@pytest.mark.slow
def test_groups_come_from_a_file(run, tmp_path, monkeypatch):
    monkeypatch.setattr("graphgan.evaluation._groups._LEAST_PEOPLE", 1)
    (tmp_path / "people.csv").write_text("person,sex,age\np2,female,30\np3,male,50\n")
    result = run("original", groups=tmp_path / "people.csv", bins="age=40")
    assert result.status == 0, result.errors
    own = json.loads((tmp_path / "out" / "report.json").read_text())["groups"]["original"]
    assert list(own) == ["sex: female", "sex: male", "age: below 40", "age: 40 or more"]
    assert own["sex: male"]["detected by centerface"]["count"] == 4


def test_one_person_alone_is_measured_or_told_in_one_line(run, networks, tmp_path):
    alone = colored_folder(tmp_path / "alone", people=1, videos=1, test_people=0)
    flags = {"data": alone, "split": "train"}
    result = run("original", "blur", **flags)
    assert result.status == 0, result.errors
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert any(
        line.startswith("re-identification was not measured") for line in content["cautions"]
    )
    assert content["facts"]["probes"] == 3
    assert "nan" not in (tmp_path / "out" / "report.csv").read_text().lower()
    line = failure(run(f"anonygan={networks}/anonygan.safetensors", **flags))
    assert "anonygan: expected a second person as condition" in line


@pytest.fixture
def theirs(data, tmp_path):
    """Results of another tool: the images of the test split, to be spoiled."""
    pictures = PreparedPictures(data, split="test")
    (tmp_path / "theirs").mkdir()
    for i, name in enumerate(pictures.names):
        write_image(tmp_path / "theirs" / f"{name}.png", pictures[i].image)
    return tmp_path / "theirs"


def test_a_folder_of_other_names_is_one_line(run, theirs):
    for path in theirs.iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    assert "expected results named after the images" in failure(run(f"folder={theirs}"))


@pytest.mark.slow
def test_a_folder_of_lfw_is_asked_about_its_pairs(run, tmp_path):
    root = colored_folder(tmp_path, people=4, frames=2, test_people=2)
    of = [[p.image for p in PreparedPictures(root).pictures if p.person == f"p{i}"] for i in (0, 1)]
    pairs = [
        (fold, same, of[0][fold], of[0][3] if same else of[1][3])
        for fold in (0, 1)
        for same in (1, 0)
    ]
    write_table(root / "pairs.csv", ("fold", "same", "image_a", "image_b"), pairs)
    result = run("original", data=root)
    assert result.status == 0, result.errors
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["facts"]["probes"] == 2 == content["facts"]["recognition probes"]
    name = "dlib-resnet, pose known, pairs in folds: same person verified"
    cell = content["systems"]["original"][name]
    assert cell["value"] == 1
    assert cell["note"] == "mean of folds 100.00, standard deviation 0.00"


@pytest.mark.parametrize(
    ("systems", "flags", "message"),
    [
        (["blurr"], {}, "expected systems among original"),
        (["original", "original"], {}, "expected systems with different names"),
        (["anonygan=nowhere"], {}, "found none at nowhere"),
        (["original"], {"people": 0}, "expected people of at least 1, got 0"),
        (["original"], {"videos": "("}, "expected an expression"),
        (["original"], {"detector": "eyes"}, "centerface"),
        (["original"], {"recognizer": f"mine={__file__}"}, "test_evaluate.py"),
        (["original"], {"features": "nowhere"}, "nowhere"),
        (["original"], {"pairs": "nowhere"}, "nowhere: no such file"),
        (
            ["original"],
            {"bins": "age=3"},
            "expected --groups together with --bins, which name its columns",
        ),
        (["original"], {"parrot_images": -1}, "--parrot-images of at least 0"),
        (["original"], {"false_accept_rates": 1}, "--false-accept-rates between 0 and 1"),
    ],
)
def test_bad_input_is_one_line_before_any_work(run, tmp_path, systems, flags, message):
    line = failure(run(*systems, **flags))
    assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_folder_of_other_landmarks_is_measured_even_if_no_face_is_found(run, networks, tmp_path):
    flags = {"people": 4, "frames": 2, "test_people": 2, "scheme": CIAGAN_29}
    root = colored_folder(tmp_path / "faces", **flags)
    systems = ("original", "blur", "published-blur", f"anonygan={networks}/anonygan.safetensors")
    result = run(*systems, data=root)
    assert result.status == 0, result.errors
    assert (
        "the folder has ciagan-29 landmarks; face-mesh found the 68 that recognition" in result.out
    )
    rows = json.loads((tmp_path / "out" / "report.json").read_text())["systems"]
    assert "see pose error to detected" in rows["anonygan"]["pose error"]["note"]


@pytest.mark.slow
def test_photos_are_measured_as_they_are_where_a_file_has_their_landmarks(run, data, tmp_path):
    pictures = PreparedPictures(data).pictures  # cut as they were
    table = tmp_path / "landmarks.csv"
    columns = ["image", *(f"{axis}{i}" for i in range(68) for axis in "xy")]
    rows = [[p.source, *p.landmarks.flatten().tolist()] for p in pictures]
    write_table(table, columns, rows)
    flags = {"landmarks": table, "size": 64, "test-people": 2, "cache": tmp_path / "cache"}
    assert run("original", data=data.parent / "photos", **flags).status == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["facts"]["size"] == [64, 64]
    tested = sum(picture.split == "test" for picture in pictures)
    assert report["facts"]["probes"] == tested
    (made,) = (tmp_path / "cache").glob("photos-*")
    before = (made / "manifest.csv").stat().st_mtime_ns
    assert run("original", data=data.parent / "photos", **flags).status == 0
    assert (made / "manifest.csv").stat().st_mtime_ns == before  # they are cut once
