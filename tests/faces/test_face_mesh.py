"""FaceMesh: 68 landmarks near dlib's, whichever way a face is turned, each face by itself."""

import pickle

import pytest
import torch
from astronaut import BOX, portrait, turned, turned_points
from foreign_networks import TfliteNetwork
from safetensors.torch import load_file, save_file

from graphgan.data import SyntheticFaces
from graphgan.faces import CenterFace, DlibLandmarks, FaceMesh, Faces, Landmarker
from graphgan.faces._face_mesh import NUM_VERTICES
from graphgan.models import ConvGraph
from graphgan.weights import weights_file

EYES = (slice(36, 42), slice(42, 48))


def faces_at(*boxes):
    return Faces.of_boxes(torch.tensor(boxes, dtype=torch.float32).view(-1, 4))


def eye_distance(points):
    right, left = (points[eye].mean(0) for eye in EYES)
    return float((left - right).norm())


def apart(found, other):
    """Mean distance of two sets of 68 points, of the distance of the eyes."""
    return float((found - other).norm(dim=-1).mean()) / eye_distance(other)


@pytest.fixture(scope="module")
def face():
    """Of the portrait, as it is found."""
    return CenterFace()(portrait())


# Landmarks


def test_landmarks_of_a_photo_are_near_those_of_dlib(face):
    found = FaceMesh()(portrait(), face)
    expected = DlibLandmarks()(portrait(), face).points[0]
    assert found.confidences[0] > 0.9
    assert apart(found.points[0], expected) < 0.08
    for eye in EYES:
        middles = found.points[0, eye].mean(0) - expected[eye].mean(0)
        assert middles.norm() < 0.06 * eye_distance(expected)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_face_has_turned_landmarks(face, quarters):
    """Its place is known, with its eyes."""
    image = turned(portrait(), quarters)
    corners = turned_points(face.boxes.view(-1, 2, 2), quarters, 256)
    boxes = torch.cat([corners.amin(1), corners.amax(1)], 1)
    there = Faces(boxes, face.scores, turned_points(face.points, quarters, 256))
    found, upright = FaceMesh()(image, there), FaceMesh()(portrait(), face)
    expected = turned_points(upright.points, quarters, 256)
    assert (found.points - expected).norm(dim=-1).max() < 0.5
    torch.testing.assert_close(found.confidences, upright.confidences, atol=0.02, rtol=0)


@pytest.mark.parametrize("degrees", [-55, 50, 60])
def test_where_the_eyes_were_told_badly_it_looks_until_nothing_moves(face, degrees):
    angle = torch.tensor(degrees * torch.pi / 180)
    middle = face.points[0, :2].mean(0)
    across = torch.tensor([angle.cos(), angle.sin()]) * 10
    points = torch.stack([middle - across, middle + across])[None]
    found = FaceMesh()(portrait(), face._replace(points=points))
    upright = FaceMesh()(portrait(), face)
    assert found.confidences[0] > 0.9
    assert apart(found.points[0], upright.points[0]) < 0.05


def test_the_mesh_and_its_landmarks_lie_on_the_face(face):
    mesh = FaceMesh().mesh(portrait(), face)
    assert mesh.vertices.shape == (1, NUM_VERTICES, 3)
    points = FaceMesh()(portrait(), face).points[0]
    for corner in (mesh.vertices[0, 33, :2] - points[36], mesh.vertices[0, 263, :2] - points[45]):
        assert corner.norm() < 0.1 * eye_distance(points)


# Several


def test_faces_keep_their_order_and_are_as_without_the_others():
    """More than a batch, of several sizes and directions: a batch gives what one by one gives."""
    sizes, i = (32, 64, 128), torch.arange(20)
    canvas = torch.full((3, 128, 384), 128, dtype=torch.uint8)
    places = []
    for place, size in enumerate(sizes):
        canvas[:, :size, 128 * place : 128 * place + size] = portrait(size)
        left, top, right, bottom = (edge * size / 256 for edge in BOX)
        places.append([left + 128 * place, top, right + 128 * place, bottom])
    boxes = torch.tensor(places)[i % 3] + (i // 3)[:, None] / 4
    faces = Faces.of_boxes(boxes)
    found, landmarker = FaceMesh()(canvas, faces), FaceMesh()
    assert found.points.shape == (20, 68, 2) and found.confidences.shape == (20,)
    for k in range(20):
        alone = landmarker(canvas, faces.at(torch.tensor([k])))
        torch.testing.assert_close(found.points[k], alone.points[0], atol=1e-2, rtol=0)
        torch.testing.assert_close(found.confidences[k], alone.confidences[0], atol=1e-3, rtol=0)
        middle = found.points[k].mean(0)
        assert (boxes[k, :2] < middle).all() and (middle < boxes[k, 2:]).all()


@pytest.mark.parametrize("kind", ["black", "noise"])
def test_it_is_not_sure_of_what_is_no_face(kind):
    levels = 1 if kind == "black" else 256
    image = torch.randint(0, levels, (3, 200, 200), dtype=torch.uint8)
    found = FaceMesh()(image, faces_at([20, 20, 60, 70], [10, 10, 180, 190], [90, 90, 99, 99]))
    assert found.confidences.max() < 0.1 and found.points.isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (2, 300)])
def test_boxes_beside_the_image_or_without_an_area_give_finite_numbers(size):
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    found = FaceMesh()(image, faces_at([-500, -500, -400, -400], [0, 0, 0, 0], [0, 0, 1e6, 1e6]))
    assert found.points.shape == (3, 68, 2) and found.points.isfinite().all()
    assert found.confidences.max() < 0.5


# As a tool


def test_it_is_a_landmarker_and_can_be_sent(face):
    landmarker = FaceMesh(passes=3)
    expected = landmarker(portrait(), face)
    assert isinstance(landmarker, Landmarker)
    for found, other in zip(
        pickle.loads(pickle.dumps(FaceMesh(passes=3)))(portrait(), face), expected, strict=True
    ):
        assert torch.equal(found, other)


def test_what_it_finds_is_told_by_its_fingerprint(tmp_path):
    tensors = load_file(weights_file("face-mesh-ibug68"))
    save_file(tensors | {"mean": tensors["mean"] + 1}, tmp_path / "correction")
    made = [FaceMesh(), FaceMesh(passes=1), FaceMesh(weights=weights_file("face-mesh"))]
    made.append(FaceMesh(correction=tmp_path / "correction"))
    assert len({landmarker.fingerprint for landmarker in made}) == 4
    assert FaceMesh().fingerprint == made[0].fingerprint


@pytest.mark.parametrize("content", [None, b"", b"weights"], ids=["missing", "empty", "other"])
@pytest.mark.parametrize("option", ["weights", "correction"])
def test_bad_files_are_refused_by_name_before_any_work(tmp_path, option, content):
    file = tmp_path / "mine.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match="expected") as told:
        FaceMesh(**{option: file})
    assert str(file) in str(told.value)


def without(tensors, name):
    return {key: value for key, value in tensors.items() if key != name}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: without(t, "basis"), "expected a correction of the face mesh in .*basis"),
        (lambda t: t | {"mean": t["mean"][:-1].clone()}, r"correction of shapes \[\(68,\), "),
        (lambda t: t | {"weights": t["weights"][1:].clone()}, "expected a correction of shapes"),
        (lambda t: t | {"mean": t["mean"] * torch.nan}, "correction of finite numbers in"),
        (lambda t: t | {"vertices": t["vertices"] + 468}, "expected vertices in .* to 467, got"),
    ],
    ids=["a part missing", "other mesh", "other basis", "not finite", "no vertices"],
)
def test_a_damaged_correction_is_refused(tmp_path, damage, message):
    file = tmp_path / "mine.safetensors"
    save_file(damage(load_file(weights_file("face-mesh-ibug68"))), file)
    with pytest.raises(ValueError, match=message) as told:
        FaceMesh(correction=file)
    assert str(file) in str(told.value)


@pytest.mark.slow
@torch.no_grad()
def test_the_network_gives_the_numbers_of_the_original(tmp_path):
    original = TfliteNetwork("face_landmark/face_landmark", tmp_path)
    network = ConvGraph.from_pretrained("face-mesh").for_inference()
    left, top, size = 50, 30, 150
    crop = portrait()[:, top : top + size, left : left + size]
    crop = torch.nn.functional.interpolate(crop[None] / 255, (192, 192), mode="bilinear")
    drawn = SyntheticFaces(4, 1, size=192)[1].image[None] / 255
    for image in (crop, drawn, torch.rand(1, 3, 192, 192)):
        for a, b in zip(network(image), original(image), strict=True):
            a, b = a.flatten(), b.flatten()
            print(len(b), f"{float((a - b).abs().max()):.1e} of {float(b.abs().max()):.1e}")
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)
