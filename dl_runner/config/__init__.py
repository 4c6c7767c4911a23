"""The config of an experiment: schema, checks of values and of keys together, composing with Hydra. Imports no torch."""
