"""scripts/bench_text.py from end to end, on a few steps."""

import re
import string

import numpy as np

import bench_text


def test_every_arm_is_timed_beside_dlrun(tmp_path, monkeypatch, capsys):
    letters = np.random.default_rng(0).choice(list(string.ascii_lowercase + " "), 12_000)
    (tmp_path / "time_machine").mkdir()
    (tmp_path / "time_machine" / "timemachine.txt").write_text("".join(letters))
    monkeypatch.setenv("DLRUN_DATA_DIR", str(tmp_path))
    bench_text.main(["gru", "--turns", "2", "--steps", "1"])
    rows = [line for line in capsys.readouterr().out.splitlines() if re.match(r"\| (dlrun|book|bare)", line)]
    assert len(rows) == 2 + len(bench_text.VARIANTS)
    assert sum("(best)" in row for row in rows) == 1 and "1.000" in rows[0]
    rates = [int(row.split("|")[2].replace(",", "")) for row in rows]
    assert all(rate > 0 for rate in rates)
