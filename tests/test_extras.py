import pytest

from graphgan.extras import MissingExtraError, needs_extra


def test_a_missing_module_names_the_extra():
    with (
        pytest.raises(MissingExtraError, match=r"nowhere is not .*'graphgan\[video\]'"),
        needs_extra("video"),
    ):
        import nowhere  # noqa: F401


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), needs_extra("video"):
        _ = 1 // 0
