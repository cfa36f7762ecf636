import torch

from graphgan.metrics import masked_error


def test_the_mean_over_the_pixels_inside():
    output, mask = torch.zeros(3, 3, 4, 4), torch.zeros(3, 1, 4, 4)
    output[0, :, 0, 0] = torch.tensor([0.3, -0.6, 0.9])  # 0.6 on average over the channels
    mask[0, :, 0, :2] = 1
    mask[1], output[1] = 1, -2
    error = masked_error(output, torch.zeros(3, 3, 4, 4), mask)
    torch.testing.assert_close(error, torch.tensor([0.3, 2.0, 0.0]))


def test_what_lies_outside_does_not_count():
    output, target = torch.randn(2, 2, 3, 4, 4)
    mask = (torch.rand(2, 1, 4, 4) < 0.5).float()
    changed = torch.where(mask.bool(), output, output + 9)
    assert torch.equal(masked_error(changed, target, mask), masked_error(output, target, mask))
