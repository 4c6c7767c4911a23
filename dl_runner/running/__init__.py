"""The life of a run: its folder, record and trackers, its processes, inference with it, and lessons."""
