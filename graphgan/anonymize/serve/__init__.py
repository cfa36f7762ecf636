"""A local page on which a photo is dropped and comes back with other faces."""

from graphgan.anonymize.serve._app import make_app
from graphgan.anonymize.serve._choices import Choice, choices_of
from graphgan.anonymize.serve._server import serve

__all__ = ["Choice", "choices_of", "make_app", "serve"]
