"""A local page: drop a photo onto it, and get it back with other faces."""

from graphgan.anonymize.serve._app import make_app, serve

__all__ = ["make_app", "serve"]
