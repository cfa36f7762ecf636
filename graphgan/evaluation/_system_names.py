"""Parse systems given on the command line."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

from graphgan.anonymize import Match
from graphgan.anonymize._methods import Obscuring
from graphgan.evaluation._results_folder import FolderOfResults
from graphgan.evaluation._systems import (
    CIAGANSystem,
    Original,
    ProductSystem,
    PublishedBlur,
    PublishedMosaic,
    System,
    anonygan_system,
    obscuring_system,
)
from graphgan.landmarks import IBUG_68, LandmarkScheme
from graphgan.weights import FACES

SYSTEMS = (
    "original, pixelate, blur, solid, published-pixelate, published-blur, anonygan, product, "
    "product-look, product-none, anonygan=FILE, product=FILE, ciagan=FILE, folder=DIR"
)
"""Names that `parse_system` accepts; KIND:NAME=FILE sets a display name."""

_PRODUCTS: dict[str, Match] = {
    "product": "tone",
    "product-look": "look",
    "product-none": "none",
}
_SIMPLE: dict[str, Callable[[], System]] = {
    "original": Original,
    "published-blur": PublishedBlur,
    "published-pixelate": PublishedMosaic,
    **{kind: partial(obscuring_system, kind) for kind in get_args(Obscuring)},
}


def parse_system(
    text: str,
    *,
    pasted: bool = True,
    device: str = "cpu",
    scheme: LandmarkScheme = IBUG_68,
) -> System:
    """The system with this command-line name.

    Args:
        text: one of `SYSTEMS`; ``anonygan:large=FILE`` is called "large".
        pasted: False measures the raw network output of anonygan and ciagan; these are then called
            "anonygan-unpasted" unless they have their own name.
        device: device for networks.
        scheme: landmarks of the folder. If it is not iBUG-68, ``anonygan=FILE`` gets these.
    Raises:
        ValueError: an unknown name, or an invalid file.
    """
    kind, equals, where = text.partition("=")
    kind, _, name = kind.partition(":")
    if kind in _SIMPLE and not equals and not name:
        return _SIMPLE[kind]()
    if text in _PRODUCTS:
        return ProductSystem(name=text, match=_PRODUCTS[text], device=device)
    if text == "anonygan":
        where = FACES
    if kind in ("anonygan", "product", "ciagan", "folder") and not where:
        what = "DIR" if kind == "folder" else "FILE"
        raise ValueError(f"expected --systems {kind}={what}, got {text!r}")
    own = name or (kind if pasted else f"{kind}-unpasted")
    if kind == "anonygan":
        return anonygan_system(Path(where), scheme, name=own, pasted=pasted, device=device)
    if kind == "product":
        return ProductSystem(Path(where), name=name or kind, device=device)
    if kind == "ciagan":
        return CIAGANSystem(Path(where), name=own, pasted=pasted, device=device)
    if kind == "folder":
        return FolderOfResults(Path(where), name=name or Path(where).name or kind)
    raise ValueError(f"expected systems among {SYSTEMS}; got {text!r}")
