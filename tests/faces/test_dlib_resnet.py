"""dlib's recognizer without dlib gives dlib's numbers, on drawn faces and on noise."""

import importlib
import pickle
from functools import cache
from pathlib import Path

import dlib
import pytest
import torch
from safetensors.torch import load_file

from graphgan.data import SyntheticFaces
from graphgan.faces import DlibResNet, DlibResNetRecognizer, Recognizer
from graphgan.faces import _dlib_resnet as dlib_resnet
from graphgan.faces._dlib import packaged_weights
from graphgan.faces._dlib_chips import face_chips
from graphgan.weights import weights_file

SCRIPTS = Path(__file__).parents[2] / "scripts"
FILE = "dlib_face_recognition_resnet_model_v1.dat"


@cache
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)  # it imports its neighbors
        return importlib.import_module("convert_dlib_resnet")


@cache
def dlib_network():
    return dlib.face_recognition_model_v1(str(packaged_weights(FILE)))


def faces(count, size):
    """Drawn faces, their landmarks at whole pixels as dlib knows no others."""
    for i in range(count):
        face = SyntheticFaces(count, 1, size=size)[i]
        yield face.image, face.landmarks.round()


def of_dlib(image, landmarks):
    """The image and the landmarks as dlib takes them."""
    shape = [dlib.point(int(x), int(y)) for x, y in landmarks.tolist()]
    return (
        image.permute(1, 2, 0).contiguous().numpy(),
        dlib.full_object_detection(dlib.rectangle(0, 0, 9, 9), shape),
    )


def dlib_chip(image, landmarks):
    chip = dlib.get_face_chip(*of_dlib(image, landmarks), 150, 0.25)
    return torch.from_numpy(chip).permute(2, 0, 1)


def dlib_descriptor(image, landmarks):
    return torch.tensor(list(dlib_network().compute_face_descriptor(*of_dlib(image, landmarks))))


@torch.no_grad()
def test_the_network_is_that_of_dlib():
    """The same chips, of faces and of noise, give the same 128 numbers up to rounding."""
    image, landmarks = next(faces(1, 200))
    chips, _ = face_chips(image, landmarks[None])
    torch.manual_seed(0)
    chips = torch.cat([chips, torch.randint(0, 256, (2, 3, 150, 150), dtype=torch.uint8)])
    pixels = [chip.permute(1, 2, 0).contiguous().numpy() for chip in chips]
    expected = torch.tensor([list(dlib_network().compute_face_descriptor(p)) for p in pixels])
    converted = script().read_dlib(packaged_weights(FILE))
    torch.testing.assert_close(converted(chips), expected, atol=1e-5, rtol=0)
    shipped = DlibResNet.from_pretrained("dlib-resnet")
    assert (shipped(chips) - expected).norm(dim=1).max() < 2e-3  # of 16-bit weights


@pytest.mark.parametrize(("size", "times"), [(48, 1), (256, 1), (160, 3), (160, 7)])
def test_chips_are_those_of_dlib_in_every_pixel(size, times):
    """Enlarged, about as large, halved once and halved twice; upright, tilted and cut off."""
    image, landmarks = next(faces(1, size))
    image = image.repeat_interleave(times, 1).repeat_interleave(times, 2)
    points, last = landmarks * times, size * times - 1
    turned = torch.stack([last - points[:, 1], points[:, 0]], dim=1)
    several = torch.stack(
        [points, last - points, turned, (points + turned) // 2, points + last // 3]
    )
    chips, present = face_chips(image, several)
    assert present.all()
    for chip, one in zip(chips, several, strict=True):
        assert torch.equal(chip, dlib_chip(image, one))


def test_distances_are_those_of_dlib():
    """Up to a thousandth, also where the faces are large."""
    drawn = [*faces(5, 160), *faces(2, 420)]
    recognize = DlibResNetRecognizer()
    given = torch.cat([recognize(image, points[None]) for image, points in drawn])
    expected = torch.stack([dlib_descriptor(image, points) for image, points in drawn])
    assert torch.pdist(expected).max() > 0.3
    assert (torch.pdist(given) - torch.pdist(expected)).abs().max() < 1e-3


def test_many_faces_of_an_image_are_as_each_alone():
    """More than one batch of them, some without landmarks."""
    image, landmarks = next(faces(1, 200))
    torch.manual_seed(0)
    points = landmarks + 20 * torch.randn(20, 1, 2)
    points[3, 40, 0], points[19, 0, 1] = torch.nan, torch.inf
    recognize = DlibResNetRecognizer()
    given = recognize(image, points)
    alone = torch.cat([recognize(image, one[None]) for one in points])
    torch.testing.assert_close(given, alone, atol=1e-5, rtol=0, equal_nan=True)
    assert given.isnan().all(1).nonzero().flatten().tolist() == [3, 19]
    assert given.isfinite().all(1).sum() == 18


@pytest.mark.parametrize("value", [0.0, 123.456, 1e30, -torch.inf, torch.nan])
def test_landmarks_that_are_no_face_give_nan(value):
    """All in one place, far beyond any image, or not finite."""
    image, landmarks = next(faces(1, 64))
    none = landmarks * value if value == 1e30 else torch.full_like(landmarks, value)
    assert DlibResNetRecognizer()(image, none[None]).isnan().all()


def test_it_is_a_recognizer_and_can_be_sent():
    """It fits the contract, and gives the same in another process."""
    recognize = DlibResNetRecognizer()
    assert isinstance(recognize, Recognizer)
    assert (recognize.name, recognize.threshold) == ("dlib-resnet", 0.6)
    image, landmarks = next(faces(1, 64))
    sent = pickle.loads(pickle.dumps(recognize))
    assert torch.equal(sent(image, landmarks[None]), recognize(image, landmarks[None]))


def test_gradients_reach_the_image():
    """Nothing in the network is cut off or changed in place where it is needed."""
    image = torch.rand(1, 3, 150, 150).mul(255).requires_grad_()
    DlibResNet.from_pretrained("dlib-resnet")(image).sum().backward()
    assert image.grad.abs().sum() > 0


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("image", "landmarks", "message"),
    [
        ((3, 9, 9), (68, 2), r"\(n, 68, 2\), got \(68, 2\)"),
        ((3, 9, 9), (1, 5, 2), r"\(n, 68, 2\), got \(1, 5, 2\)"),
        ((9, 9, 3), (1, 68, 2), r"\(3, h, w\), got \(9, 9, 3\)"),
        ((3, 0, 9), (1, 68, 2), r"\(3, h, w\), got \(3, 0, 9\)"),
    ],
)
def test_other_shapes_are_refused(image, landmarks, message):
    image = torch.zeros(image, dtype=torch.uint8)
    with pytest.raises(ValueError, match=message):
        DlibResNetRecognizer()(image, torch.zeros(landmarks))


def test_weights_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    """A missing and a corrupt file, found on the first face."""
    image, landmarks = next(faces(1, 64))
    monkeypatch.setattr("graphgan.weights._catalog._FOLDER", tmp_path)
    monkeypatch.setattr(dlib_resnet, "_network", dlib_resnet._network.__wrapped__)
    with pytest.raises(ValueError, match=r"found none at .*dlib-resnet\.safetensors"):
        DlibResNetRecognizer()(image, landmarks[None])
    (tmp_path / "dlib-resnet.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"expected safetensors in .*dlib-resnet\.safetensors"):
        DlibResNetRecognizer()(image, landmarks[None])


def test_the_shipped_files_are_what_the_script_makes(tmp_path, capsys):
    options = script().Options(out=tmp_path)
    script().main(options)
    assert "float16" in capsys.readouterr().out
    made, shipped = tmp_path / "dlib-resnet.safetensors", weights_file("dlib-resnet")
    expected = load_file(shipped)
    assert all(torch.equal(value, expected[key]) for key, value in load_file(made).items())
    notes = [file.with_suffix(".LICENSE").read_text() for file in (made, shipped)]
    assert notes[0] == notes[1] and "public domain" in notes[0]
