"""Where numbers, pictures and texts of a run go: console, log, metrics file, TensorBoard, run.json."""
