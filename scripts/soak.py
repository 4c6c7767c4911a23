"""Whether memory, open files and processes stay flat: one training of 10,000 steps, and a sweep of 200 jobs.

    python scripts/soak.py run [--steps 10000]     # evaluations and checkpoints every hundred steps
    python scripts/soak.py sweep [--jobs 200]      # in this process, one after the other
    python scripts/soak.py sweep --launcher local  # in processes of their own; measured is the one that starts them

Prints resident memory, open files and child processes at ten moments, and by how much they grew from the second tenth,
when everything has been made once, to the end. Linux only.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MIB = 1 << 20
QUIET = ("device=cpu", "device.threads=1", "tracker.console=none")
COMMON = (*QUIET, "data=digits", "data.batch_size=32", "data.limit=320")


def state() -> tuple[float, int, int]:
    """Resident memory in MiB, open files, child processes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    children = sum(len(path.read_text().split()) for path in Path("/proc/self/task").glob("*/children"))
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB, len(list(Path("/proc/self/fd").iterdir())), children


class Meter:
    """Notes the state at each of ten moments of a count that goes to `total`."""

    def __init__(self, total: int) -> None:
        self.total, self.count, self.states = total, 0, []

    def __call__(self, *_: object) -> dict[str, float]:
        self.count += 1
        if self.count % (self.total // 10) == 0:
            self.states.append(state())
            memory, files, children = self.states[-1]
            print(f"{self.count:>7,}  {memory:7.1f} MiB  {files:3} files  {children} processes", flush=True)
        return {}

    def report(self) -> int:
        if len(self.states) < 10:
            print(f"ended early, after {self.count:,} of {self.total:,}")
            return 1
        grown = [after - before for before, after in zip(self.states[1], self.states[-1], strict=True)]
        print(f"from the second tenth on: {grown[0]:+.1f} MiB, {grown[1]:+} files, {grown[2]:+} processes")
        return 0


def train(steps: int, folder: str) -> int:
    from dl_runner.config.check import check_config
    from dl_runner.config.compose import compose
    from dl_runner.config.stored import to_plain
    from dl_runner.running.launch import launch

    often = ("trainer.evaluate_every=100 steps", "trainer.checkpoint_every=100 steps", "trainer.log_every=10 steps")
    line = (*COMMON, "model=lenet", f"trainer.steps={steps}", *often)
    meter = Meter(steps // 10)  # told at each report
    launch(check_config(to_plain(compose(line))), Path(folder), "run", watch=meter)
    return meter.report()


def sweep(jobs: int, launcher: str, folder: str) -> int:
    from dl_runner.cli.app import run
    from dl_runner.sweep.sweep import Sweep

    meter, work = Meter(jobs), Sweep._work

    def watched(sweep: Sweep, plan: Any) -> None:
        finished = plan.finished
        plan.finished = lambda entry, outcome: (finished(entry, outcome), meter())
        work(sweep, plan)

    Sweep._work = watched
    line = ["-m", *COMMON, "model=softmax", "trainer.steps=3", f"seed=range({jobs})", "tracker.tensorboard=false"]
    code = run([*line, f"hydra/launcher={launcher}", f"outputs={folder}"])
    return code or meter.report()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "sweep"])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--launcher", choices=["basic", "local"], default="basic")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "run":
            return train(given.steps, folder)
        return sweep(given.jobs, given.launcher, folder)


if __name__ == "__main__":
    sys.exit(main())
