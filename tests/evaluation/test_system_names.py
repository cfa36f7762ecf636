import pytest
import torch

from graphgan.data import write_image
from graphgan.evaluation import AnonyGANSystem, FolderOfResults, Original, parse_system
from graphgan.evaluation._systems import MethodSystem, PublishedMosaic
from graphgan.models import AnonyGAN, LandmarkGenerator
from graphgan.weights import FACES


def test_words_of_the_command_line_are_systems(tmp_path):
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
    own = [parse_system(f"{kind}={weights}", pasted=False) for kind in ("anonygan", "anonygan:x")]
    assert [(system.name, system.pasted) for system in own] == [
        ("anonygan-unpasted", False),
        ("x", False),
    ]


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
