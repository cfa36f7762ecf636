"""Replace the faces in many files with Ray: `python recipes/anonygan/anonymize_dataset.py
--help`."""

from graphgan.anonymize.datasets import main

if __name__ == "__main__":
    main()
