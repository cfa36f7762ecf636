from functools import partial
from pathlib import Path

import pytest
import torch

from graphgan.anonymize import anonymize_crops, give_identity, soft_edges
from graphgan.evaluation import AnonyGANSystem, CIAGANSystem, Original
from graphgan.evaluation._systems import (
    ProductSystem,
    PublishedBlur,
    PublishedMosaic,
    anonygan_system,
    obscuring_system,
)
from graphgan.landmarks import MESH_468, POINTS_5, face_mask, from_ibug_68
from graphgan.landmarks._masks import shrink_mask
from graphgan.models import AnonyGAN, CIAGANGenerator, LandmarkGenerator
from graphgan.weights import FACES


def test_blur_and_mosaic_hide_the_inside_of_the_mask(request_):
    inside = request_.mask.expand_as(request_.source) == 1
    assert torch.equal(Original()(request_), request_.source)
    for system in (PublishedBlur(), PublishedMosaic()):
        made = system(request_)
        assert torch.equal(made[~inside], request_.source[~inside])
        assert (made[inside] - request_.source[inside]).abs().mean() > 0.02


@pytest.mark.parametrize("num_landmarks", [68, 29])
def test_anonygan_s_weights_work_on_the_landmarks_they_were_trained_with(
    request_, tmp_path, num_landmarks
):
    torch.manual_seed(0)
    model = AnonyGAN(LandmarkGenerator(6, num_landmarks, width=4, num_blocks=1)).eval()
    model.save_pretrained(tmp_path / "weights.safetensors")
    system = AnonyGANSystem(tmp_path / "weights.safetensors", name="ours", size=(64, 64))
    expected = anonymize_crops(
        model, request_.source, request_.landmarks, request_.condition, request_.condition_landmarks
    )
    # These crops are not quite what `align_face` would cut.
    assert (system(request_) - expected).abs().mean() < 0.02
    assert (system.name, system.uses_conditions) == ("ours", True)


def test_a_network_works_at_its_own_size_in_larger_pictures(request_, tmp_path):
    torch.manual_seed(0)
    AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=(32, 32)).save_pretrained(
        tmp_path / "weights.safetensors"
    )
    made = AnonyGANSystem(tmp_path / "weights.safetensors")(request_)
    assert made.shape == request_.source.shape
    assert ((made - request_.source).abs() > 0.02).flatten(1).any(1).all()


@pytest.mark.parametrize("size", [64, 32])
def test_unpasted_it_is_the_network_s_own_picture(request_, tmp_path, size):
    torch.manual_seed(0)
    model = AnonyGAN(LandmarkGenerator(width=4, num_blocks=1), size=(size, size)).eval()
    model.save_pretrained(tmp_path / "w.safetensors")
    landmarks = request_.landmarks.clone()
    landmarks[1, 60] = torch.nan
    system = AnonyGANSystem(tmp_path / "w.safetensors", pasted=False)
    made = system(request_._replace(landmarks=landmarks))
    assert made[1].isnan().all()  # no result
    columns = request_.condition, request_.source
    columns += request_.condition_landmarks, request_.landmarks, request_.mask
    if size == 64:
        with torch.no_grad():
            expected = model(*columns).image
        torch.testing.assert_close(made[[0, 2]], expected[[0, 2]], atol=1e-4, rtol=0)
    outside = (request_.mask == 0).expand_as(made)[[0, 2]]
    assert ((made - request_.source)[[0, 2]][outside].abs() > 0.01).float().mean() > 0.9
    assert system.fingerprint != AnonyGANSystem(tmp_path / "w.safetensors").fingerprint


def test_a_face_without_landmarks_is_covered_by_a_mosaic(request_):
    landmarks = request_.landmarks.clone()
    landmarks[1, 36:] = torch.nan
    made = AnonyGANSystem(Path(FACES))(request_._replace(landmarks=landmarks))
    mosaic = obscuring_system("pixelate")(request_._replace(landmarks=landmarks))
    assert torch.equal(made[1], mosaic[1]) and not torch.equal(made[0], mosaic[0])
    assert (made[1] != request_.source[1]).any()


@pytest.mark.slow
def test_the_product_shows_people_who_do_not_exist_chosen_by_name(request_):
    product = ProductSystem()
    made = product(request_)
    blind = request_._replace(condition=torch.full_like(request_.condition, torch.nan))
    assert torch.equal(product(blind), made)
    renamed = request_._replace(pictures=request_.pictures[::-1])
    assert not torch.equal(product(renamed), made)


@pytest.fixture(scope="module")
def ciagan(tmp_path_factory):
    path = tmp_path_factory.mktemp("ciagan") / "weights.safetensors"
    torch.manual_seed(0)
    people = ("anna", "bert", "dora")
    CIAGANGenerator(3, width=4, num_blocks=1, size=64, people=people).save_pretrained(path)
    return CIAGANSystem(path)


def test_ciagan_shows_the_person_that_it_was_trained_on(ciagan, request_):
    made = ciagan(request_._replace(condition_people=["dora", "bert", "anna"]))
    expected = give_identity(
        ciagan.generator, request_.source, request_.landmarks, torch.tensor([2, 1, 0])
    )
    torch.testing.assert_close(made, expected)


def test_ciagan_has_a_stand_in_for_whom_it_does_not_know_and_always_the_same(ciagan, request_):
    numbers = [ciagan.identity(person) for person in ("erna", "fritz", "erna")]
    assert numbers[0] == numbers[2]
    assert set(numbers) <= {0, 1, 2}
    assert len({ciagan.identity(f"stranger {i}") for i in range(30)}) == 3


def test_a_network_of_another_scheme_is_given_the_folder_s_landmarks(request_, tmp_path):
    torch.manual_seed(0)
    options = {"size": (32, 32), "forehead": 0.5, "face_alone": True}
    model = AnonyGAN(LandmarkGenerator(6, 5, width=4, num_blocks=1), **options)
    model.save_pretrained(tmp_path / "5.safetensors")
    own = from_ibug_68(request_.landmarks, POINTS_5)
    lacking = own.clone()
    lacking[1, 2] = torch.nan
    given = request_._replace(own_landmarks=lacking, own_condition_landmarks=own.roll(-1, 0))
    usual = {"name": "five", "device": "cpu"}
    make = partial(anonygan_system, tmp_path / "5.safetensors", POINTS_5, **usual)
    unpasted = make(pasted=False)(given)
    result = (system := make(pasted=True))(given)
    assert unpasted[1].isnan().all() and result[1].isnan().all()  # no result
    mask = face_mask(own, (64, 64), forehead=0.5)[[0, 2]]
    outside = (soft_edges(mask) == 0).expand(-1, 3, -1, -1)
    made, source = result[[0, 2]], request_.source[[0, 2]]
    assert torch.equal(made[outside], source[outside])
    inside = shrink_mask(mask, 0.1).bool().expand(-1, 3, -1, -1)
    torch.testing.assert_close(made[inside], unpasted[[0, 2]][inside])
    assert (system.name, system.uses_conditions) == ("five", True)
    assert system.fingerprint != make(pasted=False).fingerprint
    with pytest.raises(ValueError, match="of 468 or 68 or 29 landmarks for faces with mesh-468"):
        anonygan_system(tmp_path / "5.safetensors", MESH_468, pasted=True, **usual)
    of_68 = anonygan_system(Path(FACES), POINTS_5, pasted=True, **usual)
    assert isinstance(of_68, AnonyGANSystem)


def test_no_two_systems_share_a_place_in_the_cache():
    systems = [Original(), PublishedBlur(), PublishedMosaic(), ProductSystem()]
    systems += [obscuring_system(kind) for kind in ("pixelate", "blur", "solid")]
    systems += [AnonyGANSystem(Path(FACES))]
    keys = {(type(system).__name__, system.fingerprint) for system in systems}
    assert len(keys) == len(systems)
