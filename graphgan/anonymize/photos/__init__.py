"""Read and write photo files so that only pixels pass from one to the other."""

from graphgan.anonymize.photos._photo import Frame, Photo
from graphgan.anonymize.photos._reading import read_photo
from graphgan.anonymize.photos._writing import write_photo

__all__ = ["Frame", "Photo", "read_photo", "write_photo"]
