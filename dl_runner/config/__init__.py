"""The config of an experiment: schema, checks of values and of keys together, composing. Imports no torch."""
