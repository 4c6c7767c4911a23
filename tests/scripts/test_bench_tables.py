"""The tables that scripts/bench_tables.py measures are what it says."""

import pytest

import bench_tables
from dl_runner.datasets.csv import csv


@pytest.mark.parametrize("quotes", [False, True])
def test_the_table_is_read_whole(quotes, tmp_path):
    bench_tables.write(tmp_path / "rows.csv", 400, quotes)
    data = csv(tmp_path, path="rows.csv", target="price", test=0.0)
    assert len(data.train) == 400 and data.train.names == tuple(f"x{place}" for place in range(8))
    assert set(data.train.levels) == {"town", "colour"} and data.train.levels["colour"] == ("b", "g", "r")
    assert all(town.startswith('town "north"' if quotes else "town north") for town in data.train.levels["town"])
    assert 0.005 < data.train.numeric.isnan().double().mean() < 0.04
    assert bench_tables.measure("print('said')", tmp_path) == "said"
