from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from graphgan.data import render_face
from graphgan.data._synthetic.face_parameters import View, sample_identity
from graphgan.faces._face_mesh import CORRECTION
from graphgan.landmarks import CIAGAN_29, IBUG_68, MESH_468, SCHEMES, LandmarkScheme, face_scheme
from graphgan.landmarks._schemes import CIAGAN_29_INDICES
from graphgan.weights import weights_file

each_scheme = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)


@each_scheme
def test_mirroring_twice_changes_nothing(scheme):
    assert [scheme.flip[i] for i in scheme.flip] == list(range(scheme.num_landmarks))


@each_scheme
def test_edges_run_both_ways(scheme):
    edge_index = scheme.edge_index()
    assert edge_index.shape == (2, 2 * len(scheme.edges))
    pairs = {tuple(pair) for pair in edge_index.T.tolist()}
    assert pairs == {(j, i) for i, j in pairs}
    assert all((i, j) in pairs for i, j in scheme.edges)


def test_the_mirror_of_a_face_is_on_the_other_side():
    front = View(light=(0.0, -0.3, 1.0))
    face = render_face(sample_identity(np.random.default_rng(0)), front, 128).landmarks
    mirrored = face[list(IBUG_68.flip)]
    middle = face[27:31, 0].mean()
    torch.testing.assert_close(mirrored[:, 0], 2 * middle - face[:, 0], rtol=0, atol=2.0)
    torch.testing.assert_close(mirrored[:, 1], face[:, 1], rtol=0, atol=2.0)


def test_ciagan_keeps_the_jaw_the_bridge_and_the_inner_lips():
    expected = (*range(17), 27, 28, 29, 30, *range(60, 68))
    assert expected == CIAGAN_29_INDICES
    assert CIAGAN_29.flip[:17] == tuple(range(16, -1, -1))
    assert len(CIAGAN_29.edges) == 16 + 3 + 8


@each_scheme
def test_edges_and_parts_of_a_face_have_their_mirror_image(scheme):
    edges = {frozenset(edge) for edge in scheme.edges}
    assert {frozenset(scheme.flip[i] for i in edge) for edge in edges} == edges
    left, right = scheme.eyes
    assert {scheme.flip[i] for i in left} == set(right)
    assert {scheme.flip[i] for i in scheme.mouth} == set(scheme.mouth)


def test_the_mesh_is_mirrored_by_its_shipped_mean():
    mean = load_file(weights_file(CORRECTION))["mean"].view(468, 3)
    mirrored = mean[list(MESH_468.flip)] * torch.tensor([-1.0, 1, 1])
    apart = (mirrored - mean).norm(dim=1)
    assert apart.max() < 0.02  # of a face that is 2.8 wide
    left, right = (mean[list(eye), 0] for eye in MESH_468.eyes)
    assert left.max() < -0.2
    assert right.min() > 0.2


def test_the_scheme_of_faces_is_known_by_its_number_of_landmarks(monkeypatch):
    assert [face_scheme(k).name for k in (68, 29, 5)] == ["ibug-68", "ciagan-29", "points-5"]
    with pytest.raises(ValueError, match=r"68 \(ibug-68\), .* got 18 landmarks"):
        face_scheme(18)
    monkeypatch.setitem(SCHEMES, "other-29", replace(CIAGAN_29, name="other-29"))
    with pytest.raises(ValueError, match="got ciagan-29, other-29: name it"):
        face_scheme(29)


@pytest.mark.parametrize(
    ("flip", "edges", "message"),
    [
        ((1, 2, 0), (), "is its own inverse in scheme 'x'"),
        ((0, 5), (), "is its own inverse in scheme 'x'"),
        ((0, 1), ((0, 2),), "edges between 0 and 1"),
        ((0, 1), ((-1, 0),), "edges between 0 and 1"),
    ],
)
def test_refuses_what_is_no_scheme(flip, edges, message):
    with pytest.raises(ValueError, match=message):
        LandmarkScheme("x", flip=flip, edges=edges)
