"""Penalties on weights, rules around a step, early stopping."""
