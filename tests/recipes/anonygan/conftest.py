"""Recipes are scripts: their folder is the first place they import from."""

import sys
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "recipes" / "anonygan"

if str(FOLDER) not in sys.path:
    sys.path.insert(0, str(FOLDER))
