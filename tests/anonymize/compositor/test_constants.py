import pytest

from graphgan.anonymize.compositor import _constants as constants


def test_every_length_is_part_of_the_fingerprint(monkeypatch):
    names = [name for name in vars(constants) if name.isupper()]
    assert len(names) >= 6
    before = constants.fingerprint()
    for name in names:
        with monkeypatch.context() as patch:
            patch.setattr(constants, name, getattr(constants, name) * 1.01)
            assert constants.fingerprint() != before
    assert constants.fingerprint() == before


@pytest.mark.parametrize("height", [64, 128, 1024])
def test_colors_are_carried_as_far_as_the_edge_reaches(height):
    reach = constants.LEAST_MARGIN + height * (constants.MARGIN + constants.EDGE)
    assert 4 * constants.CARRY * height >= reach
