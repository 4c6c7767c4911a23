"""Runs of every kind of task, sweeps and searches, killed at random moments: see `kills.py`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from damage import ALL
from kills import RUNS, SWEEPS

KILLS = 15 if ALL else 1


@pytest.mark.parametrize("kind", [*RUNS, *SWEEPS] if ALL else ["regression"])
def test_a_kill_at_any_moment_does_not_matter(kind, tmp_path):
    script = Path(__file__).with_name("kills.py")
    paths = os.pathsep.join([str(script.parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, script, kind, str(KILLS), "0", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths})
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
