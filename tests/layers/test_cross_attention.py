import pytest
import torch
from torch import Tensor, nn

from graphgan.layers import CrossAttention


def maps(channels: int = 4, size: tuple[int, int] = (3, 5), batch: int = 2) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(batch, channels, *size).double() for _ in range(2)]


def by_hand(attention: CrossAttention, i: int, x: Tensor, other: Tensor) -> Tensor:
    """``x + norm(extend(softmax(Q K^T / sqrt(d)) V))``, head after head."""
    x_rows, other_rows = (m.flatten(2).transpose(1, 2) for m in (x, other))
    parts = [
        project(rows).chunk(attention.num_heads, dim=-1)
        for project, rows in (
            (attention.query[i], x_rows),
            (attention.key[i], other_rows),
            (attention.value[i], other_rows),
        )
    ]
    read = [
        (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(-1) @ v
        for q, k, v in zip(*parts, strict=True)
    ]
    rows = torch.cat(read, dim=-1).transpose(1, 2)
    conv, norm = attention.extend[i]
    return x + norm(torch.einsum("oc,bcp->bop", conv.weight[:, :, 0, 0], rows).view_as(x))


@pytest.mark.parametrize("num_heads", [1, 3])
@pytest.mark.parametrize("training", [True, False])
def test_agrees_with_the_formula(num_heads, training):
    attention = CrossAttention(4, 6, num_heads=num_heads).double().train(training)
    x_1, x_2 = maps()
    y_1, y_2 = attention(x_1, x_2)
    torch.testing.assert_close(y_1, by_hand(attention, 0, x_1, x_2))
    torch.testing.assert_close(y_2, by_hand(attention, 1, x_2, x_1))


def test_what_looks_like_the_query_is_read():
    """With the unit matrix for every projection, large maps point each position at its like."""
    attention = CrossAttention(4, 4).double().eval()
    for projections in (attention.query, attention.key, attention.value):
        for projection in projections:
            nn.init.eye_(projection.weight)
    for extend in attention.extend:
        extend[0].weight.data = torch.eye(4).double()[:, :, None, None]
    x = 100 * torch.eye(4).double().view(1, 4, 2, 2)
    y_1, _ = attention(x, x.flip(2))
    torch.testing.assert_close(y_1, 2 * x, rtol=1e-4, atol=1e-9)  # eps of the untaught norm


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channels": 0}, "channels of at least 1, got 0"),
        ({"channels": 4, "inner_channels": 0}, "inner_channels of at least 1, got 0"),
        ({"channels": 4, "num_heads": 0}, "num_heads of at least 1, got 0"),
        ({"channels": 4, "inner_channels": 6, "num_heads": 4}, "divisible by 4 heads, got 6"),
    ],
)
def test_refuses_sizes_that_cannot_be(values, message):
    with pytest.raises(ValueError, match=message):
        CrossAttention(**values)
