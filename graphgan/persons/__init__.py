"""Finding persons and their joints in photos, with networks that others trained."""

from graphgan.persons._blazepose import BlazePose

__all__ = [
    "BlazePose",
]
