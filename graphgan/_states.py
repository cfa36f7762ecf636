"""State dicts that do not fit, said in a line."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn


def mismatch(
    expected: Mapping[str, Tensor], state: Mapping[str, Tensor], *, at_most: int = 3
) -> str:
    """Which keys are missing, left over or of another shape; empty where all is well.

    Args:
        at_most: how many keys of each kind are named.
    """
    shapes = [
        f"{key} {tuple(state[key].shape)} for {tuple(tensor.shape)}"
        for key, tensor in expected.items()
        if key in state and state[key].shape != tensor.shape
    ]
    problems = {
        "missing": [key for key in expected if key not in state],
        "left over": [key for key in state if key not in expected],
        "of another shape": shapes,
    }
    return "; ".join(f"{_some(keys, at_most)} {kind}" for kind, keys in problems.items() if keys)


def load_exactly(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """``module.load_state_dict``, strict, with a short error.

    Raises:
        ValueError: keys that are missing, left over or of another shape.
    """
    if problems := mismatch(module.state_dict(), state):
        raise ValueError(f"expected the weights of {type(module).__name__}: {problems}")
    module.load_state_dict(state)


def _some(names: Iterable[str], at_most: int) -> str:
    listed = list(names)
    more = f" and {len(listed) - at_most} more" if len(listed) > at_most else ""
    return f"{', '.join(listed[:at_most])}{more}"
