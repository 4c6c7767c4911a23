"""Device, precision, cores, seeds, signals, files: what the machine gives."""
