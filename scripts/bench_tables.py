"""Time and peak memory of reading a large table, standardizing it and numbering its categories.

    python scripts/bench_tables.py --rows 1000000
    python scripts/bench_tables.py --rows 1000000 --quotes      # texts in quotation marks, some with marks inside

Each measurement is a process of its own and gives the time that its processor worked; the file is written first, into a
temporary folder.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

MEASURED = """
import resource, sys, time
from pathlib import Path
import torch
from dl_runner.data.dataset import Cuts, cut
from dl_runner.datasets.csv import csv
def megabytes(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, start = megabytes(), time.process_time()
data = csv(Path("/"), path=sys.argv[1], target="price", test=0.2)
read = time.process_time()
made = cut(data, Cuts(validation=0.1))
done = time.process_time()
print(f"{len(data.train) + len(data.test):,} rows: read in {read - start:.1f} s, cut and fitted in {done - read:.1f} s")
print(f"memory: {before:.0f} MB before, at most {megabytes():.0f} MB")
"""
READERS = {
    "polars alone, as texts": "import polars; polars.read_csv(path, infer_schema=False)",
    "pandas alone, as texts": "import pandas; pandas.read_csv(path, dtype=str, keep_default_na=False)",
    "pandas alone, types guessed": "import pandas; pandas.read_csv(path)",
}
ALONE = """
import resource, sys, time
path = sys.argv[1]
{}
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"{{time.process_time():.1f}} s, at most {{used.ru_maxrss / 1024:.0f}} MB")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quotes", action="store_true", help="texts in quotation marks")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write(path, given.rows, given.quotes)
        print(f"{path.stat().st_size / 1e6:.0f} MB, eight columns of numbers, two of categories, a target")
        print("dl_runner:", measure(MEASURED, path))
        for name, code in READERS.items():
            print(f"{name}:", measure(ALONE.format(code), path))


def measure(program: str, path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def write(path: Path, rows: int, quotes: bool) -> None:
    """Eight columns of normal numbers, two percent of them missing, 200 towns, three colours and a price."""
    random, mark = np.random.default_rng(0), '"' if quotes else ""
    with path.open("w") as file:
        file.write(",".join([*(f"x{place}" for place in range(8)), "town", "colour", "price"]) + "\n")
        for start in range(0, rows, 10_000):
            count = min(10_000, rows - start)
            numbers, missing = random.standard_normal((count, 8)), random.random((count, 8)) < 0.02
            towns, colours = random.integers(200, size=count), random.integers(3, size=count)
            inner = '""north""' if quotes and not start else "north"
            for values, holes, town, colour in zip(numbers, missing, towns, colours, strict=True):
                texts = ["" if hole else f"{value:.5f}" for value, hole in zip(values, holes, strict=True)]
                named = [f"{mark}town {inner} {town}{mark}", f"{mark}{'rgb'[colour]}{mark}", f"{values.sum() + 20:.3f}"]
                file.write(",".join([*texts, *named]) + "\n")


if __name__ == "__main__":
    main()
