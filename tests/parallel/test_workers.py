"""A function in several new processes: its value, its errors, and nobody left behind."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import work_badly
from helpers import HANGS

from dl_runner.cli.app import run
from dl_runner.errors import Interrupted, UserError
from dl_runner.parallel.workers import WorkerDied, WorkersStopped, in_workers
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.interrupt import MESSAGES, STOP


def test_a_signal_is_passed_on_the_first_ones_value_comes_back_and_the_cores_are_shared(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threading.Thread(target=_when_both_have_begun, args=(tmp_path, signal.SIGTERM, 1)).start()
    rank, number, threads = in_workers(2, work_badly.until_stopped, tmp_path)
    assert (rank, number) == (0, signal.SIGTERM)
    assert int(threads) == max(1, allowed_cores() // 2)
    assert MESSAGES not in os.environ
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_schedulers_signal_to_all_processes_is_passed_on_by_the_one_that_started_them(tmp_path):
    def signal_all():
        _wait(lambda: len(list(tmp_path.iterdir())) == 2)
        everybody = [*(process.pid for process in multiprocessing.active_children()), os.getpid()]
        subprocess.run(["kill", "-TERM", *map(str, everybody)], check=True)  # not from this process itself

    threading.Thread(target=signal_all).start()
    assert in_workers(2, work_badly.until_stopped, tmp_path)[:2] == (0, signal.SIGTERM)


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (work_badly.mistake, UserError, "^data.root=/nowhere: on the second machine alone$"),
        (work_badly.crash, WorkerDied, "^process 1 of 2: ValueError: this layer has a hole$"),
        (work_badly.killed_amid_training, WorkerDied, "^process 1 of 2 died: SIGKILL$"),
    ],
)
def test_what_ended_one_is_what_is_told(function, error, words):
    with pytest.raises(error, match=words) as caught:
        in_workers(2, function)
    if function is work_badly.crash:
        assert re.search("raise ValueError.*", caught.value.traceback_text)


def test_nobody_hurries_the_first_one_when_all_stop(tmp_path):
    with pytest.raises(Interrupted, match="stopped at step 3"):
        in_workers(2, work_badly.stop_slowly, tmp_path / "written")
    assert (tmp_path / "written").exists()


def test_a_second_one_ends_them_at_once(tmp_path):
    threading.Thread(target=_when_both_have_begun, args=(tmp_path, signal.SIGINT, 2)).start()
    with pytest.raises(WorkersStopped):
        in_workers(2, work_badly.forever, tmp_path)
    assert _gone(int(path.name) for path in tmp_path.iterdir())


def test_they_do_not_outlive_the_one_that_started_them(tmp_path):
    parent = multiprocessing.get_context("spawn").Process(target=in_workers, args=(2, work_badly.forever, tmp_path))
    parent.start()
    _wait(lambda: len(list(tmp_path.iterdir())) == 2)
    parent.kill()
    assert _gone(int(path.name) for path in tmp_path.iterdir())


def test_a_sweep_of_runs_in_two_processes(tmp_path, capfd):
    line = ["-m", "parallel=manual", "parallel.devices=2", "model=softmax,mlp", "device=cpu", "device.threads=1"]
    line += ["trainer.steps=4", "sweep.name=two", "tracker.tensorboard=false", f"outputs={tmp_path}"]
    assert run(line) == 0
    jobs = sorted(path.parent for path in (tmp_path / "sweeps" / "two").glob("*/run.json"))
    assert len(jobs) == 2
    for job in jobs:
        record = json.loads((job / "run.json").read_text())
        assert (record["status"], record["step"], record["parallel"]["processes"]) == ("completed", 4, 2)
    # A header for each run, and none for each process.
    assert capfd.readouterr().out.count("parallel   manual, 2 processes") == 2


def _when_both_have_begun(folder: Path, number: int, times: int) -> None:
    _wait(lambda: len(list(folder.iterdir())) == 2)
    os.kill(os.getpid(), number)
    if times == 2:  # two that come at once are one
        _wait((Path(os.environ[MESSAGES]) / f"{STOP}-0").exists)
        os.kill(os.getpid(), number)


def _wait(condition) -> bool:
    until = time.monotonic() + HANGS
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(condition())


def _gone(processes) -> bool:
    return all(_wait(lambda number=number: not Path(f"/proc/{number}/cwd").exists()) for number in processes)
