from functools import partial

import pytest

from graphgan.data import SyntheticFaces, SyntheticPersons, draw_splits
from graphgan.data._synthetic.drawn_people import FIRST_TEST_PERSON


@pytest.mark.parametrize("kind", [SyntheticFaces, SyntheticPersons])
def test_nobody_is_in_both_sets(kind):
    train, test = draw_splits(partial(kind, seed=4), 5, 2)
    assert (len(train), len(test)) == (10, 32 * 8)
    assert set(train.names).isdisjoint(test.names)
    assert (train.first_person, test.first_person) == (0, FIRST_TEST_PERSON)
    assert train.seed == test.seed == 4
