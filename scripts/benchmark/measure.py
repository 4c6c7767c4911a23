"""One run of one arm, as figures."""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace

from benchmark.arms import dlrun
from benchmark.arms.job import Job
from benchmark.process import ArmFailed, Finished, run_fresh

# arm: the program and the variant that makes it one; the bare loop's variant is probed, dlrun is started as itself.
PROGRAMS = {
    "notes": ("notes", {}),
    "lightning": ("lightning_loop", {"data": "loader"}),
    "lightning_memory": ("lightning_loop", {"data": "memory"}),
    "bare": ("bare", {}),
}
ARMS = (*PROGRAMS, "dlrun")
Figures = dict[str, float | str]


def measure(arm: str, job: Job, examples: int, timeout: float | None = None) -> Figures:
    """Run an arm once, in a fresh process and an output folder that is removed afterwards.

    Args:
        examples: training images per epoch.
        timeout: seconds after which the arm is stopped.

    Returns:
        examples_per_second: over the epochs after the first, evaluations included;
        to_first_step, seconds: from the start of the process to the end of its first training step, and to its end;
        peak_mib; and the last epoch's train/loss, train/accuracy and test/accuracy. dlrun also says its precision.

    Raises:
        ArmFailed: the arm's own error.
    """
    with tempfile.TemporaryDirectory() as folder:
        job = replace(job, outputs=folder)
        if arm == "dlrun":
            finished = run_fresh(dlrun.command(job), timeout)
            more = {"to_first_step": _start_up_of_dlrun(job), "precision": dlrun.precision(job)}
            return _figures(finished, dlrun.epochs(job), examples) | more
        program, variant = PROGRAMS[arm]
        job = replace(job, variant={**job.variant, **variant})
        finished = run_fresh([sys.executable, "-m", f"benchmark.arms.{program}", job.to_json()], timeout)
        first, *epochs = (json.loads(line) for line in finished.output.splitlines() if line.startswith("{"))
        return _figures(finished, epochs, examples) | {"to_first_step": first["time"] - finished.began}


def _figures(finished: Finished, epochs: Sequence[dict], examples: int) -> Figures:
    if len(epochs) < 2:
        raise ArmFailed(f"told of {len(epochs)} epochs, and it takes two to time one")
    spent = epochs[-1]["time"] - epochs[0]["time"]
    return {
        "examples_per_second": examples * (len(epochs) - 1) / spent,
        "seconds": finished.ended - finished.began,
        "peak_mib": finished.peak_mib,
        **{name: epochs[-1][name] for name in ("train/loss", "train/accuracy", "test/accuracy")},
    }


def _start_up_of_dlrun(job: Job) -> float:
    """In a run of its own: a longer one does not say when its first step was made."""
    with tempfile.TemporaryDirectory() as folder:
        job = replace(job, outputs=folder)
        began = run_fresh(dlrun.start_up(job)).began
        return dlrun.first_step(job) - began
