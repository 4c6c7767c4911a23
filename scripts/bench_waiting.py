"""Time a whole dlrun beside busy programs, under several counts of how often a waiting thread looks before it sleeps.

    python scripts/bench_waiting.py                              # the default run, beside 0, 1 and 2 busy loops
    python scripts/bench_waiting.py --rounds 7 --spins ours 0 300000
    python scripts/bench_waiting.py --dlrun data=fashion_mnist data.limit=10000 trainer.epochs=2

In turns: each round runs every count beside every number of loops. Prints medians in seconds. The machine must be idle.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

LOOP = [sys.executable, "-c", "while True: pass"]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--spins", nargs="+", default=["ours", "0", "300000"], help="GOMP_SPINCOUNT; ours: what dlrun sets"
    )
    parser.add_argument("--loops", nargs="+", type=int, default=[0, 1, 2], help="busy programs beside the run")
    parser.add_argument("--dlrun", nargs="*", default=[], help="the arguments of dlrun")
    given = parser.parse_args(argv)
    cells: dict[tuple[str, int], list[float]] = {(spins, count): [] for spins in given.spins for count in given.loops}
    for _ in range(given.rounds):
        for (spins, count), seconds in cells.items():
            with busy(count):
                seconds.append(timed(spins, given.dlrun))
    print("| GOMP_SPINCOUNT |", *(f"{count} busy loops, s | range |" for count in given.loops))
    print("|---" * (1 + 2 * len(given.loops)) + "|")
    for spins in given.spins:
        row = [cells[spins, count] for count in given.loops]
        print(f"| {spins} |", *(f"{statistics.median(one):.2f} | {min(one):.2f}–{max(one):.2f} |" for one in row))


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many programs beside this one, each of which keeps a core busy."""
    loops = [subprocess.Popen(LOOP) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def timed(spins: str, arguments: Sequence[str]) -> float:
    """Seconds from the start of Python to its end."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    }
    environment |= {} if spins == "ours" else {"GOMP_SPINCOUNT": spins}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dl_runner", *arguments, f"outputs={folder}"]
        start = time.perf_counter()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
