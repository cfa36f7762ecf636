from pathlib import Path

import pytest
import torch

from graphgan.anonymize import anonymize_crops, give_identity
from graphgan.anonymize.compositor import soft_edges
from graphgan.data.batches import to_float_image, to_uint8_image
from graphgan.data.images import write_image
from graphgan.data.prepared import PreparedPicture
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.evaluation.systems import (
    AnonyGANSystem,
    CIAGANSystem,
    FolderOfResults,
    MethodSystem,
    Original,
    ProductSystem,
    PublishedBlur,
    PublishedMosaic,
    Request,
    System,
    obscuring_system,
    parse_system,
)
from graphgan.landmarks.align import Crop
from graphgan.landmarks.masks import face_mask
from graphgan.models import AnonyGAN, CIAGANGenerator
from graphgan.models.generator import LandmarkGenerator
from graphgan.weights import FACES


def row(image: str, photo: str) -> PreparedPicture:
    """A face that was cut out of the upper left quarter of a photo of 128 x 128 pixels."""
    crop = Crop(-0.5, -0.5, 64.0, 64.0)
    person = image.split("/")[0]
    return PreparedPicture(f"images/{image}", person, "test", photo, crop, 0, torch.zeros(68, 2))


@pytest.fixture(scope="module")
def request_() -> Request:
    """Three drawn faces, each under the next one's condition."""
    faces = SyntheticFaces(3, 1, size=64)
    images = torch.stack([to_float_image(faces[i].image) for i in range(3)])
    points = torch.stack([faces[i].landmarks for i in range(3)])
    return Request(
        images,
        points,
        face_mask(points, (64, 64)),
        images.roll(-1, 0),
        points.roll(-1, 0),
        [
            row("anna/1.png", "anna/1.jpg"),
            row("bert/1.png", "bert/1.JPG"),
            row("carl/2-x.png", "carl/2/x.png"),
        ],
        ["bert", "carl", "anna"],
    )


@pytest.mark.parametrize(
    "system", [Original(), PublishedBlur(), PublishedMosaic(), obscuring_system("pixelate")]
)
def test_what_takes_no_condition_does_not_look_at_it(request_, system):
    assert isinstance(system, System)
    assert not system.uses_conditions
    blind = request_._replace(condition=torch.full_like(request_.condition, torch.nan))
    assert torch.equal(system(blind), system(request_))


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
        model,
        request_.source,
        request_.landmarks,
        request_.condition,
        request_.condition_landmarks,
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


def test_a_face_without_landmarks_is_covered_by_a_mosaic(request_):
    landmarks = request_.landmarks.clone()
    landmarks[1, 36:] = torch.nan
    made = AnonyGANSystem(Path(FACES))(request_._replace(landmarks=landmarks))
    mosaic = obscuring_system("pixelate")(request_._replace(landmarks=landmarks))
    assert torch.equal(made[1], mosaic[1]) and not torch.equal(made[0], mosaic[0])
    assert (made[1] != request_.source[1]).any()


def test_the_product_shows_people_who_do_not_exist_chosen_by_name(request_):
    product = ProductSystem()
    made = product(request_)
    blind = request_._replace(condition=torch.full_like(request_.condition, torch.nan))
    assert torch.equal(product(blind), made)
    renamed = request_._replace(pictures=request_.pictures[::-1])
    assert not torch.equal(product(renamed), made)


def test_other_weights_have_another_fingerprint(tmp_path):
    for name in ("a", "b"):
        torch.manual_seed(ord(name))
        model = AnonyGAN(LandmarkGenerator(6, 68, width=4, num_blocks=1))
        model.save_pretrained(tmp_path / f"{name}.safetensors")
    prints = [AnonyGANSystem(tmp_path / f"{n}.safetensors").fingerprint for n in ("a", "b", "a")]
    assert prints[0] == prints[2] != prints[1]


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
        ciagan.generator,
        request_.source,
        request_.landmarks,
        torch.tensor([2, 1, 0]),
    )
    torch.testing.assert_close(made, expected)


def test_ciagan_has_a_stand_in_for_whom_it_does_not_know_and_always_the_same(ciagan, request_):
    numbers = [ciagan.identity(person) for person in ("erna", "fritz", "erna")]
    assert numbers[0] == numbers[2]
    assert set(numbers) <= {0, 1, 2}
    assert len({ciagan.identity(f"stranger {i}") for i in range(30)}) == 3


def test_results_of_another_tool_are_found_by_any_of_three_names(request_, tmp_path):
    images = to_uint8_image(request_.source.flip(-1))
    for name, image in zip(("anna-1", "images/bert/1", "carl/2/x"), images, strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / f"{name}.png", image)
    made = FolderOfResults(tmp_path)(request_)
    assert torch.equal(to_uint8_image(made), images)


def test_whole_photos_are_cut_and_other_sizes_are_brought_to_ours(request_, tmp_path):
    photo = torch.zeros(3, 128, 128, dtype=torch.uint8)
    photo[:, :64, :64] = to_uint8_image(request_.source[1])
    (tmp_path / "bert").mkdir()
    write_image(tmp_path / "bert" / "1.png", photo)
    large = torch.nn.functional.interpolate(request_.source[:1], (96, 96), mode="bilinear")
    write_image(tmp_path / "anna-1.png", to_uint8_image(large)[0])
    system = FolderOfResults(tmp_path, name="theirs")
    made = system(request_)
    torch.testing.assert_close(made[1], request_.source[1], atol=0.01, rtol=0)
    assert (made[0] - request_.source[0]).abs().mean() < 0.03
    (remark,) = system.remarks(request_.pictures, (64, 64))
    assert "results of 96 x 96, 128 x 128 pixels: photos were cut" in remark


def test_results_that_are_missing_or_cannot_be_read_are_nan(request_, tmp_path):
    write_image(tmp_path / "anna-1.png", to_uint8_image(request_.source)[0])
    (tmp_path / "bert-1.png").write_bytes(b"no picture")
    system = FolderOfResults(tmp_path, name="theirs")
    assert system(request_).isnan().flatten(1).all(1).tolist() == [False, True, True]
    assert system.remarks(request_.pictures, (64, 64)) == ["theirs: 1 results cannot be read"]


def test_two_results_of_one_name_are_refused(request_, tmp_path):
    for suffix in ("png", "jpg"):
        write_image(tmp_path / f"anna-1.{suffix}", to_uint8_image(request_.source)[0])
    with pytest.raises(ValueError, match="two results of one name"):
        FolderOfResults(tmp_path)


def test_results_of_other_pictures_are_found_out_before_any_work(request_, tmp_path):
    write_image(tmp_path / "zoe.png", to_uint8_image(request_.source)[0])
    with pytest.raises(ValueError, match=r"such as anna-1.png, got zoe.png"):
        FolderOfResults(tmp_path).check(request_.pictures)


def test_networks_of_other_landmarks_are_refused(tmp_path):
    AnonyGAN(LandmarkGenerator(6, 18, width=4, num_blocks=1)).save_pretrained(
        tmp_path / "w.safetensors"
    )
    with pytest.raises(ValueError, match="expected a network of 68 or 29 landmarks, got 18"):
        AnonyGANSystem(tmp_path / "w.safetensors")


def test_a_folder_that_changed_has_another_fingerprint(request_, tmp_path):
    write_image(tmp_path / "anna-1.png", to_uint8_image(request_.source)[0])
    before = FolderOfResults(tmp_path).fingerprint
    write_image(tmp_path / "anna-1.png", to_uint8_image(request_.source)[1])
    assert FolderOfResults(tmp_path).fingerprint != before


def test_words_of_the_command_line_are_systems(tmp_path, ciagan):
    model = AnonyGAN(LandmarkGenerator(6, 68, width=4, num_blocks=1))
    weights = tmp_path / "weights.safetensors"
    model.save_pretrained(weights)
    write_image(tmp_path / "1.png", torch.zeros(3, 8, 8, dtype=torch.uint8))
    found = [
        parse_system(word)
        for word in (
            "original",
            "blur",
            "published-pixelate",
            f"anonygan={weights}",
            f"anonygan:large={weights}",
            f"folder={tmp_path}",
        )
    ]
    kinds = [Original, MethodSystem, PublishedMosaic, AnonyGANSystem, AnonyGANSystem]
    kinds += [FolderOfResults]
    assert [type(system) for system in found] == kinds
    names = ["original", "blur", "published-pixelate", "anonygan", "large", tmp_path.name]
    assert [system.name for system in found] == names


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("blurr", "expected systems among original, pixelate"),
        ("anonygan=", "expected --systems anonygan=FILE, got 'anonygan='"),
        ("anonygan:mine", "expected --systems anonygan=FILE, got 'anonygan:mine'"),
        ("folder=", "expected --systems folder=DIR"),
        ("folder=nowhere", "nowhere: no such folder"),
        ("anonygan=nowhere", "found none at nowhere"),
        ("ciagan=nowhere", "found none at nowhere"),
        ("blur=3", "expected systems among"),
    ],
)
def test_what_is_no_system_is_refused(word, message):
    with pytest.raises(ValueError, match=message):
        parse_system(word)


def test_anonygan_without_a_file_is_the_shipped_one():
    system = parse_system("anonygan")
    assert isinstance(system, AnonyGANSystem) and system.method.size == (128, 128)
    assert system.fingerprint == parse_system(f"anonygan:other={FACES}").fingerprint


def test_a_network_with_a_forehead_changes_it(tmp_path, request_):
    options = {"size": (64, 64), "forehead": 0.7}
    model = AnonyGAN(LandmarkGenerator(6, 68, width=4, num_blocks=1), **options)
    model.save_pretrained(tmp_path / "w.safetensors")
    made = AnonyGANSystem(tmp_path / "w.safetensors")(request_)
    changed = (to_uint8_image(made) != to_uint8_image(request_.source)).any(1, keepdim=True)
    mask = face_mask(request_.landmarks, (64, 64), forehead=0.7).bool()
    forehead = mask & ~request_.mask.bool()
    assert changed[forehead].float().mean() > 0.9
    assert not changed[soft_edges(mask.float()) == 0].float().mean() > 0.02


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match="found none"):
        FolderOfResults(tmp_path)
