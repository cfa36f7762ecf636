"""Cut a face out of an image and blend the result back: region, edge, blending, pasting.

The command, videos, `anonymize_crops`, the recipes and the evaluation all replace faces here. So
the evaluation measures what users get.

1. `align_region` says where the crop of a face lies, and `cut_faces` cuts it with its region: the
   part that is replaced.
2. A method makes a new face. `carry_outward` continues its colors beyond the region.
3. `soft_edges` puts a soft edge around the region. Objects in front of a face, and everything at
   its rim that is not skin, stay; see `AlignedFaces.behind_occluders`.
4. `paste_faces` pastes the new face over the old one, and reports the share that is covered.
   `blend_crops` does the same to crops that are images of their own.

All lengths are shares of the crop; `constants` has them.
"""

from graphgan.anonymize.compositor._edges import carry_outward, soft_edges
from graphgan.anonymize.compositor._face_alone import show_face_alone
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
