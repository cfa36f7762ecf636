"""The contents of an evaluation's report, and how it is written."""
