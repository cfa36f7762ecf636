import torch
import torch.nn.functional as F

from graphgan.layers import ResidualDown, ResidualUp


def weight(conv):
    """The weight divided by its largest singular value, as stored vectors estimate it."""
    spectral = conv.parametrizations.weight
    matrix = spectral.original.flatten(1)
    return spectral.original / (spectral[0]._u @ matrix @ spectral[0]._v)


def conv(x, layer):
    margin = 4 * (layer.kernel_size[0] // 2,)
    return F.conv2d(F.pad(x, margin, mode="reflect"), weight(layer), layer.bias)


def up(x):
    return x.repeat_interleave(2, -1).repeat_interleave(2, -2)


def norm(x, layer):
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
    scale, shift = layer.weight[:, None, None], layer.bias[:, None, None]
    return (x - mean) / (variance + 1e-5).sqrt() * scale + shift


def test_down_is_its_formula():
    block = ResidualDown(3, 5).double().eval()
    x = torch.randn(2, 3, 7, 6).double()
    body = conv(conv(x.relu(), block.body[1]).relu(), block.body[3])
    expected = F.avg_pool2d(body, 2) + F.avg_pool2d(conv(x, block.shortcut), 2)
    torch.testing.assert_close(block(x), expected)


def test_up_is_its_formula():
    block = ResidualUp(3, 5).double().eval()
    with torch.no_grad():
        for layer in (block.body[0], block.body[4]):
            layer.weight.uniform_(0.5, 2)
            layer.bias.normal_()
    x = torch.randn(2, 3, 4, 5).double()
    body = conv(up(norm(x, block.body[0]).relu()), block.body[3])
    body = conv(norm(body, block.body[4]).relu(), block.body[6])
    torch.testing.assert_close(block(x), body + conv(up(x), block.shortcut[1]))


def test_training_brings_the_weights_to_a_spectral_norm_of_1():
    block = ResidualDown(3, 5).train()
    for _ in range(50):
        block(torch.randn(1, 3, 4, 4))
    largest = torch.linalg.matrix_norm(block.eval().body[1].weight.flatten(1), 2)
    torch.testing.assert_close(largest, torch.ones(()), atol=1e-3, rtol=0)
