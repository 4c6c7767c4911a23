"""Launchers from elsewhere run our sweeps: joblib's, and submitit's local one in place of Slurm's."""

import importlib.util
from pathlib import Path

import pytest
from helpers import EXACT

from dl_runner.cli.app import run
from dl_runner.tracking.run_folder import RunRecord

SMALL = ("data=synthetic_regression", "model=linear", "data.batch_size=64", "trainer.steps=4")
LAUNCHERS = {
    "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    "submitit": ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5"],
}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_sweep_is_run_its_failure_told_and_what_is_completed_left_alone(name, tmp_path, monkeypatch, capfd):
    if importlib.util.find_spec(f"hydra_plugins.hydra_{name}_launcher") is None:
        pytest.skip(f"hydra-{name}-launcher is not installed; pip install 'dl_runner[{name}]'")
    monkeypatch.chdir(tmp_path)
    line = ["-m", *SMALL, *EXACT, "tracker.tensorboard=false", "sweep.name=s", *LAUNCHERS[name]]
    assert run([*line, "optimizer.lr=0.01,1e30"]) == 1
    folders = sorted(Path("outputs/sweeps/s").glob("*_optimizer.lr=*"))
    assert [RunRecord.load(folder)["status"] for folder in folders] == ["completed", "failed"]
    err = capfd.readouterr().err
    assert "1 of 2 jobs failed" in err and "try a smaller optimizer.lr" in err
    assert run([*line, "optimizer.lr=0.01"]) == 0
    assert "completed earlier" in capfd.readouterr().out
