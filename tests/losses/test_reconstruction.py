import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphgan.losses import reconstruction_loss


def by(*values: float) -> torch.Tensor:
    """Images of even gray, one an item."""
    return (
        torch.tensor(values, dtype=torch.float32)[:, None, None, None].expand(-1, 3, 4, 4).clone()
    )


ZEROS = by(0, 0, 0)


def test_the_mean_over_the_selected_items():
    output = by(1, -10, 100)
    assert reconstruction_loss(output, ZEROS).item() == pytest.approx(37)
    selected = torch.tensor([True, True, False])
    assert reconstruction_loss(output, ZEROS, selected=selected).item() == pytest.approx(5.5)
    loss = reconstruction_loss(output, ZEROS, selected=selected, count=4.0)
    assert loss.item() == pytest.approx(11 / 4)
    assert reconstruction_loss(output, ZEROS, count=4.0).item() == pytest.approx(111 / 4)


def test_without_a_selection_it_is_l1():
    output, target = torch.randn(2, 2, 3, 4, 5)
    expected = torch.nn.functional.l1_loss(output, target)
    torch.testing.assert_close(reconstruction_loss(output, target), expected)


def test_a_region_counts_its_own_pixels():
    output, region = ZEROS.clone(), torch.zeros(3, 1, 4, 4)
    output[0, :, 0, 0], region[0, :, 0, :2] = 6, 1  # one of the two pixels inside
    output[1], region[1] = 5, 1
    output[2] = 1000  # an empty region
    assert reconstruction_loss(output, ZEROS, region=region).item() == pytest.approx((3 + 5) / 3)
    one_only = torch.tensor([True, False, False])
    loss = reconstruction_loss(output, ZEROS, region=region, selected=one_only)
    assert loss.item() == pytest.approx(3)


def test_a_full_region_changes_nothing():
    output, target = torch.randn(2, 2, 3, 4, 5)
    loss = reconstruction_loss(output, target, region=torch.ones(2, 1, 4, 5))
    torch.testing.assert_close(loss, reconstruction_loss(output, target))


def test_only_the_output_is_pulled():
    output, target = (torch.randn(2, 3, 4, 4, requires_grad=True) for _ in range(2))
    reconstruction_loss(output, target).backward()
    torch.testing.assert_close(output.grad, (output - target).sign() / output.numel())
    assert target.grad is None


@pytest.mark.parametrize("count", [None, 0.0, torch.tensor(0.0), 3.0])
def test_nothing_selected_is_nothing_with_a_graph(count):
    output = torch.randn(2, 3, 4, 4, requires_grad=True)
    selected = torch.zeros(2, dtype=torch.bool)
    loss = reconstruction_loss(output, torch.zeros(2, 3, 4, 4), selected=selected, count=count)
    assert loss.item() == 0
    loss.backward()
    assert not output.grad.any()


@given(selected=st.lists(st.booleans(), min_size=6, max_size=6), seed=st.integers(0, 99))
def test_two_processes_average_to_the_whole_batch(selected, seed):
    torch.manual_seed(seed)
    chosen = torch.tensor(selected)
    output, target = torch.randn(2, 6, 3, 4, 4).double()
    output.requires_grad_()
    whole = reconstruction_loss(output, target, selected=chosen)
    average = (
        sum(
            reconstruction_loss(
                output[part], target[part], selected=chosen[part], count=chosen.sum() / 2
            )
            for part in (slice(0, 2), slice(2, 6))
        )
        / 2
    )
    torch.testing.assert_close(average, whole)
    gradients = (torch.autograd.grad(loss, output)[0] for loss in (average, whole))
    torch.testing.assert_close(*gradients)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ((3, 3, 4, 5), {}, r"one shape, got \(3, 3, 4, 4\) and \(3, 3, 4, 5\)"),
        ((1, 3, 4, 4), {}, r"one shape, got \(3, 3, 4, 4\) and \(1, 3, 4, 4\)"),
        ((3, 3, 4, 4), {"region": (1, 1, 4, 4)}, r"\(3, 1, 4, 4\), got \(1, 1, 4, 4\)"),
        ((3, 3, 4, 4), {"region": (3, 3, 4, 4)}, r"\(3, 1, 4, 4\), got \(3, 3, 4, 4\)"),
        ((3, 3, 4, 4), {"selected": (3, 1)}, r"selected of shape \(3,\), got \(3, 1\)"),
        ((3, 3, 4, 4), {"selected": (1,)}, r"selected of shape \(3,\), got \(1,\)"),
    ],
)
def test_refuses_other_shapes(target, options, message):
    options = {name: torch.ones(shape) for name, shape in options.items()}
    with pytest.raises(ValueError, match=message):
        reconstruction_loss(ZEROS, torch.ones(target), **options)
