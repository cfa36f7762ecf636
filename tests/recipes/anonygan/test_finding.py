import pytest
import torch
from astronaut import portrait
from finding import SchemeFinder

from graphgan.faces import ToolOptions, make_finder
from graphgan.landmarks import (
    CIAGAN_29,
    IBUG_68,
    MESH_468,
    OPENPOSE_18,
    POINTS_5,
    face_mask,
    from_ibug_68,
)

ONE_FACE = ToolOptions(min_face=40)


@pytest.fixture(scope="module")
def face():
    (face,) = make_finder(options=ONE_FACE)(portrait())
    return face


@pytest.mark.parametrize("scheme", [IBUG_68, CIAGAN_29, POINTS_5, MESH_468], ids=lambda s: s.name)
def test_every_scheme_is_found_and_masks_the_same_face(face, scheme):
    finder = SchemeFinder("centerface", "face-mesh", ONE_FACE, scheme)
    (found,) = finder(portrait())
    assert finder.num_landmarks == len(found.landmarks) == scheme.num_landmarks
    torch.testing.assert_close(found.box, face.box)
    if scheme != MESH_468:
        expected = from_ibug_68(face.landmarks[None], scheme)[0]
        torch.testing.assert_close(found.landmarks, expected)
    mask, other = (face_mask(x.landmarks[None], (256, 256)).bool() for x in (found, face))
    assert (mask & other).sum() > 0.9 * other.sum()
    assert (mask & other).sum() > 0.8 * mask.sum()


@pytest.mark.parametrize(("landmarker", "scheme"), [("face-mesh", OPENPOSE_18), ("dlib", MESH_468)])
def test_what_a_landmarker_does_not_give_is_refused(landmarker, scheme):
    with pytest.raises(ValueError, match=f"--scheme ibug-68, .* got {scheme.name}"):
        SchemeFinder("centerface", landmarker, ONE_FACE, scheme)
