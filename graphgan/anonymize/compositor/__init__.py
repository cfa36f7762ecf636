"""The way of a face out of an image and back: region, edge, blend, and paste.

Whoever replaces faces does it here: the command, videos, `anonymize_crops`, the recipes, and the
evaluation. So what is measured is what users get.

1. `align_region` says where the crop of a face lies, and `cut_faces` cuts it with its region: the
   part that is replaced.
2. A method makes a new face. `carry_outward` continues its colors beyond the region.
3. `soft_edges` puts a soft edge around the region. What is in front of a face or no skin at its rim
   stays, see `AlignedFaces.behind_occluders`.
4. `paste_faces` lays the new face over the old one, and says how much of the old one is covered.
   `blend_crops` does the same to crops that are images of their own.

All lengths are shares of the crop; they stand in `constants`.
"""

from graphgan.anonymize.compositor._edges import carry_outward, show_face_alone, soft_edges
from graphgan.anonymize.compositor._pasting import Pasted, Patch, blend_crops, paste_faces
from graphgan.anonymize.compositor._regions import AlignedFaces, align_region, cut_faces

__all__ = [
    "AlignedFaces",
    "Pasted",
    "Patch",
    "align_region",
    "blend_crops",
    "carry_outward",
    "cut_faces",
    "paste_faces",
    "show_face_alone",
    "soft_edges",
]
