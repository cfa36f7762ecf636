import math

import torch

from graphgan.data import draw_landmarks, draw_mask, draw_skeleton, image_grid

GREEN, WHITE = [0, 255, 0], [255, 255, 255]


def test_a_disc_lies_on_each_landmark():
    image = torch.zeros(3, 20, 30).byte()
    drawn = draw_landmarks(image, torch.tensor([[4.0, 7.0], [25.2, 3.1]]), radius=1.0)
    assert drawn[:, 7, 4].tolist() == drawn[:, 3, 25].tolist() == GREEN
    assert (drawn[1] > 0).sum() == 5 + 3  # a plus, and what is near to a point between pixels
    assert image.sum() == 0


def test_a_skeleton_has_lines_between_its_joints():
    image = torch.zeros(3, 20, 30).byte()
    joints = torch.tensor([[4.0, 7.0], [14.0, 7.0], [math.nan, math.nan], [14.0, 17.0]])
    drawn = draw_skeleton(image, joints, [(0, 1), (1, 3), (1, 2)], radius=0.5)
    assert drawn[:, 7, 9].tolist() == drawn[:, 12, 14].tolist() == GREEN
    assert (drawn[1] > 0).sum() == 11 + 10
    assert image.sum() == 0


def test_a_mask_tints_only_what_it_covers():
    mask = torch.zeros(1, 2, 2)
    mask[0, 0, 0] = 1
    drawn = draw_mask(torch.full((3, 2, 2), 100).byte(), mask)
    assert drawn[:, 0, 0].tolist() == [162, 60, 60]
    assert (drawn[:, 1] == 100).all()


def test_the_grid_goes_row_by_row_and_fills_up_with_background():
    tiles = torch.arange(1, 4, dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 2, 4)
    grid = image_grid(tiles, 2)
    assert grid.shape == (3, 2 + 2 * 4, 2 + 2 * 6)
    assert grid[:, 2:4, 2:6].eq(1).all()
    assert grid[:, 2:4, 8:12].eq(2).all()
    assert grid[:, 6:8, 2:6].eq(3).all()
    assert (grid == 255).sum() == grid.numel() - 3 * 3 * 8
    assert torch.equal(image_grid(list(tiles), 2), grid)
