"""Building blocks for GANs that reason over landmarks as a graph."""

__version__ = "0.1.0"
