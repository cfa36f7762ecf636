"""One system under evaluation: its results and their measurements, each computed once."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

from jaxtyping import Bool
from torch import Tensor

from graphgan.evaluation.study import Results, Seen, Study
from graphgan.evaluation.systems import System

Found = TypeVar("Found")


class Subject:
    """A system's results for the probes.

    Args:
        study: what is asked.
        system: the system under evaluation.
    Attributes:
        results: results for all probes.
        present: probes to measure: those with a result, see `among`.
    Raises:
        ValueError: no results, or errors of `Study.results`.
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
        """The same results restricted to these probes; computed values are shared."""
        own = copy.copy(self)
        own.present = self.present & members
        return own

    @property
    def seen(self) -> Seen:
        """All results as the attackers see them."""
        return self.once("seen", lambda: self.study.see(self.results.images))

    def once(self, what: Any, find: Callable[[], Found]) -> Found:
        """Return what was computed under this name, or compute it."""
        if what not in self._found:
            self._found[what] = find()
        found: Found = self._found[what]
        return found
