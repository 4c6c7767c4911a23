"""Runs read back from their folders: config.yaml, run.json and metrics.jsonl."""

import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from dl_runner.config.stored import CONFIG, LOADER, require_plain
from dl_runner.errors import UserError
from dl_runner.runtime.checksums import read_checked
from dl_runner.tracking.hyperparameters import Scalar, hyperparameters
from dl_runner.tracking.metric_info import BEFORE, MetricInfo, larger_is_better
from dl_runner.tracking.metrics_file import METRICS, read_metrics
from dl_runner.tracking.run_folder import RECORD, RunRecord, is_locked

BEST = "best/"  # best/METRIC is the best value that a metric had in the course of a run
SPEED = "train/examples_per_second"
VERSIONS = ("torch", "dl_runner")
COMPUTED = (
    "threads",
    "processes",
    "precision",
    "device",
    *VERSIONS,
    "code",
)  # facts that move a result beside its config


@dataclass(frozen=True, eq=False)
class Run:
    """One run folder.

    Args:
        folder: where it is.
        status: completed, failed, interrupted, running, or killed: it says running and no process holds it.
        hyperparameters: dotted key to scalar.
        metrics: the final ones, SPLIT/NAME to number; of a run without an end, the last ones that it reported.
        facts: run (its folder), status, seconds, examples/s, steps, parameters, start, tags, notes; device, precision,
            threads and processes as they were resolved; the versions of torch and dl_runner; code, a hash of the
            plugins'; None where unknown.
        rows: those of metrics.jsonl.
        failure: the last line of a failed run's traceback.
        info: of its metrics.
    """

    folder: Path
    status: str
    hyperparameters: dict[str, Scalar]
    metrics: dict[str, float]
    facts: dict[str, Any]
    rows: list[dict[str, Any]]
    failure: str | None
    info: MetricInfo

    def value(self, key: str) -> Any:
        """A hyperparameter, a final metric, the best value of a metric (best/SPLIT/NAME) or a fact; None without it."""
        if key.startswith(BEST):
            _, heights = self.curve(key.removeprefix(BEST))
            finite = [height for height in heights if math.isfinite(height)]
            return (max if larger_is_better(key, self.info) else min)(finite, default=None)
        for values in (self.facts, self.metrics, self.hyperparameters):
            if key in values:
                return values[key]
        return None

    def curve(self, metric: str) -> tuple[list[float], list[float]]:
        """The values of a metric over the epochs: two lists of the same length."""
        rows = [row for row in self.rows if metric in row]
        return [float(row["epoch"]) for row in rows], [float(row[metric]) for row in rows]


def find(folders: Iterable[Path]) -> Iterator[Path]:
    """The folders that hold a run's files at or below the given ones, each once, in natural order (2 before 10).

    Raises:
        UserError: one of `folders` does not exist.
    """
    seen = set()
    for top in folders:
        if not top.is_dir():
            raise UserError(f"{top}: no such folder; name one that holds runs, such as outputs")
        for path, below, files in os.walk(top):
            is_run = RECORD in files or CONFIG in files
            if is_run and (real := os.path.realpath(path)) not in seen:
                seen.add(real)
                yield Path(path)
            # Of what a run folder holds, only a lesson's arms are runs.
            below[:] = sorted(
                (name for name in below if name[0] != "." and (RECORD not in files or name == "arms")), key=_natural
            )


def load_all(folders: Iterable[Path]) -> tuple[list[Run], list[str]]:
    """The runs below `folders`, and a line about each folder that could not be read.

    A lesson's own folder, which has no training of its own, is left out; its arms are runs.
    """
    runs, warnings = [], []
    for folder in find(folders):
        try:
            run = load(folder)
        except UserError as error:
            warnings.append(f"{error}; left out")
        else:
            runs += [run] if run else []
    return runs, warnings


def load(folder: Path) -> Run | None:
    """The run in a folder, None for a lesson's own folder.

    Raises:
        UserError: a file is missing or damaged.
    """
    try:
        config, record = read_config(folder / CONFIG), RunRecord.load(folder)
        if config.get("lesson") is not None:
            return None
        rows = read_metrics(folder / METRICS) if (folder / METRICS).exists() else []
        return _run(folder, config, record, rows)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder}: damaged, not the files of a run ({type(error).__name__}: {error})") from None


def read_config(path: Path) -> dict[str, Any]:
    """The plain containers of a run's config.yaml, the same as the run wrote, quickly.

    Raises:
        UserError: missing, damaged, or no YAML mapping.
    """
    try:
        text = read_checked(path).decode()
        require_plain(path, text)
        try:
            config = yaml.load(text, LOADER)
        except yaml.YAMLError:  # libyaml, which is quick, does not read the bytes of a name that is no UTF-8
            config = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path}: damaged, not a YAML file ({str(error).splitlines()[0]})") from None
    if not isinstance(config, dict):
        raise UserError(f"{path}: damaged, not a run's config")
    return config


def _run(folder: Path, config: dict[str, Any], record: RunRecord, rows: list[dict[str, Any]]) -> Run:
    if not all({"step", "epoch", "time"} <= row.keys() for row in rows):
        raise ValueError(f"{METRICS} has rows without step, epoch or time")
    status = record["status"]
    alive = status == "running" and is_locked(folder)
    if status == "running" and not alive:
        status = "killed"
    last = {name: float(value) for row in rows for name, value in row.items() if "/" in name}
    metrics = record["metrics"] or last
    facts = {
        "run": str(folder),
        "status": status,
        "seconds": _seconds(record, rows) if record["end"] is None else record["seconds"],
        "examples/s": metrics.get(SPEED),
        "steps": rows[-1]["step"] if rows and record["end"] is None else record["step"],
        "parameters": record["parameters"],
        "start": record["start"],
        "device": record["device"],
        "tags": ", ".join(map(str, config.get("tags") or [])) or None,
        "notes": config.get("notes"),
        "precision": record["precision"],
        "threads": record["threads"],
        "processes": (record["parallel"] or {}).get("processes"),
        **{name: (record["versions"] or {}).get(name) for name in VERSIONS},
        "code": _code(record["plugins"]),
    }
    failure = record["traceback"].strip().splitlines()[-1] if record["traceback"] else None
    info = record["metric_info"] or BEFORE
    return Run(folder, status, hyperparameters(config), metrics, facts, rows, failure, info)


def _code(plugins: Mapping[str, Any] | None) -> str | None:
    """Eight hexadecimal digits for the code of a run's plugins, None without any."""
    if not plugins:
        return None
    files = {name: known["files"] for name, known in plugins.items()}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:8]


def _seconds(record: RunRecord, rows: list[dict[str, Any]]) -> float:
    """Of a run without an end: the time of its earlier runs, and of the present one until the last report."""
    earlier = record["seconds"] or 0.0
    began = record["resumed"][-1]["time"] if record["resumed"] else record["start"]
    return earlier + max(0.0, rows[-1]["time"] - datetime.fromisoformat(began).timestamp()) if rows else earlier


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A sorting key in which numbers count as numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
