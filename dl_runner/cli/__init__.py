"""The command line: verbs, or a Hydra command line; one module for each verb. Imports no torch."""
