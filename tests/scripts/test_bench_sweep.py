"""The benchmark of sweeps measures two kinds of them and compares their weights."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "scripts" / "bench_sweep.py"


@pytest.mark.thorough
def test_a_round_is_measured_and_the_weights_are_the_same(tmp_path, capsys, monkeypatch):
    specification = importlib.util.spec_from_file_location("bench_sweep", PATH)
    bench = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(bench)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{bench.BEGIN}\nold\n{bench.END}\nafter\n")
    monkeypatch.setattr(bench, "PAGE", page)
    fast = ["data=synthetic_regression", "model=linear", "trainer.steps=2", "tracker.tensorboard=false"]
    line = ["--jobs", "2", "--rounds", "1", "--at-once", "2", "--write", "--overrides", *fast]
    assert bench.main(line) == 0
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 4 and "the same bit for bit" in rows[-1]
    assert "round 1: local" in capsys.readouterr().out
