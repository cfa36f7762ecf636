import pytest
import torch
from dense_maps import convolve_maps
from hypothesis import given
from hypothesis import strategies as st

from graphgan.layers._landmark_convolution import landmark_convolution

SIZE = (12, 15)


def drawn(seed, rendering):
    """Landmarks inside, outside and missing, a kernel, weights; in float64."""
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(2, 6, 2, generator=generator, dtype=torch.float64)
    landmarks = uniform * torch.tensor([19.0, 16.0]) - 2
    landmarks[0, 0] = torch.nan
    landmarks[1, 1] = torch.tensor([0.0, 11.0])
    landmarks[1, 2] = torch.tensor([14.0, 1.0])
    if rendering != "one_hot":
        landmarks += 0.0123  # bilinear maps have no gradient at whole pixels
    return landmarks.requires_grad_(rendering != "one_hot"), generator


@given(
    seed=st.integers(0, 999),
    rendering=st.sampled_from(["one_hot", "bilinear", "gaussian"]),
    reflect=st.booleans(),
    stride=st.sampled_from([1, 2, 3]),
    kernel_size=st.sampled_from([1, 3, 4, 7]),
    weighted=st.booleans(),
)
def test_agrees_with_drawing_and_convolving_the_maps(
    seed, rendering, reflect, stride, kernel_size, weighted
):
    landmarks, generator = drawn(seed, rendering)
    kernel = torch.randn(3, 6, kernel_size, kernel_size, generator=generator, dtype=torch.float64)
    weights = torch.rand(2, 6, generator=generator, dtype=torch.float64).requires_grad_()
    options = {
        "rendering": rendering,
        "sigma": 2.0,
        "padding": kernel_size // 2,
        "reflect": reflect,
        "stride": stride,
        "weights": weights if weighted else None,
    }
    wrt = [kernel.requires_grad_()]
    wrt += [weights] if weighted else []
    wrt += [landmarks] if rendering != "one_hot" else []
    sparse = landmark_convolution(landmarks, kernel, SIZE, **options)
    dense = convolve_maps(landmarks, kernel, SIZE, **options)
    torch.testing.assert_close(sparse, dense)
    upstream = torch.randn(dense.shape, generator=generator, dtype=torch.float64)
    gradients = torch.autograd.grad(sparse, wrt, upstream)
    torch.testing.assert_close(gradients, torch.autograd.grad(dense, wrt, upstream))


@pytest.mark.parametrize("rendering", ["one_hot", "bilinear"])
def test_no_landmark_in_the_picture_gives_nothing(rendering):
    landmarks = torch.tensor([[[torch.nan, torch.nan], [-40.0, 3.0], [3.0, 99.0]]])
    out = landmark_convolution(
        landmarks, torch.randn(4, 3, 7, 7), SIZE, rendering=rendering, padding=3, reflect=True
    )
    assert out.shape == (1, 4, *SIZE)
    assert not out.any()
