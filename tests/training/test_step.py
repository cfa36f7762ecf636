import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pytest
import torch


def weights(network):
    return [p.detach().clone() for p in network.parameters()]


def test_the_generator_learns_first_and_the_discriminator_sees_what_it_made_before(toy, batches):
    seen = []
    objective = toy.objective
    generator, critic = toy.generator.network, toy.discriminators["critic"].network
    before = weights(generator), weights(critic)

    class Watched(type(objective)):
        def generator_losses(self, discriminators, batch, output):
            seen.append(("G", discriminators["critic"].weight.requires_grad))
            return super().generator_losses(discriminators, batch, output)

        def discriminator_losses(self, name, discriminator, batch, output):
            moved = not torch.equal(generator[0].weight, before[0][0])
            seen.append(("D", output.image.requires_grad, critic.weight.grad is None, moved))
            return super().discriminator_losses(name, discriminator, batch, output)

    objective.__class__ = Watched
    toy(batches[0], 0)
    # The critic is frozen while the generator learns and gets no gradient from it; then the
    # generator has moved, and nothing leads back to it.
    assert seen == [("G", False), ("D", False, True, True)]
    assert critic.weight.requires_grad
    assert not torch.equal(critic.weight, before[1][0])


class Maps(NamedTuple):
    """A tuple with names, and what is no tensor."""

    image: torch.Tensor
    name: str | None = None


@dataclass
class Made:
    """Nested in itself; remembers what it computed."""

    image: torch.Tensor
    more: Any = None

    @cached_property
    def bright(self):
        return 2 * self.image


@dataclass(frozen=True, slots=True)
class Fixed:
    """May not be changed, has no attributes but its own."""

    image: torch.Tensor


def made_bright(image):
    made = Made(image, {"parts": [Made(image)]})
    assert made.bright.requires_grad
    return made


@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (lambda x: x, lambda o: o),
        (lambda x: (x,), lambda o: o[0]),
        (lambda x: [None, [x]], lambda o: o[1][0]),
        (lambda x: {"made": (3, x), "name": "a"}, lambda o: o["made"][1]),
        (lambda x: ((x, x), Maps(x)), lambda o: o[1].image),
        (made_bright, lambda o: o.more["parts"][0].image),
        (made_bright, lambda o: o.bright / 2),
        (Fixed, lambda o: o.image),
    ],
)
def test_an_output_of_any_nesting_leads_no_discriminator_back_to_the_generator(
    toy, batches, wrap, unwrap
):
    objective, seen = toy.objective, []
    objective.generate = lambda generator, batch: wrap(generator(batch))
    objective.generator_losses = lambda networks, batch, output: {"g": unwrap(output).mean()}

    def discriminator_losses(name, discriminator, batch, output):
        seen.append(output)
        return {"d": discriminator(unwrap(output)).mean()}

    objective.discriminator_losses = discriminator_losses
    image = toy.generator.network(batches[0]).detach()
    toy(batches[0], 0)
    (output,) = seen
    assert type(output) is type(wrap(image.requires_grad_()))
    torch.testing.assert_close(unwrap(output), image)
    assert not unwrap(output).requires_grad


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda x: {x}, r"got builtins\.set in output$"),
        (lambda x: {"a": [x, iter([x])]}, r"got builtins\.list_iterator in output\['a'\]\[1\]$"),
        (lambda x: Made(x, (Made,)), r"got builtins\.type in output\.more\[0\]$"),
    ],
)
def test_an_output_of_other_things_is_refused_by_name(toy, batches, wrap, message):
    toy.objective.generate = lambda generator, batch: wrap(generator(batch))
    toy.objective.generator_losses = lambda networks, batch, output: {"g": torch.ones(()) * one}
    one = toy.generator.network[0].weight.sum()
    with pytest.raises(ValueError, match=f"expected Objective.generate to return .*{message}"):
        toy(batches[0], 0)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (torch.zeros(()), r"by name, got tensor\(0\.\)"),
        ({}, "by name, got {}"),
        ({"g": torch.zeros(4, 1)}, r"by name, got \(4, 1\) for 'g'"),
        ({"g": 0.5}, "by name, got float for 'g'"),
    ],
)
def test_other_losses_than_scalars_by_name_are_refused(toy, batches, losses, message):
    toy.objective.generator_losses = lambda networks, batch, output: losses
    with pytest.raises(ValueError, match=f"expected Objective.generator_losses .*{message}"):
        toy(batches[0], 0)


def test_a_step_is_gradient_descent_by_hand(toy, batches):
    twin = copy.deepcopy(toy.generator.network)
    critic = copy.deepcopy(toy.discriminators["critic"].network)
    losses = toy(batches[0], 0, lr_factor=0.5)
    image = twin(batches[0])
    g_critic, g_size = -critic(image).mean(), 0.1 * image.square().mean()
    (gradient,) = torch.autograd.grad(g_critic + g_size, twin[0].weight, retain_graph=True)
    torch.testing.assert_close(
        toy.generator.network[0].weight, twin[0].weight - 0.1 * 0.5 * gradient
    )
    d_gradient = (image.mean(0) - batches[0].mean(0)).detach()[None]
    torch.testing.assert_close(
        toy.discriminators["critic"].network.weight, critic.weight - 0.1 * 0.5 * d_gradient
    )
    torch.testing.assert_close(losses["g_critic"], g_critic.detach())
    assert list(losses) == ["g_critic", "g_size", "d_critic"]
    assert not any(value.requires_grad for value in losses.values())


def test_the_average_follows_its_formula(toy, batches):
    network = toy.generator.network
    names = ["0.weight", "1.running_mean"]  # statistics are averaged as well
    expected = None
    for step in range(12):
        toy(batches[step % 4], step)
        now = {name: network.state_dict()[name].clone() for name in names}
        if expected is None:
            expected = now
        decay = min(0.5, (1 + step) / (10 + step))
        expected = {name: decay * expected[name] + (1 - decay) * now[name] for name in names}
    averaged = toy.averaged.module.state_dict()
    for name in names:
        torch.testing.assert_close(averaged[name], expected[name])
        assert not torch.equal(averaged[name], network.state_dict()[name])


def test_the_generator_may_learn_at_every_third_step_alone(make_toy, batches):
    toy, graphs = make_toy(every=3), []
    generator, critic = toy.generator.network, toy.discriminators["critic"].network
    generate = toy.objective.generate

    def watched(*inputs):
        output = generate(*inputs)
        graphs.append(output.image.requires_grad)
        return output

    toy.objective.generate = watched
    moved, names, averages = [], [], []
    for step in range(6):
        before = weights(generator), weights(critic)
        names.append(list(toy(batches[step], step)))
        both = zip(before, (weights(generator), weights(critic)), strict=True)
        moved.append([not torch.equal(old[0], new[0]) for old, new in both])
        averages.append(int(toy.averaged.n_averaged))
    critic_alone, together = [False, True], [True, True]
    assert moved == 2 * [critic_alone, critic_alone, together]
    assert graphs == 2 * [False, False, True]
    assert averages == [0, 0, 1, 1, 1, 2]
    assert names == 2 * [["d_critic"], ["d_critic"], ["g_critic", "g_size", "d_critic"]]


def test_chance_follows_from_seed_and_step_alone(make_toy, batches):
    first, second, other = make_toy(), make_toy(), make_toy(seed=1)
    for step in (0, 1):
        first(batches[0], step)
    torch.rand(5)
    second(batches[0], 1)
    other(batches[0], 1)
    assert first.objective.noise[1] == second.objective.noise[0]
    assert len({*first.objective.noise, *other.objective.noise}) == 3


def test_a_loaded_state_goes_on_as_if_nothing_had_happened(make_toy, batches, tmp_path):
    whole, first, second = make_toy(), make_toy(), make_toy()
    for step in range(4):
        whole(batches[step], step)
    for step in range(2):
        first(batches[step], step)
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for step in range(2, 4):
        second(batches[step], step)
    for ours, theirs in (
        (second.generator.network, whole.generator.network),
        (second.averaged, whole.averaged),
        (second.discriminators["critic"].network, whole.discriminators["critic"].network),
    ):
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.pop("networks"),
        lambda state: state["networks"].pop("critic"),
        lambda state: state.update(networks=None),
        lambda state: state.update(networks=[1, 2]),
        lambda state: state["networks"].update(generator=torch.ones(3)),
        lambda state: state["optimizers"].update(generator={}),
        lambda state: state["optimizers"].update(generator=None),
        lambda state: state.update(averaged=None),
    ],
)
def test_another_state_is_refused(toy, spoil):
    state = toy.state_dict()
    spoil(state)
    with pytest.raises(ValueError, match="expected a state of this configuration"):
        toy.load_state_dict(state)


@pytest.mark.parametrize("where", ["weight", "statistic", "average", "discriminator"])
def test_one_number_that_is_none_is_noticed(toy, where):
    network = {
        "weight": toy.generator.network[0].weight,
        "statistic": toy.generator.network[1].running_var,
        "average": toy.averaged.module[0].bias,
        "discriminator": toy.discriminators["critic"].network.bias,
    }[where]
    assert toy.is_finite()
    network.data[..., -1] = torch.inf
    assert not toy.is_finite()
