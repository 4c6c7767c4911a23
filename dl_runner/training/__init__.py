"""The loop, evaluation, checkpoints, stateful objects and metric sums."""
