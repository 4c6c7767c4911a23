"""What a command line that does not work was meant to say. Asked after an error alone. Imports no torch."""
