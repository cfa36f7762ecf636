"""Read and write photo files so that only pixels pass from one to the other."""

from graphgan.anonymize.photos.photo import Frame, Photo
from graphgan.anonymize.photos.reading import read_photo
from graphgan.anonymize.photos.writing import write_photo

__all__ = ["Frame", "Photo", "read_photo", "write_photo"]
