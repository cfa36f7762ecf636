"""Iris: centers of irises and lids where they are, whichever way an eye is turned."""

import pickle

import pytest
import torch
from astronaut import portrait, turned, turned_points
from foreign_networks import TfliteNetwork

from graphgan.faces import CenterFace, FaceMesh, Iris
from graphgan.faces._iris import eye_corners
from graphgan.landmarks._eyes import Eyes, lid_openings
from graphgan.models import ConvGraph
from graphgan.weights import weights_file


@pytest.fixture(scope="module")
def mesh():
    return FaceMesh().mesh(portrait(), CenterFace()(portrait())).vertices


def width(eyes):
    """Of each eye, between its corners."""
    return (eyes.contours[:, :, 0] - eyes.contours[:, :, 8]).norm(dim=-1)


def test_irises_lie_on_the_darkest_part_of_each_eye(mesh):
    """The astronaut has dark irises: around their centers it is darker than anywhere beside."""
    eyes = Iris()(portrait(), mesh)
    gray = portrait().float().mean(0)
    for (x, y), (outer, inner) in zip(
        eyes.irises[0].round().long().tolist(), eye_corners(mesh)[0].tolist(), strict=True
    ):
        left, right = sorted((round(outer[0]), round(inner[0])))
        row = gray[y - 1 : y + 2, left : right + 1].mean(0)
        darkest = left + int(torch.conv1d(row[None], torch.ones(1, 1, 3)).argmin()) + 1
        assert abs(darkest - x) <= 2


def test_the_corners_of_68_landmarks_are_taken_for_those_of_the_mesh(mesh):
    landmarks = FaceMesh()(portrait(), CenterFace()(portrait())).points
    found, expected = Iris()(portrait(), landmarks), Iris()(portrait(), mesh)
    assert (found.irises - expected.irises).norm(dim=-1).max() < 0.05 * width(expected).min()
    apart = (lid_openings(found.contours) - lid_openings(expected.contours)).abs()
    assert apart.max() < 0.03


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_face_has_turned_eyes(mesh, quarters):
    upright = Iris()(portrait(), mesh)
    there = turned_points(mesh[..., :2], quarters, 256)
    found = Iris()(turned(portrait(), quarters), there)
    for values, expected in zip(found, upright, strict=True):
        apart = values - turned_points(expected, quarters, 256)
        assert apart.norm(dim=-1).max() < 0.3


def test_faces_keep_their_order_and_those_that_are_missing_are_nan(mesh):
    several = mesh + torch.arange(20.0)[:, None, None] / 10
    several[3] = torch.nan
    found = Iris()(portrait(), several)
    assert found.irises[3].isnan().all() and found.contours[3].isnan().all()
    for i in (0, 19):
        alone = Iris()(portrait(), several[i : i + 1])
        torch.testing.assert_close(found.irises[i], alone.irises[0], atol=1e-2, rtol=0)
    assert [v.shape for v in Iris()(portrait(), mesh[:0])] == [(0, 2, 2), (0, 2, 16, 2)]
    assert all(values.isnan().all() for values in Eyes.missing(2))


def test_it_can_be_sent_and_bad_files_are_refused(mesh, tmp_path):
    sent = pickle.loads(pickle.dumps(Iris()))
    assert torch.equal(sent(portrait(), mesh).irises, Iris()(portrait(), mesh).irises)
    assert Iris(weights=weights_file("iris")).fingerprint != Iris().fingerprint
    with pytest.raises(ValueError, match="expected"):
        Iris(weights=tmp_path / "mine.safetensors")


@pytest.mark.slow
@torch.no_grad()
def test_the_network_gives_the_numbers_of_the_original(tmp_path):
    """In pixels of 64; half precision costs less than two hundredths of one."""
    original = TfliteNetwork("iris_landmark/iris_landmark", tmp_path)
    network = ConvGraph.from_pretrained("iris").for_inference()
    eye = portrait()[None, :, 70:134, 100:164] / 255
    for image in (eye, eye.flip(-1), torch.rand(1, 3, 64, 64)):
        for a, b in zip(network(image), original(image), strict=True):
            a, b = a.flatten(), b.flatten()
            print(len(b), f"{float((a - b).abs().max()):.1e} of {float(b.abs().max()):.1e}")
            torch.testing.assert_close(a, b, atol=0.05, rtol=1e-3)


def test_crops_looked_at_at_once_are_as_each_alone(mesh):
    images = torch.stack([portrait(), portrait().flip(-1) // 2])
    points = torch.cat([mesh, mesh + 1])
    found = Iris().of_crops(images, points)
    for i, image in enumerate(images):
        alone = Iris()(image, points[i : i + 1])
        torch.testing.assert_close(found.irises[i], alone.irises[0], atol=1e-3, rtol=0)
        torch.testing.assert_close(found.contours[i], alone.contours[0], atol=1e-3, rtol=0)
