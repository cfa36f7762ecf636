"""The page that goes through the paper's section 4: its commands and its tables."""

import check
import evaluate
import options
import prepare
import pytest
import sample
from documentation import DOCS, ROOT, commands, rows

from graphgan.commands import parse_options
from graphgan.evaluation import SYSTEMS
from graphgan.evaluation._report.tables import read_published
from graphgan.training import parse_train_options

PAGE = DOCS / "reproduce.md"
PUBLISHED = ROOT / "recipes" / "anonygan" / "published.csv"
OWN = [(s, args) for s, args in commands(PAGE) if s.startswith("recipes/anonygan/")]


def parse(script, arguments):
    if script.endswith("/train.py"):
        return parse_train_options(options.PRESETS, arguments, drawing_flags=options.DRAWING_FLAGS)
    kinds = {"prepare": prepare, "sample": sample, "evaluate": evaluate, "check": check}
    kind = kinds[script.rpartition("/")[2].removesuffix(".py")]
    return parse_options(kind.Options, arguments, positional=kind is check)


@pytest.mark.parametrize(("script", "arguments"), OWN, ids=lambda x: x if "/" in x else "")
def test_every_command_is_understood(script, arguments):
    parse(script, arguments)


def test_the_commands_train_and_measure_every_row_of_the_paper():
    trained = {
        str(parse(*command).out): parse(*command).preset
        for command in OWN
        if command[0].endswith("train.py")
    }
    paper = {preset for preset in options.PRESETS if preset.startswith("paper")}
    assert {preset for preset in trained.values() if preset != "smoke"} == paper
    measured = [parse(*command) for command in OWN if command[0].endswith("evaluate.py")]
    assert len(measured) == 2 and measured[0].systems == measured[1].systems
    runs = {system.partition("=")[2] for system in measured[0].systems} - {""}
    assert runs == {run for run, preset in trained.items() if preset in paper} | {"runs/ciagan"}
    simple = [system for system in measured[0].systems if "=" not in system]
    assert set(simple) < set(SYSTEMS.split(", "))
    for found in measured:
        assert (found.paste, found.conditions, found.detector) == ("none", "next", "dlib")
        assert ROOT / found.published == PUBLISHED


def test_its_tables_are_those_of_the_file():
    figures = {(f.system, f.metric): f for f in read_published(PUBLISHED)}
    names = ["FID", "detected by dlib", "detected by MTCNN", "pose error as published"]
    shown = 0
    data = iter(["CelebA", "LFW"])
    for first, *cells in rows(PAGE):
        if cells[-1] == "pose":
            place = next(data)
        if len(cells) != 6 or not cells[0].replace(".", "").isdigit():
            continue
        own = {m: f for (s, m), f in figures.items() if s == f"{first.lstrip(chr(92))}, {place}"}
        faces = [[f for m, f in own.items() if word in m] for word in ("casia", "vggface2")]
        fid, dlib, mtcnn, pose = (own.get(name) for name in names)
        expected = [
            f"{fid.value:.2f}",
            *(f"{100 * found.value:g}" for found in (dlib, mtcnn)),
            *(score(found) for (found,) in faces),
            "-" if pose is None else f"{pose.value:.2f}",
        ]
        assert cells == expected
        shown += len(own)
    assert shown == len(figures) == 80


def score(figure):
    numbers = [n for n in (figure.value, figure.deviation) if n is not None]
    return " ± ".join(f"{100 * number:.2f}" for number in numbers)
