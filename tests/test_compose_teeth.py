"""The mean of teeth, and the picture of them that is shipped."""

import sys
from pathlib import Path

import pytest
import torch
from open_faces import open_face

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import compose_teeth as compose


def drawn_row(name: str, *, shift: int = 0) -> compose.Row:
    """Teeth with gaps between them, the lip above, a darker lip below."""
    picture = torch.full((96, 192), 40.0)
    teeth = torch.zeros(96, 192)
    teeth[15:38, 48:144] = 1
    for gap, strength in ((96, 30.0), (80, 20.0), (112, 20.0), (66, 12.0), (126, 12.0)):
        picture[15:38, gap - 1 : gap + 1] -= strength
    picture = picture + 45 * teeth
    return compose.Row(name, picture.roll(shift, 1), teeth.roll(shift, 1))


@pytest.mark.slow
def test_rows_are_laid_upon_each_other_by_their_middles():
    rows = compose.aligned([drawn_row(str(i), shift=3 * i) for i in (-1, 0, 2)])
    assert all(row.likeness > 0.9 for row in rows)
    placed = torch.stack([compose.placed(row.teeth, row) for row in rows])
    assert (placed - placed.mean(0)).abs().mean() < 0.03


@pytest.mark.slow
def test_the_picture_is_symmetric_and_ends_where_teeth_end():
    rows = compose.aligned([drawn_row(str(i), shift=2 * i) for i in (-1, 0, 1)])
    brightness, opacity = compose.picture(rows)
    torch.testing.assert_close(brightness, brightness.flip(1))
    torch.testing.assert_close(opacity, opacity.flip(1))
    middle = opacity[:, 64]
    assert middle[:28].min() > 0.9 and middle[36:].max() < 0.1  # 0.13 below the lip
    assert brightness[5, 64] < brightness[5, 56]  # a gap
    assert opacity[:, 4].max() == 0


def test_a_mouth_is_cut_along_its_upper_lip():
    points = open_face(12, 5)[0]
    image = torch.zeros(3, 128, 128)
    image[:, 85:95, 40:90] = 1
    cut = compose.cut_mouth(image, points)
    assert tuple(cut.shape) == (3, 96, 192)
    column = cut[0, :, 96]  # the lip is at row 16, 22.4 pixels are 160
    assert column[:14].max() < 0.5 and column[24:70].min() > 0.99
