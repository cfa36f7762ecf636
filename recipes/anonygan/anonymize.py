"""Replace the faces in photos and videos: `python recipes/anonygan/anonymize.py --help`."""

from graphgan.__main__ import anonymize

if __name__ == "__main__":
    anonymize()
