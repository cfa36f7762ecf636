import pytest
import torch
import torch.nn.functional as F

from graphgan.layers import IdentityEmbedding


def test_a_column_is_the_product_with_a_one_hot_vector():
    embedding = IdentityEmbedding(7, width=2).double().eval()
    identity = torch.tensor([0, 6, 3])
    x = F.leaky_relu(embedding.first(F.one_hot(identity, 7).double()), 0.2)
    for i in range(6):
        lin = embedding.lin[i][0]
        x = F.leaky_relu(x @ lin.weight.T + lin.bias, 0.2)
    expected = embedding.conv(x.view(3, 2, 4, 4))
    torch.testing.assert_close(embedding(identity), expected)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (torch.tensor([7]), "identity from 0 to 6, got 7"),
        (torch.tensor([-1]), "identity from 0 to 6, got -1"),
        (torch.tensor([1.0]), "identity of int64, got torch.float32"),
        (torch.tensor([]).long(), r"shape \(b,\), got \(0,\)"),
        (torch.tensor(3), r"shape \(b,\), got \(\)"),
    ],
)
def test_refuses_people_that_there_are_not(identity, message):
    with pytest.raises(ValueError, match=message):
        IdentityEmbedding(7, width=2)(identity)
