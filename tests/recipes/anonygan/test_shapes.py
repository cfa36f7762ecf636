import torch
from options import ModelOptions
from shapes import learned_shapes

from graphgan.data import SyntheticFaces
from graphgan.landmarks import IBUG_68, mirror_landmarks, transfer_shape


def drawn():
    return SyntheticFaces(8, 4, size=64, seed=0)


def test_a_mirror_makes_no_difference():
    faces = drawn()
    transfer = learned_shapes(faces, ModelOptions(keep_shape=1.0))
    landmarks = torch.stack([faces[i].landmarks for i in range(8)])
    condition, source = landmarks[:4], landmarks[4:]
    laid = transfer_shape(condition, source, transfer)
    mirrored = transfer_shape(
        *(mirror_landmarks(x, 64, IBUG_68) for x in (condition, source)), transfer
    )
    expected = mirror_landmarks(laid, 64, IBUG_68)
    torch.testing.assert_close(mirrored, expected, atol=0.2, rtol=0)


def test_29_landmarks_have_a_matrix_of_their_own():
    transfer = learned_shapes(drawn(), ModelOptions(landmarks=29, keep_shape=1.0))
    assert transfer.mean.shape == (29, 2)
    assert transfer.matrix.shape == (58, 58)
