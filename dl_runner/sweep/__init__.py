"""Sweeps: many runs from one command line that, given again, goes on where it stopped."""
