"""Jobs in processes of their own: what they get, how they end, and that none outlives its launcher."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import launch_tasks
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.utils import JobStatus

from dl_runner.config.search_path import CONF
from dl_runner.config.stored import to_plain
from dl_runner.errors import RunFailed
from dl_runner.launch.local import side_by_side
from dl_runner.launch.resources import Request
from dl_runner.runtime.interrupt import STOP_SIGNALS

LIGHT = ("dl_runner.config.stored", "dl_runner.launch.worker")


def job(folder: Path, seed: int):
    """A job's config, as the launcher composes it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        overrides = [f"seed={seed}", f"outputs={folder}", "sweep.name=s"]
        return compose("config", overrides, return_hydra_config=True), to_plain(compose("config", overrides))


def started(folder: Path, *seeds: int, request: Request):
    jobs = (job(folder, seed) for seed in seeds)
    return side_by_side(jobs, lambda: None, launch_tasks.task, 0, request, "none")


def pids(folder: Path) -> list[int]:
    return [int(pid) for path in folder.glob("pid_*") for pid in path.read_text().split()]


def wait_for(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Ended; a process that nobody has waited for yet counts as well."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_jobs_come_back_as_they_end_whatever_becomes_of_them(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MARK", "here")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    taken = []

    def jobs():
        for seed in (1, 101, 102, 103, 104, 105, 2):
            taken.append(seed)
            yield job(tmp_path, seed)

    done = {}
    for number, result in side_by_side(jobs(), lambda: None, launch_tasks.task, 10, Request(jobs=2, threads=3), "none"):
        assert len(taken) <= len(done) + 2  # the next is taken when there is room for it
        done[number] = result
    assert sorted(done) == list(range(10, 17))
    stops = sorted(STOP_SIGNALS)
    expected = {
        "threads": 3,
        "of_parent": 1,
        "blocked_by_parent": stops,
        "OMP_NUM_THREADS": "3",
        "CUDA_VISIBLE_DEVICES": None,
        "MARK": "here",
    }
    assert done[10].return_value == {"seed": 1, **expected} and done[16].return_value == {"seed": 2, **expected}
    assert len(set(pids(tmp_path))) == 7 and os.getpid() not in pids(tmp_path)

    failures = {number: result._return_value for number, result in done.items() if result.status == JobStatus.FAILED}
    words = {11: "Private: on purpose", 12: "SIGKILL", 13: "SIGSEGV", 14: "exit code 3", 15: "exit code 1"}
    assert set(failures) == set(words)
    for number, word in words.items():
        assert isinstance(failures[number], RunFailed) and word in str(failures[number])
    kept = {number: (tmp_path / f"sweeps/s/output_of_job_{number}.txt").read_text() for number in (11, 13)}
    assert "launch_tasks.py" in kept[11] and "Segmentation fault" in kept[13] and "launch_tasks.py" in kept[13]
    assert capfd.readouterr() == ("", "")


def test_each_job_has_its_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr("dl_runner.launch.local.count_gpus", launch_tasks.two_gpus)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    done = [result.return_value for _, result in started(tmp_path, 1, 2, 3, request=Request())]
    assert {one["CUDA_VISIBLE_DEVICES"] for one in done} == {"4", "6"} and len(done) == 3


def test_a_job_with_the_exit_code_of_a_lost_fork_server_fails_alone(tmp_path):
    (tmp_path / "sweeps" / "s").mkdir(parents=True)
    failed, done = (result for _, result in started(tmp_path, 108, 1, request=Request(jobs=1, gpu=False)))
    assert "exit code 255" in str(failed._return_value) and done.return_value["seed"] == 1


def test_closing_stops_what_runs(tmp_path):
    running = started(tmp_path, 106, 102, request=Request(jobs=2))
    next(running)
    wait_for((tmp_path / "hangs_106").exists)
    running.close()
    assert gone(int((tmp_path / "pid_106").read_text().split()[0]))
    wait_for(lambda: all(map(gone, pids(tmp_path))), 5)  # the kernel takes its time with what the job has started


LAUNCHER = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
import test_local as tests
from dl_runner.launch import fork_server
from dl_runner.launch.resources import Request
fork_server.PRELOADED = tests.LIGHT
for number, result in tests.started(Path(sys.argv[1]), *map(int, sys.argv[2:]), request=Request(jobs=2, gpu=False)):
    print(number, result.status.name, result._return_value, flush=True)
"""


@pytest.fixture
def launcher(tmp_path):
    """Starts jobs that hang, in another process, and gives it once they do."""
    processes = []

    def start(*seeds: int) -> subprocess.Popen:
        code = LAUNCHER.format(path=[str(Path(__file__).parent)])
        command = [sys.executable, "-c", code, str(tmp_path), *map(str, seeds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        for seed in seeds:
            wait_for((tmp_path / f"hangs_{seed}").exists)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_the_first_signal_asks_the_jobs_and_the_second_kills_them(tmp_path, launcher):
    process = launcher(106, 107)
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: select.select([process.stdout], [], [], 0)[0])  # it has heard how job 106 ended
    assert process.poll() is None and not any(map(gone, map(int, (tmp_path / "pid_107").read_text().split())))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode != 0 and "stopped by SIGTERM" in out and "once more" in err
    wait_for(lambda: all(map(gone, pids(tmp_path))), 5)


def test_no_job_outlives_a_killed_launcher(tmp_path, launcher):
    process = launcher(106, 107)
    assert len(pids(tmp_path)) == 4 and not any(map(gone, pids(tmp_path)))
    process.kill()
    wait_for(lambda: all(map(gone, pids(tmp_path))), 5)


def test_a_killed_fork_server_takes_its_jobs_along_and_is_named(tmp_path, launcher):
    process = launcher(106)
    job_pid = int((tmp_path / "pid_106").read_text().split()[0])
    parent = int(Path(f"/proc/{job_pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert "the process that starts the jobs was killed by SIGKILL" in err
    wait_for(lambda: gone(job_pid), 5)
