"""A sweep fixes the threads of its jobs when it begins; no launcher and no later command changes them."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dl_runner.cli.app import run
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import load_config, to_plain
from dl_runner.sweep.job import with_threads
from dl_runner.tracking.run_folder import RunRecord

SMALL = (
    *("-m", "data=synthetic_regression", "model=linear", "data.batch_size=64", "trainer.steps=2", "device=cpu"),
    *("tracker.tensorboard=false", "sweep.name=s"),
)
LOCAL = ("hydra/launcher=local", "hydra.launcher.jobs=2")


@pytest.fixture(autouse=True)
def a_folder_without_a_choice_of_threads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OMP_NUM_THREADS", "DLRUN_OUTPUT_DIR"):
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def cores(count: int, monkeypatch) -> None:
    for module in ("runtime.cores", "launch.local"):
        monkeypatch.setattr(f"dl_runner.{module}.allowed_cores", lambda *root: count)


def threads() -> dict[str, tuple[int, int]]:
    """By job: what its config says and what it ran with."""
    folders = sorted(path.parent for path in Path("outputs/sweeps/s").glob("*/run.json"))
    return {
        folder.name.partition("=")[2]: (
            load_config(folder / "config.yaml")["device"]["threads"],
            RunRecord.load(folder)["threads"],
        )
        for folder in folders
    }


def on_record():
    return json.loads(Path("outputs/sweeps/s/sweep.json").read_text()).get("threads")


@pytest.mark.parametrize(("began", "goes_on"), [((), LOCAL), (LOCAL, ())])
def test_a_sweep_goes_on_with_the_threads_it_began_with(began, goes_on, monkeypatch):
    cores(4 if began else 2, monkeypatch)
    assert run([*SMALL, *began, "seed=0,1"]) == 0
    assert on_record() == 2
    cores(1, monkeypatch)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert run([*SMALL, *goes_on, "seed=0,1,2"]) == 0
    assert threads() == dict.fromkeys("012", (2, 2)) and on_record() == 2


def test_the_users_own_number_wins_and_is_put_on_record(monkeypatch):
    cores(4, monkeypatch)
    assert run([*SMALL, "seed=0,1", "device.threads=2"]) == 0
    assert run([*SMALL, "seed=0,1,2", "device.threads=1"]) == 0
    assert threads() == {"0": (2, 2), "1": (2, 2), "2": (1, 1)} and on_record() == 2


def test_a_job_that_varies_its_threads_keeps_them(monkeypatch):
    cores(4, monkeypatch)
    assert run([*SMALL, "device.threads=1,2"]) == 0
    assert threads() == {"1": (1, 1), "2": (2, 2)}
    jobs = json.loads(Path("outputs/sweeps/s/sweep.json").read_text())["jobs"]
    told = [[word for word in one["job"]["command"] if "threads" in word] for one in jobs]
    assert told == [["device.threads=1"], ["device.threads=2"]]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], 4),
        (["device.threads=1"], 1),
        (["parallel=ddp", "parallel.devices=2"], 2),
        (["parallel=ddp", "parallel.devices=8"], 1),
        (["parallel=ddp"], None),  # as many processes as the job's machine has devices: they share its cores
        (["parallel=data_parallel", "parallel.devices=2"], 4),  # several GPUs, one process
    ],
)
def test_the_processes_of_a_job_share_its_threads(overrides, expected):
    checked = check_config(to_plain(compose(overrides)))
    assert with_threads(checked, 4).device.threads == expected
    assert with_threads(checked, None) == checked


def test_fewer_jobs_than_places_have_the_threads_of_many(monkeypatch):
    """As the last jobs of a sweep that goes on."""
    monkeypatch.setattr("dl_runner.launch.local.allowed_cores", lambda: 4)
    line = [*SMALL, *LOCAL, "hydra/sweeper=basic", "sweep.name=s"]
    assert run([*line, "seed=0"]) == 0
    (record,) = Path("outputs").rglob("run.json")
    assert json.loads(record.read_text())["threads"] == 2


def test_a_job_alone_by_its_own_command_has_the_threads_and_the_bits_of_the_sweep(monkeypatch):
    cores(2, monkeypatch)
    assert run([*SMALL, "seed=choice(0)"]) == 0
    cores(1, monkeypatch)
    (listed,) = json.loads(Path("outputs/sweeps/s/sweep.json").read_text())["jobs"]
    folder = Path("outputs/sweeps/s", listed["folder"])
    command = json.loads((folder / "run.json").read_text())["job"]["command"]
    assert command == listed["job"]["command"] and command[-1] == "device.threads=2"
    assert run([*command[1:], "outputs=alone"]) == 0
    (alone,) = Path("alone").rglob("run.json")
    assert json.loads(alone.read_text())["threads"] == 2
    ours, theirs = (load_file(one / "checkpoints" / "last.safetensors") for one in (folder, alone.parent))
    assert all(value.equal(theirs[name]) for name, value in ours.items())


def test_an_interrupted_job_goes_on_with_the_recorded_threads_on_fewer_cores(monkeypatch):
    cores(2, monkeypatch)
    assert run([*SMALL, "seed=choice(0)"]) == 0
    for path in Path("outputs/sweeps/s").glob("*/run.json"):
        record = json.loads(path.read_text()) | {"status": "interrupted"}
        path.write_text(json.dumps({key: value for key, value in record.items() if key != "checksums"}))
    cores(1, monkeypatch)
    monkeypatch.setattr("dl_runner.config.stored.allowed_cores", lambda: 1)
    assert run([*SMALL, "seed=choice(0)"]) == 0
    assert list(threads().values()) == [(2, 2)]


def test_the_first_job_of_another_launcher_fixes_the_threads_of_all(monkeypatch):
    from hydra_plugins.dl_runner_sweeper import DlRunnerSweeper

    monkeypatch.setattr(DlRunnerSweeper, "_fix_threads", lambda self, recorded: recorded)
    monkeypatch.setattr("dl_runner.sweep.job.allowed_cores", lambda: 2)
    assert run([*SMALL, "seed=choice(0)"]) == 0
    monkeypatch.setattr("dl_runner.sweep.job.allowed_cores", lambda: 1)
    assert run([*SMALL, "seed=0,1"]) == 0
    assert list(threads().values()) == [(2, 2)] * 2
    assert on_record() == 2
    for path in Path("outputs/sweeps/s").glob("*/run.json"):
        assert json.loads(path.read_text())["job"]["command"][-1] == "device.threads=2"


def test_another_machines_launcher_decides_by_itself(monkeypatch):
    from hydra_plugins.dl_runner_sweeper import DlRunnerSweeper

    sweeper = DlRunnerSweeper()
    sweeper.launcher = object()
    assert sweeper._fix_threads(None) is None and sweeper._fix_threads(3) == 3
