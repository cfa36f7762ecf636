from pathlib import Path

import numpy as np
import pytest
from celeba_split import OTHERS, split_as_published

from graphgan.data import ListedPhoto, Listing


def listing(identities: int, *, images: int = 31) -> Listing:
    """So many people with enough images, and ten with one too few."""
    counts = {f"{n:05d}": images if n <= identities else 30 for n in range(1, identities + 11)}
    sources = [(f"{person}-{i}.jpg", person) for person, n in counts.items() for i in range(n)]
    return Listing([ListedPhoto(Path(source), source, person) for source, person in sources])


def people(split: Listing, name: str) -> set[str]:
    return {photo.person for photo in split.photos if photo.split == name}


@pytest.fixture(scope="module")
def everyone() -> Listing:
    return listing(1_563)


def test_a_drawn_split_has_the_paper_s_sizes_and_says_that_it_is_not_the_paper_s(everyone):
    split, name = split_as_published(everyone, None, seed=0)
    assert (len(people(split, "train")), len(people(split, "test"))) == (1_200, 363)
    assert not people(split, "train") & people(split, "test")
    assert "not the paper's split" in name
    assert len(split.unusable) == 300
    assert {item.reason for item in split.unusable} == {OTHERS}
    again, _ = split_as_published(everyone, None, seed=0)
    other, _ = split_as_published(everyone, None, seed=1)
    assert people(again, "train") == people(split, "train") != people(other, "train")


@pytest.mark.parametrize("length", [1_200, 1_563])
def test_the_first_1200_identities_of_a_list_are_trained_on(everyone, tmp_path, length):
    numbers = np.random.default_rng(0).permutation(np.arange(1, 1_564))[:length]
    np.save(tmp_path / "list.npy", numbers)
    split, name = split_as_published(everyone, tmp_path / "list.npy", seed=0)
    assert people(split, "train") == {f"{n:05d}" for n in numbers[:1_200]}
    assert len(people(split, "test")) == 363
    assert "not the paper's" not in name


def test_fewer_identities_than_the_paper_s_are_refused_under_its_name():
    with pytest.raises(ValueError, match=r"expected 1563 identities .* got 1562"):
        split_as_published(listing(1_562), None, seed=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.arange(1, 1_100), "expected at least 1200 identities, got 1099"),
        (np.arange(1_000, 2_563), "990 are none|none, such as"),
        (np.ones((2, 3), int), "expected a list of whole numbers"),
        (np.ones(1_300), "expected a list of whole numbers"),
    ],
)
def test_a_list_that_is_none_is_refused(everyone, tmp_path, content, message):
    np.save(tmp_path / "list.npy", content)
    with pytest.raises(ValueError, match=message):
        split_as_published(everyone, tmp_path / "list.npy", seed=0)
