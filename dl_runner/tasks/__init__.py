"""What a step computes: loss, metrics, what to show and to predict. One module for each task."""
