from functools import partial

import pytest

from graphgan.data.held_out import FIRST_TEST_PERSON, draw_splits
from graphgan.data.synthetic_faces import SyntheticFaces
from graphgan.data.synthetic_persons import SyntheticPersons


@pytest.mark.parametrize("kind", [SyntheticFaces, SyntheticPersons])
def test_nobody_is_in_both_sets(kind):
    train, test = draw_splits(partial(kind, seed=4), 5, 2)
    assert (len(train), len(test)) == (10, 32 * 8)
    assert set(train.names).isdisjoint(test.names)
    assert (train.first_person, test.first_person) == (0, FIRST_TEST_PERSON)
    assert train.seed == test.seed == 4
