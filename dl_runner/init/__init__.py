"""Initializers of a built model."""
