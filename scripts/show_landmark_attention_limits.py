"""What landmark attention can learn: `python scripts/show_landmark_attention_limits.py --help`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import SyntheticFaces
from graphgan.landmarks import one_hot_maps
from graphgan.layers import LandmarkAttention
from graphgan.layers._landmark_attention import Descriptor
from graphgan.models import LandmarkGenerator


@dataclass(frozen=True, kw_only=True)
class Options:
    """Teach the weights of landmark attention directly, with the true answer at hand.

    Four lessons, from easy to hard; each descriptor learns each on the landmarks of drawn faces and
    is asked about faces of other people.
    """

    steps: int = 2_000
    """Of Adam."""
    learning_rate: float = 1e-2
    """50 times the paper's, so that patience is not what is missing."""
    people: int = 64
    """Drawn people, four faces each; the last quarter is asked about."""
    size: int = 64
    """Side of the faces, in pixels."""


def main(options: Options) -> None:
    torch.manual_seed(0)
    points = _landmarks(options)
    size = (options.size, options.size)
    print("\n".join(_of_maps(points, size)) + "\n")
    print("\n".join(_of_gradients(points, size)) + "\n")
    print("| lesson | no lesson at all | " + " | ".join(get_args(Descriptor)) + " |")
    print("|---|---|" + "---|" * len(get_args(Descriptor)))
    for name, lesson in LESSONS.items():
        errors = [_learn(kind, lesson, points, options) for kind in get_args(Descriptor)]
        answers = _asked(lesson(_unit(points, size)))
        unlearned = (answers - 0.5).abs().mean()
        print(f"| {name} | {unlearned:.3f} | " + " | ".join(f"{e:.3f}" for e in errors) + " |")


def _landmarks(options: Options) -> Tensor:
    faces = SyntheticFaces(options.people, 4, size=options.size, seed=0)
    return torch.stack([faces[i].landmarks for i in range(len(faces))])


def _unit(points: Tensor, size: tuple[int, int]) -> Tensor:
    """From -1 to 1 over the picture."""
    return 2 * points / (torch.tensor([size[1], size[0]]) - 1) - 1


def _constant(points: Tensor) -> Tensor:
    return torch.full(points.shape[:2], 0.8)


def _by_landmark(points: Tensor) -> Tensor:
    """Every landmark an answer of its own, the same for all faces."""
    own = torch.rand(points.shape[1], generator=torch.Generator().manual_seed(0))
    return (0.1 + 0.8 * own).expand(points.shape[:2])


def _by_position(points: Tensor) -> Tensor:
    """The farther to the right, the more."""
    return torch.sigmoid(4 * points[..., 0])


def _by_company(points: Tensor) -> Tensor:
    """By the distance to the middle of all landmarks, which no landmark knows by itself."""
    return torch.sigmoid(8 * (points - points.mean(1, keepdim=True)).norm(dim=-1) - 3)


LESSONS: dict[str, Callable[[Tensor], Tensor]] = {
    "0.8 for all": _constant,
    "a weight for each landmark": _by_landmark,
    "by position": _by_position,
    "by distance to the middle of all": _by_company,
}


def _of_maps(points: Tensor, size: tuple[int, int]) -> list[str]:
    """What the published descriptor says of the landmarks, and the weights it makes untaught."""
    inside = points.clamp(0, size[0] - 1)
    means = one_hot_maps(inside, size).mean((2, 3))
    with torch.no_grad():
        weights = torch.cat(LandmarkAttention(points.shape[1])(inside, inside.flip(0), size))
    low, high, count = means.min(), means.max(), means.numel()
    return [
        f"mean of a one-hot map: {low:.4e} to {high:.4e} over {count:,} maps",
        f"weights before training, gap: {weights.min():.6f} to {weights.max():.6f}",
    ]


def _of_gradients(points: Tensor, size: tuple[int, int]) -> list[str]:
    """How much of a loss of the picture reaches the attention, and the layer after it."""
    lines = []
    for kind in get_args(Descriptor):
        torch.manual_seed(0)
        generator = LandmarkGenerator(
            width=16, num_blocks=2, landmark_attention=kind, dropout=0.0, blend="none"
        )
        images, wanted = torch.rand(2, 8, 6, *size), torch.rand(8, 3, *size)
        out = generator(images[0], (points[:8], points[8:16])).image
        (out - wanted).abs().mean().backward()
        attention = _norm(list(generator.landmark_attention.parameters()))
        stem = _norm([generator.shape_encoder.stem.conv.weight])
        lines.append(f"gradient of L1, {kind}: attention {attention:.1e}, next layer {stem:.1e}")
    return lines


def _norm(parameters: list[torch.nn.Parameter]) -> float:
    gradients = [p.grad.flatten() for p in parameters if p.grad is not None]
    return float(torch.cat(gradients).norm())


def _asked(values: Tensor) -> Tensor:
    return values[len(values) * 3 // 4 :]


def _learn(
    kind: Descriptor, lesson: Callable[[Tensor], Tensor], points: Tensor, options: Options
) -> float:
    """Mean absolute error of the weights of faces that were not learned from."""
    torch.manual_seed(0)
    size = (options.size, options.size)
    attention = LandmarkAttention(points.shape[1], descriptor=kind)
    optimizer = torch.optim.Adam(attention.parameters(), lr=options.learning_rate)
    answers = lesson(_unit(points, size))
    seen = len(points) - len(_asked(points))
    for _ in range(options.steps):
        weights = torch.stack(attention(points[:seen], points[:seen].flip(0), size))
        wanted = torch.stack([answers[:seen], answers[:seen].flip(0)])
        optimizer.zero_grad()
        (weights - wanted).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        condition, _ = attention(_asked(points), _asked(points).flip(0), size)
    return float((condition - _asked(answers)).abs().mean())


if __name__ == "__main__":
    run_command(main, Options)
