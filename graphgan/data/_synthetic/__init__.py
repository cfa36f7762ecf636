"""Painters of synthetic faces and persons."""
