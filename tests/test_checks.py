import pytest
import torch

from graphgan._checks import (
    check_choice,
    check_features,
    check_indices,
    check_pair,
    check_positive,
)

X = torch.ones(2, 4, 3, 3)


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        (check_features, (X, 5), r"expected features of shape \(b, 5, h, w\), got \(2, 4, 3, 3\)$"),
        (check_features, (X[0], 4, "x"), r"expected x of shape \(b, 4, h, w\), got \(4, 3, 3\)$"),
        (check_features, (X[:0], 4), "expected at least one item in features, got an empty batch$"),
        (check_features, (X.int(), 4), "expected floating-point features, got torch.int32$"),
        (check_pair, (X, X[:, :3], 4), r"expected x_2 of shape \(b, 4, h, w\), got"),
        (check_pair, (X, X[:1], 4), r"expected two maps of one shape, got .* and \(1, 4, 3, 3\)$"),
        (
            check_choice,
            ("blend", "sum", ("a", "b")),
            "expected blend to be one of 'a', 'b'; got 's",
        ),
        (check_indices, ("i", torch.tensor([7]), 7), "expected i from 0 to 6, got 7$"),
        (check_indices, ("i", torch.tensor([-1, 9]), 7), "expected i from 0 to 6, got -1$"),
        (check_indices, ("i", torch.tensor([1.0]), 7), "expected i of int64, got torch.float32$"),
    ],
)
def test_what_does_not_pass_is_told_with_what_was_expected(check, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        check(*arguments)


def test_sizes_and_smallest_maps():
    check_features(X, 4, smallest=3)
    with pytest.raises(ValueError, match="features with sides of at least 4 pixels, got 3 x 3"):
        check_features(X, 4, smallest=4)
    with pytest.raises(ValueError, match="expected width of at least 1, got 0"):
        check_positive(channels=1, width=0)
