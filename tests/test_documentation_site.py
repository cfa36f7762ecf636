"""The site holds what it should; `make docs` builds it and finds links that lead nowhere."""

import re
from pathlib import Path

import pytest
import yaml
from loading import load

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


site_pages, site_reference = load("scripts/site_pages.py"), load("scripts/site_reference.py")


class Loader(yaml.SafeLoader):
    """YAML with the tags that mkdocs knows."""


Loader.add_multi_constructor("!", lambda loader, tag, node: tag)


def configuration():
    return yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)


def pages_of(nav):
    for entry in nav:
        value = entry if isinstance(entry, str) else next(iter(entry.values()))
        yield from [value] if isinstance(value, str) else pages_of(value)


def test_every_page_is_in_the_navigation_once_and_every_entry_has_its_page():
    pages = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    assert sorted(pages_of(configuration()["nav"])) == pages


def test_the_build_is_strict_and_loads_nothing_from_elsewhere():
    config = configuration()
    levels = [level for kind in config["validation"].values() for level in kind.values()]
    assert config["strict"] and set(levels) == {"warn"}
    assert config["theme"]["font"] is False
    own = [*config.get("extra_css", []), *config.get("extra_javascript", [])]
    assert all((DOCS / file).is_file() for file in own)


def test_every_room_is_in_the_reference_with_every_name():
    rooms = [path for path in ROOT.glob("graphgan/**/__init__.py") if "__all__" in path.read_text()]
    pages = [path.read_text() for path in DOCS.glob("reference/*.md")]
    for contents in rooms:
        room = ".".join(contents.relative_to(ROOT).parent.parts)
        assert site_reference.public_names(contents), room
        assert sum(f"::: {room}\n" in page for page in pages) == 1, room


def test_what_a_page_shows_is_there():
    for page in DOCS.rglob("*.md"):
        for shown in site_pages.SHOWN.finditer(page.read_text()):
            text = (ROOT / shown["file"]).read_text()
            assert site_pages.part_of(text, shown["part"], shown["file"]).strip(), page


def test_a_part_that_is_not_there_is_an_error():
    text = "a\n<!-- --8<-- [start:x] -->\nb\n<!-- --8<-- [end:x] -->\nc\n"
    assert site_pages.part_of(text, "x", "README.md") == "b\n"
    with pytest.raises(ValueError, match=r"expected a part y in README\.md, found none"):
        site_pages.part_of(text, "y", "README.md")


def test_links_of_a_shown_file_lead_to_pages(monkeypatch):
    monkeypatch.setattr(site_pages, "pages", {"recipes/a/README.md": "docs/recipes/a.md"})
    text = "[a](README.md#x) ![b](../../docs/pictures/b.png) [c](train.py) [d](https://d.org/e.md)"
    turned = site_pages.turn_links(text, "recipes/a/MODEL_CARD.md", "docs/model_card.md")
    targets = re.findall(r"\]\((.*?)\)", turned)
    assert targets == ["recipes/a.md#x", "pictures/b.png", "train.py", "https://d.org/e.md"]
