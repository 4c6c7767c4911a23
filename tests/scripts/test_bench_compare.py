"""The runs that the benchmark makes are runs to `dlrun compare`."""

import importlib.util
from pathlib import Path

from dl_runner.report.compare.rows import differing, fold
from dl_runner.report.compare.runs import load_all

PATH = Path(__file__).parents[2] / "scripts" / "bench_compare.py"


def test_made_runs_are_read_and_folded(tmp_path):
    specification = importlib.util.spec_from_file_location("bench_compare", PATH)
    bench = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(bench)
    bench.make_runs(tmp_path, 20)
    runs, warnings = load_all([tmp_path])
    assert len(runs) == 20 and not warnings and {run.status for run in runs} == {"completed"}
    rows, repeats = fold(runs)
    assert (len(rows), repeats) == (10, 0)
    assert set(differing(rows)) >= {"model.name", "optimizer.lr"}
