"""Optimizers, learning-rate schedules, groups of parameters."""
