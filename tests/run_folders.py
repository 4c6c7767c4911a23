"""Run folders as a run leaves them, made without training."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CONFIG = {
    "data": {"name": "digits", "root": None, "validation": 0.1, "folds": None, "fold": None, "batch_size": 64},
    "model": {"name": "mlp", "hidden": [256], "dropout": 0.0},
    "optimizer": {"name": "sgd", "lr": 0.1},
    "device": {"name": "cpu", "threads": 1},
    "lesson": None,
    "seed": 0,
    "outputs": "outputs",
}


def make_run(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    accuracies: tuple[float, ...] = (0.5, 0.8, 0.7),
    *,
    test: float = 0.75,
    status: str = "completed",
    traceback: str | None = None,
    start: str = "2026-01-01T00:00:00+00:00",
) -> Path:
    """A run of one epoch per validation accuracy; its final ones are the best one and `test`."""
    config = copy.deepcopy(CONFIG)
    for key, value in (changes or {}).items():
        section, _, name = key.rpartition(".")
        (config[section] if section else config)[name] = value
    rows = [
        {
            **{"step": 10 * epoch, "epoch": float(epoch), "time": 1767225600.0 + 2 * epoch},
            **{"train/loss": 1 / epoch, "validation/loss": 1.1 / epoch, "validation/accuracy": accuracy},
        }
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]
    final = {"train/loss": 0.25, "train/examples_per_second": 1234.5, "test/accuracy": test}
    if accuracies:
        final["validation/accuracy"] = max(accuracies)
    ended = status != "running"
    record = {
        **{"status": status, "start": start, "end": start if ended else None, "seconds": 12.5 if ended else 0.0},
        **{"metrics": final if status == "completed" else {}, "traceback": traceback, "step": 10 * len(rows)},
        **{"resumed": [], "seed": config["seed"], "device": "cpu", "parameters": 1000},
    }
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "log.txt").touch()
    return folder
