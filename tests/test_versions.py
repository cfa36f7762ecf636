"""One version, and bounds of dependencies that agree with each other."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import graphgan

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


def requirements():
    """All that pyproject.toml asks for, extras and the build included, but for the package."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    lines = [line for some in (*lists, PYPROJECT["build-system"]["requires"]) for line in some]
    found = [Requirement(line) for line in lines]
    return [one for one in found if one.name != "graphgan"]


def pinned(name):
    """Versions by name of a file of constraints."""
    lines = (ROOT / name).read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    versions = {canonicalize_name(package): version for package, version in pairs}
    assert len(versions) == len(pairs)
    return versions


def test_the_version_is_written_once_and_cited():
    assert PROJECT["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "graphgan/__init__.py"
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == graphgan.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", graphgan.__version__)


def test_the_changelog_knows_the_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.+?)\](.*)$", text, re.MULTILINE)
    released = [Version(name) for name, _ in headings if name != "Unreleased"]
    assert headings[0][0] in ("Unreleased", graphgan.__version__)
    assert released == sorted(released, reverse=True)
    assert all(version <= Version(graphgan.__version__) for version in released)
    for name, date in headings:
        assert name == "Unreleased" or re.fullmatch(r" - \d{4}-\d{2}-\d{2}", date)


def test_the_oldest_versions_are_the_lower_bounds():
    bounds = {}
    for one in requirements():
        (lower,) = [spec.version for spec in one.specifier if spec.operator == ">="]
        assert bounds.setdefault(canonicalize_name(one.name), lower) == lower
    assert pinned("constraints-oldest.txt") == bounds


def test_tested_versions_are_in_range():
    versions = pinned("constraints.txt")
    found = {one: versions.get(canonicalize_name(one.name)) for one in requirements()}
    without = [one.name for one, version in found.items() if version is None]
    assert all(name.startswith("mkdocs") for name in without)  # until the site has pins
    assert not [one for one, version in found.items() if version and version not in one.specifier]
