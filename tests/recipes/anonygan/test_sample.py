import csv
import shutil
from pathlib import Path

import pytest
import sample
import torch
from running import failure

from graphgan.anonymize.compositor import soft_edges
from graphgan.data import PreparedPictures, read_image, to_float_image
from graphgan.landmarks import face_regions
from graphgan.models import AnonyGAN, LandmarkGenerator


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "generator.safetensors"
    AnonyGAN(LandmarkGenerator(width=4, num_blocks=1)).save_pretrained(path)
    return path


@pytest.fixture
def run(run_of, weights, face_folder, tmp_path):
    def run(*more, **changes):
        usual = {"checkpoint": weights, "data": face_folder, "out": tmp_path / "out"}
        return run_of(sample, *more, **(usual | {"device": "cpu"} | changes))

    return run


def test_every_face_gets_the_next_person_s_identity_and_nothing_else_changes(
    run, face_folder, tmp_path
):
    status, out, errors = run()
    assert (status, errors) == (0, [])
    assert "6 images in" in out
    faces = PreparedPictures(face_folder, "test")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "images",
        "pairs.csv",
        "sheet.png",
    ]
    images = sorted(path.stem for path in (tmp_path / "out" / "images").iterdir())
    assert images == sorted(faces.names)
    people = dict(zip(faces.names, faces.persons, strict=True))
    rows = list(csv.DictReader((tmp_path / "out" / "pairs.csv").open()))
    assert [row["source"] for row in rows] == faces.names
    assert all(people[row["source"]] != people[row["condition"]] for row in rows)
    assert read_image(tmp_path / "out" / "sheet.png").float().std() > 20
    for i, name in enumerate(faces.names):
        face = faces[i]
        region = face_regions(face.landmarks[None], (48, 48))
        inside = (region[0] > 0).expand_as(face.image)
        edge = (soft_edges(region)[0] > 0).expand_as(face.image)
        made = read_image(tmp_path / "out" / "images" / f"{name}.png")
        assert torch.equal(made[~edge], face.image[~edge])
        assert (made[inside].float() - face.image[inside].float()).abs().mean() > 5


def test_unpasted_pictures_are_the_network_s_own(run, weights, face_folder, tmp_path):
    assert run("--paste", "none")[0] == 0
    faces = PreparedPictures(face_folder, "test")
    of = {name: i for i, name in enumerate(faces.names)}
    rows = list(csv.DictReader((tmp_path / "out" / "pairs.csv").open()))
    source, condition = (faces[of[rows[0][key]]] for key in ("source", "condition"))
    images = [to_float_image(face.image)[None] for face in (condition, source)]
    points = [face.landmarks[None] for face in (condition, source)]
    with torch.no_grad():
        expected = AnonyGAN.from_pretrained(weights).eval()(*images, *points).image
    made = to_float_image(read_image(tmp_path / "out" / "images" / f"{rows[0]['source']}.png"))
    assert (made - expected[0]).abs().max() < 0.02


def test_a_network_of_another_number_of_landmarks_is_refused(run, tmp_path):
    path = tmp_path / "other.safetensors"
    AnonyGAN(LandmarkGenerator(6, 5, width=4, num_blocks=1)).save_pretrained(path)
    line = failure(run(checkpoint=path))
    assert (
        f"{path}: expected a network of 68 or 29 landmarks for faces with ibug-68, got one of 5"
        in line
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "none"}, "none: no such folder"),
        ({"device": "tpu"}, "expected --device to be one of"),
        ({"out": "taken"}, "expected a new or empty folder, got taken; choose another folder with"),
        ({"split": "all"}, "--split"),
        ({"batch-size": 0}, "--batch-size"),
        ({"seed": -1}, "--seed"),
        ({"color": "red"}, "--color"),
    ],
)
def test_bad_arguments_are_one_line_and_nothing_is_written(
    run, tmp_path, monkeypatch, changes, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis").touch()
    before = sorted(tmp_path.rglob("*"))
    assert message in failure(run(**changes))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_face_without_a_mask_is_named_before_anything_is_written(run, face_folder, tmp_path):
    data = shutil.copytree(face_folder, tmp_path / "data")
    rows = list(csv.reader((data / "manifest.csv").open()))
    rows[-1][rows[0].index("x5")] = rows[-1][rows[0].index("y5")] = ""
    with (data / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    line = failure(run(data=data))
    assert f"the mask is empty for {rows[-1][0]}; prepare the folder again" in line
    assert not (tmp_path / "out").exists()


def test_a_picture_that_cannot_be_read_is_named(run, face_folder, tmp_path):
    data = shutil.copytree(face_folder, tmp_path / "data")
    faces = PreparedPictures(data, "test")
    spoilt = data / faces.pictures[-1].image
    spoilt.write_bytes(spoilt.read_bytes()[:200])
    assert str(spoilt) in failure(run(data=data))
