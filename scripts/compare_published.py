"""How far our networks are from the numbers of the published code.

Weights and inputs are rebuilt from names (tests/golden), so nothing is downloaded. Prints one row a
case, as docs/paper_to_code.md shows them: python scripts/compare_published.py
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import golden
from golden.cases import CASES, Way, compare, published
from golden.training_step import GRADIENTS, PublishedStep


@torch.no_grad()
def print_outputs() -> None:
    print("| case | fp32 from published | fp32 from our fp64 |")
    print("|---|---|---|")
    for case, run in CASES.items():
        single, double = run(Way()), run(Way(torch.float64))
        far, rounding = compare(single, published(case)), compare(single, double)
        print(f"| `{case}` | {far:.1e} | {rounding:.1e} |")


def print_training_step() -> None:
    step = PublishedStep()
    losses = step.generator_losses() | step.other_losses() | step.discriminator_losses()
    expected, norms = step.numbers, step.gradient_norms()
    far = {name: abs(loss.item() / expected[name] - 1) for name, loss in losses.items()}
    gradients = [
        abs(norms[ours] / expected[f"grad_norm/{theirs}"] - 1) for theirs, ours in GRADIENTS.items()
    ]
    fake = compare({"fake": step.fake.detach()}, golden.expected(step.case))
    print("| `anonygan_training_step` | from published |")
    print("|---|---|")
    print(f"| picture | {fake:.1e} |")
    print(f"| landmark discriminator's loss, relative | {far['d_landmark']:.1e} |")
    print(f"| all {len(far)} losses, relative | {max(far.values()):.1e} |")
    print(f"| {len(gradients)} gradient norms, relative | {max(gradients):.1e} |")


if __name__ == "__main__":
    print_outputs()
    print()
    print_training_step()
