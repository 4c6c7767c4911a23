"""dlrun as a user starts it, and what its run folder says afterwards. Not a program: dlrun is."""

import sys
from pathlib import Path

from benchmark.arms.job import Job
from dl_runner.tracking.metrics_file import METRICS, read_metrics
from dl_runner.tracking.run_folder import RunRecord


def command(job: Job) -> list[str]:
    """TensorBoard, checkpoints and device settings are the defaults; only the data and the output are said."""
    chosen = [f"experiment=notes/{job.experiment}", *job.overrides, f"trainer.epochs={job.epochs}", f"seed={job.seed}"]
    places = [f"data.root={job.root}", f"outputs={job.outputs}"]
    return [sys.executable, "-m", "dl_runner", *chosen, *places]


def start_up(job: Job) -> list[str]:
    """The same, ended by its first step, and with no evaluation between that and its record."""
    return [*command(job), "trainer.epochs=null", "trainer.steps=1", "trainer.test=never"]


def epochs(job: Job) -> list[dict]:
    """The run's metrics at the end of each epoch and its evaluation, with their time; its checkpoint comes after."""
    evaluated = [row for row in read_metrics(run_folder(job) / METRICS) if "test/loss" in row]
    return [{**row, "epoch": number} for number, row in enumerate(evaluated, start=1)]


def first_step(job: Job) -> float:
    """When the run of `start_up` had made its step, in Unix seconds."""
    return read_metrics(run_folder(job) / METRICS)[0]["time"]


def precision(job: Job) -> str:
    """In which the run computed."""
    return RunRecord.load(run_folder(job))["precision"]


def run_folder(job: Job) -> Path:
    """The one run in the job's output folder."""
    (found,) = Path(job.outputs).rglob(METRICS)
    return found.parent
