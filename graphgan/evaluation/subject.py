"""One system under examination: its results, and what judges found in them, each found once."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

from jaxtyping import Bool
from torch import Tensor

from graphgan.evaluation.study import Results, Seen, Study
from graphgan.evaluation.systems import System

Found = TypeVar("Found")


class Subject:
    """What a system made of the probes.

    Args:
        study: what is asked.
        system: whose results are examined.
    Attributes:
        results: of all probes.
        present: the probes that are asked about: those with a result, see `among`.
    Raises:
        ValueError: not one result, or what `Study.results` raises.
    """

    def __init__(self, study: Study, system: System) -> None:
        self.study, self.system = study, system
        trials = study.trials
        self.results: Results = study.results(system, trials.probes, trials.conditions)
        self.present: Bool[Tensor, n] = self.results.present
        self._found: dict[Any, Any] = {}
        if not self.present.any():
            raise ValueError(f"{system.name}: expected results for the probes, got none")

    def among(self, members: Bool[Tensor, "n"]) -> "Subject":
        """The same, asked about these probes alone; what was found is shared."""
        own = copy.copy(self)
        own.present = self.present & members
        return own

    @property
    def seen(self) -> Seen:
        """All results as the attackers see them."""
        return self.once("seen", lambda: self.study.see(self.results.images))

    def once(self, what: Any, find: Callable[[], Found]) -> Found:
        """What was found before under that name, or what is found now."""
        if what not in self._found:
            self._found[what] = find()
        found: Found = self._found[what]
        return found
