"""Replace the faces in photos and videos: `python recipes/anonygan/anonymize.py --help`."""

from graphgan.anonymize.command import main

if __name__ == "__main__":
    main()
