"""Workflow files for a public host, not run here: they parse, and do what `.ci/run` does."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs_of(path):
    return yaml.safe_load(path.read_text())["jobs"]


def commands_of(job):
    return [step["run"] for step in job.get("steps", ()) if "run" in step]


def make_commands(*targets):
    """Lines of the Makefile's recipes, without the virtual environment."""
    text = (ROOT / "Makefile").read_text()
    variables = re.findall(r"^(PYTEST|CHECKED) := (.*)$", text, re.MULTILINE)
    lines = []
    for target in targets:
        recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)[1]
        lines += [line.strip() for line in recipe.splitlines()]
    for name, value in variables:
        lines = [line.replace(f"$({name})", value) for line in lines]
    lines = [line.replace("$(BIN)/python", "python") for line in lines]
    return [re.sub(r"^\$\(BIN\)/", "python -m ", line) for line in lines]


@each_workflow
def test_it_parses_and_says_that_it_was_not_run(path):
    text = path.read_text()
    jobs = jobs_of(path)
    assert text.startswith("# Not run here")
    assert text.count("# Not run here") == 1 + len(jobs)
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    for job in jobs.values():
        assert "uses" in job or all({"run", "uses"} & set(step) for step in job["steps"])


@each_workflow
def test_actions_are_pinned_by_a_version(path):
    used = [
        step["uses"]
        for job in jobs_of(path).values()
        for step in job.get("steps", ())
        if "uses" in step
    ]
    assert used
    assert not [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d[\d.]*", action)]


def test_every_system_does_what_ci_run_does():
    jobs = jobs_of(ROOT / ".github" / "workflows" / "tests.yml")
    assert commands_of(jobs["linux-and-macos"]) == [".ci/run"]
    install, *checks = commands_of(jobs["windows"])
    assert install == 'python -m pip install -c constraints.txt -e ".[dev]"'
    targets = re.findall(r"^make (.+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    targets = [target for line in targets for target in line.split()]
    assert {"lint", "types", "test"} <= set(targets)
    assert checks == make_commands("lint", "types", "test")
    tests = make_commands("test")
    assert commands_of(jobs["newest"])[1:] == tests
    unhooked = [line.partition(" --jaxtyping-packages")[0] for line in tests]
    assert commands_of(jobs["oldest"])[1:] == unhooked
    assert "-c constraints-oldest.txt" in commands_of(jobs["oldest"])[0]


def test_the_site_that_is_published_is_that_of_make_docs():
    build = jobs_of(ROOT / ".github" / "workflows" / "docs.yml")["build"]
    assert commands_of(build) == ["make docs"]
    assert build["steps"][-1]["with"] == {"path": "site"}


def test_a_release_needs_the_tests_and_no_token():
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    jobs = jobs_of(ROOT / ".github" / "workflows" / "release.yml")
    assert jobs["publish"]["needs"] == ["tests", "build"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in text and "password" not in text
