"""Sweeps: many runs from one command line, which resumes the sweep when it is given again."""
