"""How far our networks are from the numbers of the published code.

Weights and inputs are rebuilt from names (tests/golden), so nothing is downloaded. Prints one row a
case, as docs/published.md shows them: python scripts/compare_published.py
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import golden

from graphgan.models.published import Kind, load_published


def anonygan(case: str, dtype: torch.dtype) -> Tensor:
    model = load("anonygan_generator", case, dtype)
    k, sees_context = model.generator.num_landmarks, model.sees_context
    condition = golden.images(f"{case}/condition", 2, 3, 48, 40).to(dtype)
    context = (
        golden.images(f"{case}/context", 2, 3, 48, 40).to(dtype) if sees_context else condition
    )
    landmarks = [
        golden.landmarks(f"{case}/{name}_landmarks", 2, k, 48, 40).to(dtype)
        for name in ("condition", "source")
    ]
    hole = torch.zeros(2, 1, 48, 40, dtype=dtype)  # the context is given as it is
    return model(condition, context, *landmarks, hole).image


def patch_discriminator(case: str, dtype: torch.dtype) -> Tensor:
    model = load("anonygan_appearance_discriminator", case, dtype)
    return model(*golden.images(f"{case}/input", 2, 6, 64, 64).to(dtype).chunk(2, dim=1))[-1]


def bigraphgan(case: str, dtype: torch.dtype) -> Tensor:
    kind: Kind = (
        "bigraphgan_market_generator" if "market" in case else "bigraphgan_deepfashion_generator"
    )
    name, width = case.removesuffix("_generator"), 16 if "market" in case else 32
    image = golden.images(f"{name}/image", 2, 3, 32, width).to(dtype)
    maps = (golden.images(f"{name}/pose_maps", 2, 36, 32, width).to(dtype) + 1) / 2
    return load(kind, case, dtype)(image, *maps.chunk(2, dim=1)).image


def resnet_discriminator(case: str, dtype: torch.dtype) -> Tensor:
    model = load("bigraphgan_discriminator", case, dtype)
    return model(golden.images(f"{case}/input", 2, 6, 32, 16).to(dtype))


def ciagan(case: str, dtype: torch.dtype) -> Tensor:
    model = load("ciagan_generator", case, dtype)
    pictures = golden.images(f"{case}/input", 2, 6, 128, 128).to(dtype).chunk(2, dim=1)
    return model(*pictures, torch.tensor([3, 777]))[:, :, ::4, ::4]


CASES: dict[str, tuple[Callable[[str, torch.dtype], Tensor], str]] = {
    "anonygan_generator_68": (anonygan, "output"),
    "anonygan_generator_29_no_attention": (anonygan, "output"),
    "anonygan_discriminator": (patch_discriminator, "feature_5"),
    "bigraphgan_market_1501_generator": (bigraphgan, "output"),
    "bigraphgan_deepfashion_generator": (bigraphgan, "output"),
    "bigraphgan_discriminator": (resnet_discriminator, "output"),
    "ciagan_generator": (ciagan, "output"),
}


def load(kind: Kind, case: str, dtype: torch.dtype) -> torch.nn.Module:
    return load_published(kind, golden.state(golden.layout(case))).to(dtype)


@torch.no_grad()
def main() -> None:
    print("| case | largest output | fp32 from published | fp32 from our fp64 |")
    print("|---|---|---|---|")
    for case, (run, name) in CASES.items():
        published = golden.expected(case)[name]
        ours, exact = run(case, torch.float32), run(case, torch.float64)
        far, rounding = ((ours - x).abs().max() for x in (published, exact))
        print(f"| `{case}` | {published.abs().max():.3g} | {far:.1e} | {rounding:.1e} |")


if __name__ == "__main__":
    main()
