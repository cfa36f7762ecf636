import re
from pathlib import Path

import pytest
import torch

from graphgan import faces, models, weights
from graphgan.models import AnonyGAN
from graphgan.weights import LOADABLE, SHIPPED
from graphgan.weights._catalog import is_shipped, shipped_file

FOLDER = Path(weights.__file__).parent
LICENCES = Path(__file__).parents[2] / "docs" / "licences.md"

# Not what a network is loaded from.
OTHERS = ("FaceMesh", "head_pose", "people_conditions", "ConditionFitting")

shipped = pytest.mark.parametrize("one", SHIPPED, ids=[w.name for w in SHIPPED])


@shipped
def test_shipped_weights_are_there_and_small(one):
    file = FOLDER / f"{one.name}.safetensors"
    assert file.stat().st_size < 16e6


@pytest.mark.parametrize(
    "one", [w for w in SHIPPED if w.network not in OTHERS], ids=lambda one: one.name
)
def test_shipped_weights_load_by_name(one):
    network = getattr(models, one.network, None) or getattr(faces, one.network)
    model = network.from_pretrained(one.name)
    assert not model.training
    assert all(p.isfinite().all() for p in model.parameters())
    if isinstance(model, AnonyGAN):
        assert model.size == (128, 128)


def test_the_landmarks_of_the_mesh_are_no_network():
    """A linear map, which `FaceMesh` reads by itself."""
    (one,) = [w for w in SHIPPED if w.network == "FaceMesh"]
    assert faces.FaceMesh(correction=shipped_file(one.name)).correction.name.startswith(one.name)
    with pytest.raises(ValueError, match="expected ConvGraph weights of format 1 in"):
        models.ConvGraph.from_pretrained(one.name)


@shipped
def test_terms_that_are_elsewhere_are_there(one):
    for name in re.findall(r"see (\S+)", one.terms):
        text = (FOLDER / name).read_text()
        assert one.name in text and len(text) > 300


def test_nothing_else_is_shipped():
    assert {file.stem for file in FOLDER.glob("*.safetensors")} == {w.name for w in SHIPPED}
    assert (FOLDER / "LICENSE-WEIGHTS").is_file()
    assert "public domain" in (FOLDER / "dlib-resnet.LICENSE").read_text()


@pytest.mark.parametrize("name", ["faces", "", "../catalog", "people-128.safetensors"])
def test_other_names_are_refused_with_those_that_are_known(name):
    assert not is_shipped(name)
    with pytest.raises(ValueError, match="among people-128, people-512"):
        shipped_file(name)


@pytest.mark.parametrize("one", [*SHIPPED, *LOADABLE], ids=lambda one: one.name)
def test_the_page_of_licences_lists_every_set(one):
    row = f"| {one.name} | {one.network} | {one.trained_on} | {one.terms} |"
    assert row in LICENCES.read_text().splitlines()


def test_the_page_of_licences_lists_nothing_else():
    rows = [line for line in LICENCES.read_text().splitlines() if line.startswith("| ")]
    assert len(rows) == len(SHIPPED) + len(LOADABLE) + 2  # and two headings


@torch.no_grad()
def test_half_the_bytes_are_the_same_network(tmp_path):
    model = AnonyGAN.from_pretrained("people-128")
    for name, dtype in (("full", None), ("half", torch.float16)):
        model.save_pretrained(tmp_path / name, dtype=dtype)
    full, half = ((tmp_path / name).stat().st_size for name in ("full", "half"))
    assert half < 0.6 * full
    again = AnonyGAN.from_pretrained(tmp_path / "half")
    for expected, given in zip(model.parameters(), again.parameters(), strict=True):
        assert given.dtype == torch.float32
        torch.testing.assert_close(given, expected, atol=1e-3, rtol=1e-3)
