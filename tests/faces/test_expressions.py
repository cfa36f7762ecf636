"""ExpressionReader: one expression an image, of the face that is asked for."""

import pytest
import torch
from astronaut import portrait

from graphgan.anonymize import cover_faces
from graphgan.data import to_float_image, to_uint8_image
from graphgan.faces import CenterFace, ExpressionReader, FaceMesh, Iris
from graphgan.metrics import measure_expression


@pytest.fixture(scope="module")
def reader():
    return ExpressionReader()


def landmarks(image):
    return FaceMesh()(image, CenterFace()(image)).points[:1]


def test_it_reads_what_its_tools_see(reader):
    mesh = FaceMesh().mesh(portrait(), CenterFace()(portrait())).vertices
    expected = measure_expression(mesh, *Iris()(portrait(), mesh))
    for values, other in zip(reader(portrait()[None]), expected, strict=True):
        assert torch.equal(values, other)


def test_of_two_faces_the_one_at_the_landmarks_is_read(reader):
    both = torch.cat([portrait(), portrait().flip(-1)], 2)
    points = landmarks(portrait())
    mirrored = landmarks(portrait().flip(-1)) + torch.tensor([256.0, 0])
    found = reader(both[None].repeat(2, 1, 1, 1), torch.cat([points, mirrored]))
    one, other = (reader(image[None]) for image in (portrait(), portrait().flip(-1)))
    torch.testing.assert_close(found.yaw, torch.cat([one.yaw, other.yaw]), atol=1, rtol=0)


def test_no_face_and_a_face_elsewhere_are_nan(reader):
    points = landmarks(portrait())
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 30:200, 60:200] = 1
    covered = to_uint8_image(cover_faces(to_float_image(portrait())[None], mask))
    images = torch.cat([portrait()[None], covered, portrait()[None]])
    found = reader(images, torch.cat([points, points, points + 150]))
    for values in found:
        assert values.isfinite().tolist() == [True, False, False]
