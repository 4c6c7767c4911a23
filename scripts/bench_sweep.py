"""Time a sweep with its jobs side by side (hydra/launcher=local) against one after the other, and compare the weights.

    python scripts/bench_sweep.py                        # 8 seeds of LeNet on digits, five rounds
    python scripts/bench_sweep.py --rounds 3 --jobs 4 --overrides trainer.epochs=3
    python scripts/bench_sweep.py --write                # put the figures into docs/launchers.md

Whole processes are timed, from the start of Python to their end, round after round, each of which begins with another
sweep. One after the other there are two: as `dlrun -m` runs them, and with as many threads as the jobs have side by
side; the weights of the latter must be the same, bit for bit, or the exit code is 1. The machine must be idle.
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
from dl_runner.tracking.provenance import checkout, versions
from hardware import hardware

PAGE = Path(__file__).parents[1] / "docs" / "launchers.md"
BEGIN, END = "<!-- written by scripts/bench_sweep.py -->", "<!-- end -->"


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
    parser.add_argument("--at-once", default="auto", help="hydra.launcher.jobs")
    parser.add_argument("--overrides", nargs="*", default=[], help="further KEY=VALUE of all sweeps")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE.name}")
    given = parser.parse_args(argv)
    line = [f"seed=range({given.jobs})", "device=cpu", *given.overrides]
    side_by_side = ["hydra/launcher=local", f"hydra.launcher.jobs={given.at_once}"]
    load, rounds = os.getloadavg()[0], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.rounds):
            arms = {"local": side_by_side, "serial": [], "alike": []}
            results: dict[str, Sweep] = {}
            turn = number % len(arms)
            for name in [*arms, *arms][turn : turn + len(arms)]:
                if name == "alike":
                    arms[name] = [f"device.threads={(results | (rounds or [{}])[0])['local'].threads}"]
                results[name] = sweep(Path(folder), f"{name}{number}", [*line, *arms[name]])
            rounds.append(results)
            print(f"round {number + 1}: " + ", ".join(f"{name} {results[name].seconds:.1f} s" for name in arms))
        same = max(distance(one["alike"], one["local"]) for one in rounds)
        text = report(shlex.join(["dlrun", "-m", *line, *side_by_side]), rounds, load, same)
    print(text)
    if given.write:
        write(text)
    return int(same > 0)


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


def report(command: str, rounds: Sequence[dict[str, Sweep]], load: float, same: float) -> str:
    """The figures as Markdown; `same` is the largest difference of a weight where there should be none."""
    first = rounds[0]
    where = hardware("cpu", first["local"].cores, versions()["torch"] or "unknown")
    commit = (checkout(Path(__file__).parent) or {}).get("commit", "unknown")[:9]
    lines = [
        f"`{command}`, {len(first['local'].runs)} jobs, medians of {len(rounds)} rounds on {where}, commit {commit}; "
        f"load average before {load:.2f}, after {os.getloadavg()[0]:.2f}:",
        "",
        "| | threads of a job | seconds | side by side is so many times as fast | weights against side by side |",
        "|---|---|---|---|---|",
    ]
    named = {"local": "side by side", "serial": "one after the other", "alike": "one after the other, the same threads"}
    for name, words in named.items():
        ratios = [one[name].seconds / one["local"].seconds for one in rounds]
        cells = [words, first[name].threads, f"{statistics.median(one[name].seconds for one in rounds):.1f}"]
        if name == "local":
            cells += ["", ""]
        else:
            each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            apart = same if name == "alike" else distance(first[name], first["local"])
            cells += [f"**{statistics.median(ratios):.2f}** ({each})", told(apart)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def told(difference: float) -> str:
    return "the same bit for bit" if difference == 0 else f"up to {difference:.1e} apart"


def write(text: str) -> None:
    """Between the two marks of the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    write_atomic(PAGE, f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    sys.exit(main())
