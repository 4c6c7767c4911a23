"""The parts of scripts/bench.py: what is run (cases, arms), how (process, measure, probe), and the tables."""
