"""Joining processes, starting them, and how the gradients of several become one step."""
