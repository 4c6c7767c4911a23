"""From a checked config to the parts of a run, in one visible order, each built once."""
