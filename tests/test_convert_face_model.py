"""The canonical face is read out of a message of Protocol Buffers."""

import struct

import pytest
import torch
from loading import load


@pytest.fixture(scope="module")
def convert():
    return load("scripts/convert_face_model.py")


def number(field, value):
    return bytes([field << 3 | 5]) + struct.pack("<f", value)


def message(field, content):
    return bytes([field << 3 | 2, len(content) & 127 | 128, len(content) >> 7]) + content


def test_vertices_and_weights_are_read_and_all_else_is_left_out(convert):
    mesh = bytes([1 << 3, 0])  # the kind of its vertices
    for vertex in ((1.0, 2, 3, 0.5, 0.5), (4, 5, 6, 0, 1), (7, 8, 9, 1, 0)):
        mesh += b"".join(number(3, value) for value in vertex)
    mesh += bytes([4 << 3, 0xAC, 0x02])  # a triangle's corner: 300
    face = message(1, mesh) + message(2, bytes([1 << 3, 2]) + number(2, 0.25))
    vertices, weights = convert.read_face(face + bytes([3 << 3, 1]))
    assert torch.equal(vertices, torch.arange(1.0, 10).view(3, 3))
    assert weights.tolist() == [0, 0, 0.25]
