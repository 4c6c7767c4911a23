"""Summaries, tables and pictures."""
