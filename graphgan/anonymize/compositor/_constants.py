"""All numbers that determine how a new face is blended over an old one."""

from graphgan.landmarks import _masks as masks

VERSION = 15
"""To be raised when the compositor makes other pictures of the same numbers."""

FOREHEAD = masks.FOREHEAD
"""How far masks of methods that show nobody rise over the brows, see `face_mask`."""

AROUND_BOX = 0.25
"""Share of a box's longer side that is added all around where landmarks are missing: a box may end
at the brows or in the middle of a cheek. The crop ends as far again outside of it."""

LEAST_MARGIN = 1.5
"""Pixels of the crop by which the region grows before its edge falls: the pixels of an image may be
larger than those of the crop."""
MARGIN = 1 / 128
"""Share of the crop's height that is added to it."""
EDGE = 1 / 24
"""Share of the crop's height over which the edge falls."""

RIM = 1 / 50
"""Share of the crop's height that the old face's outermost pixels are left out by, where its colors
are carried outward: they may be those of the background."""
SKIN_MARGIN, AT_ONCE = 1.25, 1.0
"""Pixels of the crop by which the region grows where skin ends, and over which the new face ends
there; of the image where its pixels are larger."""
LIKENESS = 0.15
"""Distance of colors in [-1, 1], root mean square, by which what is beside the old face stops being
skin: a Gaussian's sigma."""
SMOOTH = 5
"""Pixels of a crop of 128 over which this is averaged."""

OCCLUDER_SIZE = 128
"""Pixels a side at which it is told what is in front of a face."""
NOT_SKIN = 30.0
"""Distance of colors (CIELAB, Delta E) from which a pixel at the rim is no skin of this face."""
GOES_ON, REACH = 25.0, 1 / 12
"""The same from what lies beyond the face, up to which it goes on there; and the sigma, as a share
of the crop's height, by which the colors beyond are carried into the face."""
MOST_OCCLUDED = 0.25
"""Share of a face that may be taken for something in front of it; beyond, all is replaced."""

RIM_SIZE = 64
"""Pixels a side at which the rim is measured: it is smooth."""
RIM_WIDTH = 1 / 20
"""Share of the crop's height: how far into a region half of the image stays where it is no skin,
and none twice as far."""
MOST_RIM = 1 / 3
"""Share of a face that may stay in its rim; beyond, all is replaced: the face is too narrow."""
RIM_SKIN, RIM_OTHER = 0.16, 0.32
"""Distance of colors in [-1, 1], root mean square, up to which a pixel of that rim is skin and is
replaced, and from which it is none and stays."""

CARRY = 1 / 32
"""Sigma, as a share of the crop's height, by which colors are carried out of the region. The soft
edge ends at twice that."""
CARRY_SCALES, CARRY_FALL = 4, 1 / 8
"""Widths by which they are carried, each twice as wide as the one before and weighing so much of
it: near the region the narrow ones count."""
ALONE_FOREHEAD, ALONE_MARGIN = 0.3, 0.014
"""Of a person who is shown as a face alone: how far the face rises over the brows, below the hair,
and the rim that is left out, which may be background, as a share of the crop's height."""
ALONE_SKIN, ALONE_OTHER = 0.22, 0.45
"""Distance of colors in [-1, 1], root mean square, up to which a pixel beside its brows is skin,
and from which it is hair."""

COVERED = 0.99
"""Weight of the new face from which a pixel of the old one counts as covered."""


def fingerprint() -> str:
    """A text with all constants: cached results stay valid as long as it does not change."""
    lengths = {name: value for name, value in globals().items() if name.isupper()}
    return ", ".join(f"{name} {value:.6g}" for name, value in sorted(lengths.items()))
