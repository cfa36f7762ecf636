"""One GAN training step: the generator learns first, then each discriminator.

The generator may learn only at every n-th step, to train a critic n times as often.

An `Objective` defines what is minimized; `GANStep` decides what is stepped and when.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel
from torch.utils import _pytree as pytree

from graphgan._checks import check_positive
from graphgan._states import mismatch

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Losses = dict[str, Tensor]
"""Named scalar terms, returned by an `Objective` and written to the columns of metrics.csv."""
Tensors = tuple[Tensor, ...] | list[Tensor]


@runtime_checkable
class Objective(Protocol):
    """The losses of a recipe's networks. It computes them and does not step optimizers.

    An objective that keeps state between steps is also `Stateful`. The modules it receives run
    under the run's precision. A batch may have any type. An output is a tensor or any nesting of
    tensors in tuples, named tuples, lists, dicts and dataclasses, which may also contain None,
    numbers and strings. Discriminators receive a detached output of the same type.

    Example:
        >>> class LeastSquares:
        ...     def generate(self, generator, batch):
        ...         return {"image": generator(batch["noise"])}
        ...
        ...     def generator_losses(self, discriminators, batch, output):
        ...         return {"g": (discriminators["d"](output["image"]) - 1).square().mean()}
        ...
        ...     def discriminator_losses(self, name, discriminator, batch, output):
        ...         real, fake = discriminator(batch["image"]), discriminator(output["image"])
        ...         return {f"d_{name}": (real - 1).square().mean() + fake.square().mean()}
        >>> isinstance(LeastSquares(), Objective)
        True
    """

    def generate(self, generator: nn.Module, batch: Any) -> Any:
        """The generator's output for a batch."""
        ...

    def generator_losses(
        self, discriminators: Mapping[str, nn.Module], batch: Any, output: Any
    ) -> Losses:
        """Weighted terms by name; the generator minimizes their sum."""
        ...

    def discriminator_losses(
        self, name: str, discriminator: nn.Module, batch: Any, output: Any
    ) -> Losses:
        """Weighted terms of one discriminator; ``output`` is detached from the generator."""
        ...


@runtime_checkable
class Stateful(Protocol):
    """An object with state that a resumed run needs, like a network."""

    def state_dict(self) -> dict[str, Any]:
        """The state to save."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        ...


@dataclass
class Player:
    """A network and its optimizer, as returned by `Fabric.setup`, with its full learning rate."""

    module: Any
    optimizer: Optimizer
    lr: float

    @property
    def network(self) -> nn.Module:
        """The network itself, without distributed wrappers."""
        network: nn.Module = self.module.module
        return network

    def learn(self, fabric: "Fabric", losses: Losses, lr_factor: float) -> None:
        """Take one optimizer step on the sum of the losses, at a fraction of the learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * lr_factor
        self.optimizer.zero_grad(set_to_none=True)
        fabric.backward(torch.stack(list(losses.values())).sum())
        self.optimizer.step()


class GANStep:
    """Train a generator against discriminators, one batch per call.

    Args:
        fabric: device, precision and processes.
        generator: learns first.
        discriminators: learn after the generator, one by one, in this order.
        objective: what they minimize.
        seed: determines dropout and other randomness of a step, together with the step and process
            numbers, so that a resumed run draws the same as an uninterrupted one.
        ema_decay: decay of the moving average of the generator's weights and statistics, which is
            used for samples and saved weights; ``min(ema_decay, (1 + t) / (10 + t))`` after t
            generator steps, so that an early average forgets the untrained network.
        generator_every: the generator learns at every n-th step, after the discriminators' other n
            - 1 steps.
    Raises:
        ValueError: ``generator_every`` below 1.
    """

    def __init__(
        self,
        fabric: "Fabric",
        generator: Player,
        discriminators: dict[str, Player],
        objective: Objective,
        *,
        seed: int = 0,
        ema_decay: float = 0.999,
        generator_every: int = 1,
    ) -> None:
        check_positive(generator_every=generator_every)
        self.fabric = fabric
        self.generator = generator
        self.discriminators = discriminators
        self.objective = objective
        self.seed = seed
        self.generator_every = generator_every
        average = _moving_average(ema_decay)
        self.averaged = AveragedModel(generator.network, multi_avg_fn=average, use_buffers=True)

    def __call__(self, batch: Any, step: int, *, lr_factor: float = 1.0) -> Losses:
        """Train on one batch; returns every loss term, detached, by name."""
        torch.manual_seed(_mix(self.seed, step, self.fabric.global_rank))
        losses: Losses = {}
        if (step + 1) % self.generator_every == 0:
            output, losses = self._teach_generator(batch, lr_factor)
        else:
            with torch.no_grad():
                output = self.objective.generate(self.generator.module, batch)
        output = detached(output)
        for name, player in self.discriminators.items():
            own = self.objective.discriminator_losses(name, player.module, batch, output)
            _check_losses("discriminator_losses", own)
            player.learn(self.fabric, own, lr_factor)
            losses |= own
        if (step + 1) % self.generator_every == 0:
            self.averaged.update_parameters(self.generator.network)
        return {name: value.detach() for name, value in losses.items()}

    def _teach_generator(self, batch: Any, lr_factor: float) -> tuple[Any, Losses]:
        """What it made of the batch before it learned, and what it minimized."""
        output = self.objective.generate(self.generator.module, batch)
        # The unwrapped networks: distributed wrappers would wait for gradients.
        networks = {name: player.network for name, player in self.discriminators.items()}
        with frozen(networks.values()), self.fabric.autocast():
            losses = self.objective.generator_losses(networks, batch, output)
        _check_losses("generator_losses", losses)
        self.generator.learn(self.fabric, losses, lr_factor)
        return output, losses

    def state_dict(self) -> dict[str, Any]:
        """Weights, averages, optimizers, and the state of the objective in this process."""
        players = self._players
        own = self.objective.state_dict() if isinstance(self.objective, Stateful) else {}
        return {
            "networks": {name: player.network.state_dict() for name, player in players.items()},
            "optimizers": {name: player.optimizer.state_dict() for name, player in players.items()},
            "averaged": self.averaged.state_dict(),
            "objective": own,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            ValueError: the state of other networks.
        """
        with _errors_of_states():
            if lacking := self._players.keys() - state["networks"].keys():
                raise ValueError(f"{', '.join(sorted(lacking))} missing")
        self.load_networks(state)
        with _errors_of_states():
            for name, player in self._players.items():
                player.optimizer.load_state_dict(state["optimizers"][name])
            if isinstance(self.objective, Stateful):
                self.objective.load_state_dict(state["objective"])

    def load_networks(self, state: dict[str, Any]) -> None:
        """Load only the networks and the moving average from a result of `state_dict`.

        Discriminators that the state lacks stay as they are.

        Raises:
            ValueError: a state of other networks.
        """
        with _errors_of_states():
            for name, player in self._players.items():
                if name == "generator" or name in state["networks"]:
                    _load(player.network, state["networks"][name])
            _load(self.averaged, state["averaged"])

    def load_generator(self, weights: Mapping[str, Tensor]) -> None:
        """Load the weights of a generator, with which its moving average also begins.

        Raises:
            ValueError: weights of another network.
        """
        with _errors_of_states():
            for network in (self.generator.network, self.averaged.module):
                _load(network, weights)

    @property
    def _players(self) -> dict[str, Player]:
        return {"generator": self.generator, **self.discriminators}

    def is_finite(self) -> bool:
        """Whether every weight and statistic of every network is a number."""
        networks = [self.averaged, *(player.network for player in self._players.values())]
        return all(bool(t.isfinite().all()) for n in networks for t in n.state_dict().values())


def _check_losses(method: str, losses: Any) -> None:
    """Raise ``ValueError`` unless there are scalar tensors by name."""
    expected = f"expected Objective.{method} to return scalar tensors by name, got"
    if not isinstance(losses, dict) or not losses:
        raise ValueError(f"{expected} {losses!r:.80}")
    for name, loss in losses.items():
        if not isinstance(loss, Tensor) or loss.ndim > 0:
            shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise ValueError(f"{expected} {shape} for {name!r}")


def _moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    @torch.no_grad()
    def update(averaged: Tensors, current: Tensors, steps: Tensor | int) -> None:
        taken = torch.as_tensor(steps, dtype=torch.float32)  # stays on its device: no waiting
        weight = 1 - ((1 + taken) / (10 + taken)).clamp(max=decay)
        for old, new in zip(averaged, current, strict=True):
            if old.is_floating_point():
                old.lerp_(new, weight.to(old.dtype))
            else:
                old.copy_(new)

    return update


@contextmanager
def _errors_of_states() -> Iterator[None]:
    """What goes wrong with the state of other networks, in one line."""
    try:
        yield
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"expected a state of this configuration: {reason}") from error


def _load(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """In place: optimizers hold the parameters."""
    if problems := mismatch(network.state_dict(), state):
        raise ValueError(problems)
    network.load_state_dict(dict(state))


def _mix(seed: int, step: int, rank: int) -> int:
    """One number for three, without the overlaps of a sum."""
    return (seed * 1_000_003 + step) * 4_099 + rank


_PLAIN = (type(None), bool, int, float, complex, str, bytes, Enum, torch.dtype, torch.device)


def detached(output: Any, name: str = "output") -> Any:
    """The same nesting of tuples, lists, dicts and dataclasses, with detached tensors.

    Raises:
        ValueError: anything else inside; the message gives its position and type.
    """

    def part(path: tuple[Any, ...], leaf: Any) -> Any:
        here = name + pytree.keystr(path)
        if isinstance(leaf, Tensor):
            return leaf.detach()
        if is_dataclass(leaf) and not isinstance(leaf, type):
            return _dataclass_detached(leaf, here)
        if isinstance(leaf, _PLAIN):
            return leaf
        kind = type(leaf)
        raise ValueError(
            "expected Objective.generate to return tensors, nested in tuples, lists, dicts or "
            f"dataclasses, got {kind.__module__}.{kind.__qualname__} in {here}"
        )

    return pytree.tree_map_with_path(part, output)


def _dataclass_detached(whole: Any, name: str) -> Any:
    """A copy, frozen or not, made without calling the constructor."""
    result = copy.copy(whole)
    names = {field.name for field in fields(whole)}
    names.update(getattr(whole, "__dict__", ()))  # cached properties are not fields
    for part in names:
        value = detached(getattr(whole, part), f"{name}.{part}")
        object.__setattr__(result, part, value)
    return result


@contextmanager
def frozen(modules: Iterable[nn.Module]) -> Iterator[None]:
    """No gradients for the parameters of ``modules``; gradients still pass through to the input."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
