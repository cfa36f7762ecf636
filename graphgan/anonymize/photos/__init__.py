"""Picture files read and written so that nothing but pixels goes from one to the other."""

from graphgan.anonymize.photos.files import read_photo, write_photo
from graphgan.anonymize.photos.leftovers import leftovers
from graphgan.anonymize.photos.photo import Frame, Photo

__all__ = ["Frame", "Photo", "leftovers", "read_photo", "write_photo"]
