"""Prepare a folder of face crops from photos.

python recipes/anonygan/prepare.py --images DIR --landmarks CSV|face-mesh --out DIR --size 128
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from celeba_split import split_as_published
from finding import SchemeFinder
from layouts import list_photos

from graphgan.commands import run_command
from graphgan.data import (
    LandmarkSource,
    Listing,
    PrepareOptions,
    file_checksum,
    prepare_and_report,
    read_landmarks,
)
from graphgan.faces import LANDMARKERS, DetectorName, ToolOptions
from graphgan.landmarks import (
    FROM_IBUG_68,
    IBUG_68,
    SCHEMES,
    LandmarkScheme,
    face_scheme,
    from_ibug_68,
)

if TYPE_CHECKING:
    FaceSchemeName: TypeAlias = str
else:  # the choices of a flag
    FaceSchemeName = Literal[tuple(s.name for s in SCHEMES.values() if s.outline is not None)]


@dataclass(frozen=True, kw_only=True)
class Options(PrepareOptions):
    """Crop square faces from photos and write a folder to train on.

    If it is interrupted, run the same command again to continue.
    """

    landmarks: str
    """CSV file of landmarks (image,x0,y0,x1,y1,...), or a detector: face-mesh, or dlib (needs an
    extra)."""
    scheme: FaceSchemeName | None = None
    """Landmark scheme of the folder. Default: the one that matches the file, or 68 landmarks.
    Schemes of 29 and 5 can be derived from 68; mesh-468 stores the vertices of face-mesh."""
    size: int = 128
    """Side of the face crops in pixels."""
    layout: Literal["plain", "celeba", "ffhq", "lfw"] = "plain"
    """Layout of the photos. plain: one folder per person; ffhq: every photo is a different person,
    in any folder."""
    protocol: Literal["by-person", "celeba"] = "by-person"
    """How to choose the test people: the last ones (--test-people) or, with --layout celeba, the
    paper's choice of identities with more than 30 images (1,200 for training, 363 for testing)."""
    identities: Path | None = None
    """CIAGAN's list of identities as a NumPy file, for --protocol celeba. Without it they are drawn
    at random, which is not the paper's split."""
    seed: int = 0
    """Random seed for drawing identities, with --protocol celeba."""
    detector: DetectorName = "centerface"
    """Face detector to use when --landmarks is not a file."""
    min_face: int = 40
    """Smallest face to detect in pixels, when --landmarks is not a file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.protocol == "celeba" and self.layout != "celeba":
            raise ValueError(f"expected --layout celeba with --protocol celeba, got {self.layout}")
        if self.protocol == "celeba" and self.test_people is not None:
            raise ValueError("expected --protocol celeba or --test-people, got both")
        if self.protocol != "celeba" and self.identities is not None:
            raise ValueError("expected --identities together with --protocol celeba")
        if self.seed < 0:
            raise ValueError(f"expected --seed of at least 0, got {self.seed}")


def main(options: Options) -> None:
    listing = list_photos(options.images, options.layout)
    protocol = {}
    if options.protocol == "celeba":
        listing, name = split_as_published(listing, options.identities, seed=options.seed)
        protocol = {"protocol": name}
    landmarks, scheme, identity = _landmarks(options, listing)
    prepare_and_report(
        options,
        listing,
        landmarks,
        size=(options.size, options.size),
        scheme=scheme,
        crop="face",
        depends_on={"layout": options.layout, **protocol, **identity},
    )


def _landmarks(
    options: Options, listing: Listing
) -> tuple[LandmarkSource, LandmarkScheme, dict[str, Any]]:
    """The source of landmarks, their scheme, and the settings the result depends on."""
    wanted = None if options.scheme is None else SCHEMES[options.scheme]
    if options.landmarks in LANDMARKERS:
        tools = ToolOptions(min_face=options.min_face)
        scheme = wanted or IBUG_68
        make = partial(SchemeFinder, options.detector, options.landmarks, tools, scheme)
        found = make().finder
        names = {"detector": found.detector.fingerprint, "landmarks": found.landmarker.fingerprint}
        return make, scheme, names
    path = Path(options.landmarks)
    rows = read_landmarks(path, expected=f"a CSV file, or one of {', '.join(LANDMARKERS)}")
    given = _scheme_of(path, len(rows[0].landmarks), wanted)
    points = listing.match_landmarks(rows, options.images)
    if wanted is not None and wanted != given:
        points = {name: from_ibug_68(one[None], wanted)[0] for name, one in points.items()}
    return points, wanted or given, {"landmarks": file_checksum(path)}


def _scheme_of(path: Path, count: int, wanted: LandmarkScheme | None) -> LandmarkScheme:
    """The scheme of a file with that many landmarks."""
    if wanted is not None and count == wanted.num_landmarks:
        return wanted
    if wanted in (None, *FROM_IBUG_68) and count == IBUG_68.num_landmarks:
        return IBUG_68
    if wanted is not None:
        raise ValueError(
            f"{path}: expected {wanted.num_landmarks} landmarks ({wanted.name}), got {count}"
        )
    try:
        return face_scheme(count)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


if __name__ == "__main__":
    run_command(main, Options)
