"""The pages about blocks: their programs run, no block is missing, their numbers are counted."""

import importlib
import inspect
import re
import sys
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import torch
from documentation import DOCS, ROOT, programs, rows

from graphgan.layers._aggregation import Reasoning
from graphgan.models import (
    AnonyGAN,
    AppearanceDiscriminator,
    BiGraphGAN,
    CIAGANGenerator,
    ConditionFitting,
    IdentityNetwork,
    LandmarkDiscriminator,
    LandmarkGenerator,
    ProjectedDiscriminator,
    ResNetDiscriminator,
)

PAGES = sorted((DOCS / "blocks").glob("*.md"))
PUBLIC = [
    f"graphgan.{room}.{name}"
    for room in ("layers", "losses")
    for name in importlib.import_module(f"graphgan.{room}").__all__
] + [
    "graphgan.models.FeatureNetwork",
    "graphgan.models.RandomMixing",
    "graphgan.models.ProjectedDiscriminator",
    "graphgan.models.generate_at_full_resolution",
    "graphgan.data.draw_change",
    "graphgan.data.RandomChange",
    "graphgan.data.AdaptiveStrength",
]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
SECTIONS = ("Shapes", "Example", "Cost", "Source", "Reference")


def script(name: str):
    """A module of scripts/, imported under its own name."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "scripts"))


@cache
def parts(recipe: str) -> set[str]:
    """Classes of all modules of a recipe's networks, and what these are kinds of."""
    modules = [part for network in NETWORKS[recipe] for part in network().modules()]
    return {kind.__name__ for part in modules for kind in type(part).__mro__}


@cache
def words(recipe: str) -> set[str]:
    files = (ROOT / "recipes" / recipe.lower()).glob("*.py")
    return {word for path in files for word in re.findall(r"\w+", path.read_text("utf-8"))}


NETWORKS = {
    "AnonyGAN": [
        lambda: AnonyGAN(
            LandmarkGenerator(width=4, num_blocks=2), fitting=ConditionFitting(68, match_light=True)
        ),
        lambda: LandmarkGenerator(width=4, num_blocks=1, reasoning="cross_attention"),
        lambda: AppearanceDiscriminator(width=4),
        lambda: LandmarkDiscriminator(width=4),
        lambda: ProjectedDiscriminator((4, 6), width=4),
    ],
    "BiGraphGAN": [
        lambda: BiGraphGAN.published("market", width=4, num_blocks=2),
        lambda: ResNetDiscriminator(6, width=4),
    ],
    "CIAGAN": [lambda: CIAGANGenerator(4, width=4), lambda: IdentityNetwork(4, width=4)],
}
costs, pictures = script("measure_block_costs"), script("draw_block_pictures")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_programs_print_what_it_says(page, capsys):
    assert programs(page)
    for program, printed in programs(page):
        torch.manual_seed(0)
        exec(compile(program, page.name, "exec"), {"__name__": "page"})
        assert capsys.readouterr().out == printed


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem != "index"], ids=lambda p: p.stem)
def test_it_has_a_picture_and_all_sections(page):
    text = page.read_text("utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[-len(SECTIONS) :] == list(SECTIONS)
    assert f"](../pictures/blocks/{page.stem}.svg)" in text


def rows_of(block: str) -> list[list[str]]:
    """Lines of the table of blocks about this one."""
    return [r for r in rows(DOCS / "blocks" / "index.md") if r[0].startswith(f"[`{block}`]")]


def test_every_public_block_is_in_the_table_once():
    assert not [name for name in PUBLIC if len(rows_of(name.rpartition(".")[2])) != 1]


def test_the_table_leads_to_the_block_s_section_and_file():
    for name in PUBLIC:
        room, _, block = name.rpartition(".")
        (row,) = rows_of(block)
        value = getattr(importlib.import_module(room), block)
        page, _, section = row[0].partition("](")[2].rstrip(")").partition("#")
        text = (DOCS / "blocks" / (page or "index.md")).read_text("utf-8")
        assert block in text
        titles = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
        assert section in ("", *(title.lower().replace(" ", "-") for title in titles)), name
        if inspect.isclass(value) or inspect.isfunction(value):
            file = Path(inspect.getfile(inspect.unwrap(value)))
            assert row[3] == f"`{file.name}`", name
            assert file.parent == ROOT.joinpath(*room.split(".")), name


def test_the_recipes_of_the_table_are_those_that_use_it():
    """Their files name it, or it is a part of their networks."""
    blocks = [name.rpartition(".")[2] for name in PUBLIC]
    printed = {block: rows_of(block)[0][4] for block in blocks}
    using = {b: [r for r in NETWORKS if b in parts(r) | words(r)] for b in blocks}
    assert printed == {block: ", ".join(recipes) or "none" for block, recipes in using.items()}


def test_every_public_block_has_a_link_to_its_reference():
    text = "".join(page.read_text("utf-8") for page in PAGES)
    named = [name for name in PUBLIC if not name.endswith("Mode")]  # a type of names
    assert not [n for n in named if f"](../reference/{n.split('.')[1]}.md#{n})" not in text]


@pytest.mark.parametrize("page", costs.CASES)
@pytest.mark.slow
def test_its_costs_are_those_that_are_counted(page):
    printed = rows(DOCS / "blocks" / f"{page}.md")
    counted = [line for line in costs.tables(page) if line.startswith("|")]
    for line in counted:
        assert [cell.strip() for cell in line.strip("|").split("|")] in printed


@pytest.mark.parametrize(
    "case",
    [c for cases in costs.CASES.values() for c in cases if c.parameters],
    ids=lambda case: case.title,
)
def test_the_formulas_of_costs_are_right(case):
    parameters, products, kept = costs.expected(case)
    measured = costs.measured(case)
    assert (parameters, products) == measured[:2]
    assert kept == pytest.approx(measured[2], rel=0.1)  # small terms are left out


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_its_picture_is_what_the_script_draws(name):
    """Up to the rounding of the numbers that torch computes."""
    kept = (DOCS / "pictures" / "blocks" / f"{name}.svg").read_text("utf-8")
    drawn = pictures.PICTURES[name]().svg()
    assert NUMBER.sub("", kept) == NUMBER.sub("", drawn)
    numbers = [[float(n) for n in NUMBER.findall(svg)] for svg in (kept, drawn)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.2)


@pytest.mark.parametrize("reasoning", get_args(Reasoning))
def test_parameters_of_generators_with_another_reasoning_are_counted(reasoning):
    """Printed in the table of the page, and within 2 % of those with bipartite reasoning."""
    printed = {
        r[0]: int(r[2].replace(",", ""))
        for r in rows(DOCS / "blocks" / "aggregation.md")
        if r[0].strip('`"') in get_args(Reasoning)
    }
    with torch.device("meta"):
        generator = LandmarkGenerator(width=32, reasoning=reasoning)
    counted = sum(parameter.numel() for parameter in generator.parameters())
    assert printed[f'`"{reasoning}"`'] == counted
    assert counted == pytest.approx(printed['`"bipartite"`'], rel=0.02)
