"""State dicts that do not fit, said in a line."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn


def load_exactly(module: nn.Module, state: Mapping[str, Tensor], *, at_most: int = 3) -> None:
    """``module.load_state_dict``, strict, with a short error.

    Args:
        at_most: how many keys of each kind an error names.
    Raises:
        ValueError: keys that are missing, left over or of another shape.
    """
    own = module.state_dict()
    shapes = [
        f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}"
        for key in own.keys() & state.keys()
        if state[key].shape != own[key].shape
    ]
    problems = {
        "missing": own.keys() - state.keys(),
        "left over": state.keys() - own.keys(),
        "of another shape": shapes,
    }
    if said := [f"{_some(keys, at_most)} {kind}" for kind, keys in problems.items() if keys]:
        raise ValueError(f"expected the weights of a {type(module).__name__}: {'; '.join(said)}")
    module.load_state_dict(state)


def _some(names: Iterable[str], at_most: int) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - at_most} more" if len(listed) > at_most else ""
    return f"{', '.join(listed[:at_most])}{more}"
