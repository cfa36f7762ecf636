"""Optional dependencies: what to install when one is missing."""

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtraError(ImportError):
    """An optional dependency is needed and not installed."""


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn a failing import in the block into an error that names the extra to install.

    Args:
        extra: name in pyproject's optional dependencies, such as "recipes".
    Raises:
        MissingExtraError: an import in the block failed.
    """
    try:
        yield
    except ImportError as error:
        missing = error.name or str(error)
        raise MissingExtraError(
            f"{missing} is not installed: pip install 'graphgan[{extra}]'", name=error.name
        ) from error
