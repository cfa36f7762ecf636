import csv
from pathlib import Path

import pytest
import sample
import torch
from running import failure

from graphgan.anonymize.compositor import soft_edges
from graphgan.data import PreparedPictures, read_image
from graphgan.landmarks import face_regions
from graphgan.models import CIAGANGenerator

PEOPLE = ["p0", "p1", "1"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "generator.safetensors"
    CIAGANGenerator(3, width=2, num_blocks=1, size=64, people=PEOPLE).save_pretrained(path)
    return path


@pytest.fixture
def run(run_of, weights, face_folder, tmp_path):
    def run(*more, **changes):
        usual = {"checkpoint": weights, "data": face_folder, "out": tmp_path / "out"}
        return run_of(sample, *more, **(usual | {"device": "cpu"} | changes))

    return run


def pictures(folder):
    return {path.stem: read_image(path) for path in sorted((folder / "images").iterdir())}


def given(folder):
    """Who is to be seen on each image."""
    rows = csv.DictReader((folder / "pairs.csv").open())
    return {row["source"]: row["identity"] for row in rows}


def test_every_face_gets_a_training_person_s_identity_and_nothing_else_changes(
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
    assert sorted(pictures(tmp_path / "out")) == sorted(faces.names)
    assert list(given(tmp_path / "out")) == faces.names
    assert {*given(tmp_path / "out").values()} <= {*PEOPLE}
    assert len({*given(tmp_path / "out").values()}) > 1
    sheet = read_image(tmp_path / "out" / "sheet.png")
    assert sheet.shape[2] == 2 + 5 * 66
    assert sheet.float().std() > 20
    made = pictures(tmp_path / "out")
    for i, name in enumerate(faces.names):
        face = faces[i]
        region = face_regions(face.landmarks[None], (64, 64))
        inside = (region[0] > 0).expand_as(face.image)
        edge = (soft_edges(region)[0] > 0).expand_as(face.image)
        assert torch.equal(made[name][~edge], face.image[~edge])
        assert (made[name][inside].float() - face.image[inside].float()).abs().mean() > 5


@pytest.mark.slow
def test_one_person_for_all_by_name_or_by_number(run, tmp_path):
    for asked, shown in (("p1", "p1"), ("0", "p0"), ("2", "1"), ("1", "1")):  # a name comes first
        assert run("--identity", asked, out=tmp_path / asked)[0] == 0
        assert {*given(tmp_path / asked).values()} == {shown}
    ours, other = pictures(tmp_path / "1"), pictures(tmp_path / "2")
    assert all(torch.equal(ours[name], other[name]) for name in ours)


@pytest.mark.slow
def test_a_picture_is_what_its_row_says(run, tmp_path):
    """Those of chance are those that are asked for by name, and the seed decides on them."""
    run(out=tmp_path / "chance")
    by_chance, made = given(tmp_path / "chance"), pictures(tmp_path / "chance")
    for person in {*by_chance.values()}:
        run("--identity", person, out=tmp_path / person)
        asked = pictures(tmp_path / person)
        for name in made:
            if by_chance[name] == person:
                assert (asked[name].int() - made[name].int()).abs().max() <= 1
    run("--seed", "5", out=tmp_path / "other")
    assert given(tmp_path / "other") != by_chance


def test_some_of_a_split_of_another_size(run, prepare, tmp_path):
    assert "2 images" in run("--split", "train", "--count", "2", data=prepare(4, size=48))[1]
    assert all(image.shape == (3, 48, 48) for image in pictures(tmp_path / "out").values())


def test_a_network_without_names_has_numbers(run, tmp_path):
    path = tmp_path / "published.safetensors"
    CIAGANGenerator(3, width=2, num_blocks=1, size=64).save_pretrained(path)
    assert run(checkpoint=path)[0] == 0
    assert {*given(tmp_path / "out").values()} <= {"0", "1", "2"}
    line = failure(run("--identity", "p0", checkpoint=path, out=tmp_path / "b"))
    assert "expected a number from 0 to 2: this network does not know the names" in line


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "eve",
            "one of the 3 people that the network was trained on, such as p0, p1, 1; got 'eve'",
        ),
        ("3", "expected --identity from 0 to 2, one of the people that the network was trained on"),
        ("-1", "got '-1'"),
    ],
)
def test_nobody_that_it_was_not_trained_on(run, tmp_path, asked, message):
    assert message in failure(run(f"--identity={asked}"))
    assert not (tmp_path / "out").exists()


def test_the_weights_of_another_network_are_refused(run, tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_text("hello, this is no checkpoint")
    assert str(path) in failure(run(checkpoint=path))
