"""Replace the faces of millions of files: `python recipes/anonygan/anonymize_dataset.py --help`."""

from graphgan.anonymize.datasets import main

if __name__ == "__main__":
    main()
