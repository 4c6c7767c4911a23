"""Time a sweep with its jobs side by side (hydra/launcher=local) against one after the other, and compare the weights.

    python scripts/bench_sweep.py                        # 8 seeds of LeNet on digits, five rounds
    python scripts/bench_sweep.py --rounds 3 --jobs 4 --overrides trainer.epochs=3
    python scripts/bench_sweep.py --write                # put the figures into docs/launchers.md

Whole processes are timed, from the start of Python to their end; rounds alternate in which of the two comes first. The
machine must be idle. A third sweep, once, has its jobs one after the other with as many threads as they had side by
side: those weights must be the same, bit for bit, or the exit code is 1.
"""

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from benchmark.process import run_fresh
from dl_runner.runtime.files import write_atomic
from dl_runner.tracking.run_folder import checkout, versions
from hardware import hardware

PAGE = Path(__file__).parents[1] / "docs" / "launchers.md"
BEGIN, END = "<!-- written by scripts/bench_sweep.py -->", "<!-- end -->"
LOCAL = "hydra/launcher=local"


@dataclass(frozen=True)
class Sweep:
    """A finished sweep: how long its process took, in seconds, and the folders of its runs."""

    seconds: float
    runs: list[Path]

    @property
    def threads(self) -> int:
        return json.loads((self.runs[0] / "run.json").read_text())["threads"]

    @property
    def cores(self) -> int:
        return json.loads((self.runs[0] / "run.json").read_text())["host"]["cores"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--overrides", nargs="*", default=[], help="further KEY=VALUE of both sweeps")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE.name}")
    given = parser.parse_args(argv)
    line = [f"seed=range({given.jobs})", "device=cpu", *given.overrides]
    load = os.getloadavg()[0]
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.rounds):
            arms = {"serial": [], "local": [LOCAL]}
            order = list(arms) if number % 2 == 0 else list(reversed(arms))
            rounds.append({name: sweep(Path(folder), f"{name}{number}", [*line, *arms[name]]) for name in order})
            serial, local = rounds[-1]["serial"].seconds, rounds[-1]["local"].seconds
            print(f"round {number + 1}: {serial:.1f} s, side by side {local:.1f} s: {serial / local:.2f} times as fast")
        local = rounds[0]["local"]
        alike = sweep(Path(folder), "alike", [*line, f"device.threads={local.threads}"])
        between_rounds = max(distance(local, other["local"]) for other in rounds)
        same, default = distance(alike, local), distance(rounds[0]["serial"], local)
        text = report(shlex.join(["dlrun", "-m", *line, LOCAL]), rounds, load)
        text += f"\n- weights, job by job, against one after the other with {local.threads} thread(s): {words(same)}"
        text += f"\n- against one after the other with {rounds[0]['serial'].threads} thread(s): {words(default)}"
    print(text)
    if given.write:
        write(text)
    return int(same > 0 or between_rounds > 0)


def sweep(folder: Path, name: str, line: list[str]) -> Sweep:
    """Run a sweep in a fresh process.

    Raises:
        ArmFailed: it did not end well.
    """
    command = [sys.executable, "-m", "dl_runner", "-m", *line, f"outputs={folder}", f"sweep.name={name}"]
    done = run_fresh(command)
    runs = sorted(path.parent for path in (folder / "sweeps" / name).glob("*/run.json"))
    return Sweep(done.ended - done.began, runs)


def distance(one: Sweep, other: Sweep) -> float:
    """The largest difference between a weight of a job and that of the same job of the other sweep."""
    pairs = [
        (load_file(mine / "checkpoints" / "last.safetensors"), load_file(yours / "checkpoints" / "last.safetensors"))
        for mine, yours in zip(one.runs, other.runs, strict=True)
    ]
    return max(float(np.abs(mine[name] - yours[name]).max()) for mine, yours in pairs for name in mine)


def report(command: str, rounds: Sequence[dict[str, Sweep]], load: float) -> str:
    """The figures as Markdown."""
    ratios = [one["serial"].seconds / one["local"].seconds for one in rounds]
    medians = {name: statistics.median(one[name].seconds for one in rounds) for name in ("serial", "local")}
    first = rounds[0]["local"]
    each = ", ".join(f"{one:.2f}" for one in ratios)
    commit = (checkout() or {}).get("commit", "unknown")[:9]
    return "\n".join(
        [
            f"`{command}`, {len(first.runs)} jobs, {len(rounds)} rounds, "
            f"{hardware('cpu', first.cores, versions()['torch'] or 'unknown')}, commit {commit}:",
            "",
            f"- one after the other: {medians['serial']:.1f} s (median)",
            f"- side by side, {first.threads} thread(s) each: {medians['local']:.1f} s",
            f"- **{statistics.median(ratios):.2f} times as fast** (rounds: {each}); "
            f"load average before {load:.2f}, after {os.getloadavg()[0]:.2f}",
        ]
    )


def words(difference: float) -> str:
    return "the same bit for bit" if difference == 0 else f"up to {difference:.1e} apart"


def write(text: str) -> None:
    """Between the two marks of the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    write_atomic(PAGE, f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    sys.exit(main())
