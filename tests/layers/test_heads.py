import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from graphgan.layers import AttentionHead, ImageHead, blend

upsamplings = pytest.mark.parametrize("upsampling", ["transposed", "resize"])


@pytest.mark.parametrize("norm", ["batch", "instance", "group"])
@upsamplings
def test_the_image_by_hand(norm, upsampling):
    head = ImageHead(8, norm=norm, upsampling=upsampling).double()
    x = torch.randn(2, 8, 3, 4).double()
    up_1, norm_1, _, up_2, norm_2, _ = head.up
    inner = norm_2(up_2(norm_1(up_1(x)).relu())).relu()
    padded = F.pad(inner, (3, 3, 3, 3), mode="reflect")
    expected = F.conv2d(padded, head.to_image.weight, head.to_image.bias).tanh()
    torch.testing.assert_close(head(x), expected)
    assert head(x).shape == (2, 3, 12, 16)


@upsamplings
def test_attention_is_linear_before_its_sigmoid(upsampling):
    head = AttentionHead(8, upsampling=upsampling).double()
    raw = AttentionHead(8, bounded=False, upsampling=upsampling).double()
    raw.load_state_dict(head.state_dict())
    x, y = torch.randn(2, 1, 8, 3, 4).double()
    torch.testing.assert_close(head(x), raw(x).sigmoid())
    torch.testing.assert_close(raw(2 * x - 3 * y), 2 * raw(x) - 3 * raw(y))
    assert not raw(torch.zeros_like(x)).any()  # no bias


def test_doubling_copies_nothing_but_a_third_of_the_published_kernel_at_odd_pixels():
    up = ImageHead(4).up[0].double()
    with torch.no_grad():
        up.weight.fill_(1.0)
    out = up(torch.ones(1, 4, 3, 3).double())[0, 0]
    # A transposed 3x3 kernel of stride 2 covers pixels 1, 2 or 4 times: the grid of dots.
    assert out[:4, :4].tolist() == [[4, 8, 4, 8], [8, 16, 8, 16], [4, 8, 4, 8], [8, 16, 8, 16]]


def test_resizing_leaves_no_grid():
    head = AttentionHead(4, bounded=False, upsampling="resize").double()
    out = head(torch.ones(1, 4, 5, 5).double())
    inner = out[..., 3:-3, 3:-3]  # away from the zero padding
    torch.testing.assert_close(inner, inner[..., :1, :1].expand_as(inner))


# blend


def pictures():
    return (2 * torch.rand(2, 2, 3, 4, 5) - 1).unbind()


def test_the_published_code_attends_to_what_is_generated():
    (intermediate, base), attention = pictures(), torch.rand(2, 1, 4, 5)
    out = blend(attention, intermediate, base, mode="attend_intermediate")
    torch.testing.assert_close(out, blend(1 - attention, intermediate, base))
    outside = blend(attention, intermediate, 3 + base, mode="attend_intermediate")
    assert outside.max() == 1.0


@given(a=st.floats(0, 1), x=st.floats(-1, 1), y=st.floats(-1, 1))
def test_a_blend_lies_between_its_pictures(a, x, y):
    full = [
        torch.full((1, c, 1, 1), value, dtype=torch.float64)
        for c, value in ((1, a), (3, x), (3, y))
    ]
    for mode in ("attend_base", "attend_intermediate"):
        value = blend(*full, mode=mode)[0, 0].item()
        assert min(x, y) - 1e-12 <= value <= max(x, y) + 1e-12


@pytest.mark.parametrize(
    ("mode", "maps", "message"),
    [
        ("attend_base", 2, "1 maps for mode='attend_base', got 2"),
        ("attend_intermediate", 2, "1 maps for mode='attend_intermediate', got 2"),
        ("two_maps", 1, "2 maps for mode='two_maps', got 1"),
    ],
)
def test_refuses_another_number_of_maps(mode, maps, message):
    with pytest.raises(ValueError, match=message):
        blend(torch.ones(2, maps, 4, 5), *pictures(), mode=mode)
