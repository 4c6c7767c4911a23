"""A sweep as a user meets it: given again, its command line goes on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import EXACT
from safetensors.torch import load_file

from dl_runner import config
from dl_runner.cli import run
from dl_runner.sweep.folder import claim, entries
from dl_runner.tracking.run_folder import RunRecord, lock

MOODY = """
import os, signal, time
from pathlib import Path
from torch import nn
from dl_runner import register

def mood():
    return Path("mood").read_text() if Path("mood").exists() else ""

class Moody(nn.Sequential):
    steps = 0

    def forward(self, x):
        self.steps += self.training
        if mood() == f"fail in {self.width}":
            raise ZeroDivisionError("on purpose")
        if mood() == "fail once" and self.training:
            Path("mood").unlink()
            raise ZeroDivisionError("on purpose")
        if mood() == f"stop in {self.width}" and self.steps == 7 and self.training:
            signal.raise_signal(signal.SIGINT)
        if mood() == f"hang in {self.width}" and self.steps == 7 and self.training:
            Path("hangs").touch()
            time.sleep(600)
        return super().forward(x)

@register("model")
def moody(data, *, width: int = 8):
    if mood() == f"unbuildable {width}":
        raise ZeroDivisionError("no model today")
    model = Moody(nn.Flatten(), nn.Linear(64, width), nn.Dropout(0.2), nn.ReLU(), nn.Linear(width, 10))
    model.width = width
    return model
"""
SMALL = (
    *("--config-dir", "conf", "plugins=[moody_model]", "model=moody", "data.image_size=8", "trainer.steps=12"),
    *("trainer.evaluate_every=3 steps", "trainer.checkpoint_every=3 steps", "tracker.tensorboard=false", *EXACT),
)


@pytest.fixture(autouse=True)
def in_a_folder_with_a_moody_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DLRUN_OUTPUT_DIR", raising=False)
    Path("moody_model.py").write_text(MOODY)
    Path("conf/model").mkdir(parents=True)
    Path("conf/model/moody.yaml").write_text("name: moody\nwidth: 8\n")


def sweep(*overrides, name="s"):
    return run(["-m", *SMALL, f"sweep.name={name}", *overrides])


def folders(name="s"):
    return sorted((path.parent for path in Path("outputs/sweeps", name).glob("*/run.json")), key=lambda path: path.name)


def statuses(name="s"):
    return {folder.name: RunRecord.load(folder)["status"] for folder in folders(name)}


def weights(folder):
    return load_file(folder / "checkpoints" / "last.safetensors")


def assert_same_weights(folder, other):
    ours, theirs = weights(folder), weights(other)
    assert all(value.equal(theirs[key]) for key, value in ours.items())


def feel(mood):
    Path("mood").write_text(mood)


def test_completed_jobs_are_left_alone_and_their_metric_is_read_back(capsys):
    assert sweep("model.width=4,5") == 0
    before = {folder: (folder / "run.json").read_bytes() for folder in folders()}
    assert [folder.name for folder in before] == ["0_model.width=4", "1_model.width=5"]
    objectives = [RunRecord.load(folder)["objective"]["validation/accuracy"] for folder in before]
    assert capsys.readouterr().out.count("completed earlier") == 0

    assert sweep("model.width=4,5", "tracker.console=plain") == 0
    out = capsys.readouterr().out
    assert {folder: (folder / "run.json").read_bytes() for folder in folders()} == before
    assert out.count("completed earlier") == 2
    assert all(f"{objective:.4f}" in out for objective in objectives)


def test_ctrl_c_stops_a_sweep_which_goes_on_to_the_same_weights(capsys):
    assert sweep("model.width=4,5,6", name="whole") == 0
    feel("stop in 5")
    line = "model.width=4,5,6"
    assert sweep(line) == 130
    out, err = capsys.readouterr()
    assert statuses() == {"0_model.width=4": "completed", "1_model.width=5": "interrupted"}
    assert "not started" in out
    assert f"go on with: dlrun -m {SMALL[0]}" in err and line in err

    feel("")
    assert sweep(line) == 0
    assert set(statuses().values()) == {"completed"}
    assert [len(RunRecord.load(folder)["resumed"]) for folder in folders()] == [0, 1, 0]
    for ours, whole in zip(folders(), folders("whole"), strict=True):
        assert_same_weights(ours, whole)
        assert RunRecord.load(ours)["objective"] == RunRecord.load(whole)["objective"]


def test_a_killed_sweep_goes_on_to_the_same_weights_and_shares_its_jobs(capsys):
    assert sweep("model.width=4,5", name="whole") == 0
    feel("hang in 5")
    line = ["-m", *SMALL, "sweep.name=s", "model.width=4,5"]
    process = subprocess.Popen([sys.executable, "-m", "dl_runner", *line], stdout=subprocess.PIPE, env={**os.environ})
    deadline = time.monotonic() + 60
    while not Path("hangs").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    feel("")
    capsys.readouterr()
    assert sweep("model.width=4,5,6") == 0  # a second process takes what is left
    assert "running in another process" in capsys.readouterr().out
    assert statuses()["2_model.width=6"] == "completed"
    process.kill()
    process.communicate()
    assert statuses()["1_model.width=5"] == "running"

    assert sweep("model.width=4,5,6") == 0
    assert set(statuses().values()) == {"completed"}
    for ours, whole in zip(folders(), folders("whole"), strict=False):
        assert_same_weights(ours, whole)
    assert [len(RunRecord.load(folder)["resumed"]) for folder in folders()] == [0, 1, 0]


def test_a_failure_stops_no_other_job_and_is_tried_again_by_the_next_command(capsys):
    feel("fail in 4")
    assert sweep("model.width=4,5") == 1
    err = capsys.readouterr().err
    assert statuses() == {"0_model.width=4": "failed", "1_model.width=5": "completed"}
    broken, other = folders()
    assert "on purpose" in RunRecord.load(broken)["traceback"] and "on purpose" in (broken / "log.txt").read_text()
    summary = err.partition("1 of 2 jobs failed")[2]
    assert "0_model.width=4: ZeroDivisionError: on purpose" in summary and "moody_model.py" in summary

    before = (other / "run.json").read_bytes()
    assert sweep("model.width=4,5") == 1
    feel("")
    assert sweep("model.width=4,5") == 0
    assert set(statuses().values()) == {"completed"} and len(list(Path("outputs/sweeps/s").glob("*/"))) == 2
    assert (other / "run.json").read_bytes() == before


def test_a_failure_before_the_run_has_its_traceback_in_a_folder_too(capsys):
    feel("unbuildable 4")
    assert sweep("model.width=4,5") == 1
    assert "no model today" in capsys.readouterr().err
    broken = folders()[0]
    assert statuses() == {"0_model.width=4": "failed", "1_model.width=5": "completed"}
    assert (
        "no model today" in RunRecord.load(broken)["traceback"] and "no model today" in (broken / "log.txt").read_text()
    )
    assert run(["compare", "outputs/sweeps/s"]) == 0
    assert "failed" in capsys.readouterr().out
    feel("")
    assert sweep("model.width=4,5") == 0
    assert set(statuses().values()) == {"completed"}


def test_retries_are_attempts_within_a_command(capsys):
    feel("fail once")
    assert sweep("model.width=4", "sweep.retries=1") == 0
    assert statuses() == {"0_model.width=4": "completed"}
    feel("fail once")
    assert sweep("model.width=4", name="none") == 1


def test_fail_fast_starts_nothing_after_a_failure(capsys):
    feel("fail in 4")
    assert sweep("model.width=4,5", "sweep.fail_fast=true") == 1
    out, err = capsys.readouterr()
    assert "not started" in out and "1 of 2 jobs failed" in err
    assert statuses() == {"0_model.width=4": "failed"}
    assert sweep("optimizer.lr=0.1,-1", "sweep.fail_fast=true", name="mistake") == 1
    assert statuses("mistake") == {}  # it is known before the first one starts


def test_a_job_that_is_the_users_mistake_is_listed_and_the_others_run(capsys):
    assert sweep("optimizer.lr=0.1,-1") == 1
    out, err = capsys.readouterr()
    assert re.search(r"1_optimizer.lr=-1 +failed", out) and "1 of 2 jobs failed" in err
    assert "optimizer.lr=-1" in err and "above 0" in err
    assert statuses() == {"0_optimizer.lr=0.1": "completed"}
    assert sweep("optimizer.lr=-1,-2", name="hopeless") == 2
    assert "2 of 2 jobs failed" in capsys.readouterr().err
    assert not Path("outputs/sweeps/hopeless").exists()


def test_a_sweep_may_grow_and_shrink_but_not_become_another(capsys):
    assert sweep("model.width=4,5") == 0
    definition = Path("outputs/sweeps/s/sweep.json").read_text()
    assert sweep("model.width=5") == 0  # a part of it
    assert sweep("model.width=5,6") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert all(word in err for word in ("different sweep", "lacks 1", "1 others", "sweep.name", "model.width=4,5"))
    assert sweep("model.width=4,5", "seed=1") == 2
    assert Path("outputs/sweeps/s/sweep.json").read_text() == definition
    assert sweep("model.width=3,4,5") == 0  # more of it
    assert list(statuses()) == ["0_model.width=4", "1_model.width=5", "2_model.width=3"]


def test_a_job_of_a_sweep_runs_alone_by_its_own_command_and_compares(capsys):
    assert sweep("model.width=4,5", "sweep.retries=1") == 0
    record = RunRecord.load(folders()[0])
    assert record["command"][:2] == ["dlrun", "-m"]
    assert record["job"]["label"] == "model.width=4"
    assert run(record["job"]["command"][1:]) == 0
    (alone,) = Path("outputs/digits/moody").iterdir()
    assert config.load(alone / "config.yaml") == config.load(folders()[0] / "config.yaml")
    assert_same_weights(alone, folders()[0])
    capsys.readouterr()
    assert run(["compare", "outputs/sweeps/s", "--csv"]) == 0
    out = capsys.readouterr().out
    assert out.count("completed") == 2 and "model.width" in out


def test_a_job_that_another_process_holds_is_not_started(capsys):
    assert sweep("model.width=4,5") == 0
    first, second = entries(Path("outputs/sweeps/s"))
    for entry in (first, second):
        path = Path("outputs/sweeps/s", entry.folder, "run.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "status": "interrupted"}))
    holder = "import sys\nfrom pathlib import Path\nfrom dl_runner.sweep.folder import claim, entries\n"
    holder += (
        "folder = Path(sys.argv[1])\nwith claim(folder, entries(folder)[1]) as mine: print(mine, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, "outputs/sweeps/s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "True\n"
        with claim(Path("outputs/sweeps/s"), second) as mine:
            assert not mine
        with lock(Path("outputs/sweeps/s", first.folder)):  # as by `dlrun resume`
            capsys.readouterr()
            assert sweep("model.width=4,5") == 0
        assert capsys.readouterr().out.count("running in another process") == 2
        assert set(statuses().values()) == {"interrupted"}
        process.communicate("\n")
    assert sweep("model.width=4,5") == 0
    assert set(statuses().values()) == {"completed"}


def test_sampled_sweeps_repeat_extend_and_pair(capsys):
    space = ["optimizer.lr=tag(log,interval(1e-3,1))", "model.width=int(interval(3,9))"]
    assert sweep("sweep=random", "sweep.n=2", *space) == 0
    names = [folder.name for folder in folders()]
    assert sweep("sweep=random", "sweep.n=3", *space) == 0
    assert [folder.name for folder in folders()][:2] == names and len(folders()) == 3
    assert capsys.readouterr().out.count("completed earlier") == 2
    assert sweep("sweep=random", "sweep.n=3", "sweep.seed=1", *space) == 2
    assert sweep("sweep=zip", "model.width=4,5", "optimizer.lr=0.1,0.2", name="z") == 0
    assert [folder.name for folder in folders("z")] == [
        *("0_model.width=4,optimizer.lr=0.1", "1_model.width=5,optimizer.lr=0.2")
    ]


def test_a_sweep_without_a_name_gets_a_new_folder_each_time():
    lines = ["-m", *SMALL, "model.width=4", "trainer.steps=1"]
    assert run(lines) == 0 and run(lines) == 0
    assert len(list(Path("outputs/sweeps").iterdir())) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["sweep=random"], ["sweep=random", "add -m"]),
        (["sweep.name=a"], ["sweep.name=a", "add -m"]),
        (["-m", "sweep.name=a/b"], ["sweep.name=a/b", "letters"]),
        (["-m", "sweep.retries=-1"], ["sweep.retries=-1", "at least 0"]),
        (["-m", "sweep.n=3"], ["sweep.n=3", "no such key"]),
        (["-m", "sweep=zp"], ["sweep=zp", "did you mean zip?"]),
        (["-m", "sweep=zip", "seed=0,1", "model=mlp,lenet,nin"], ["equal length", "seed has 2"]),
        (["-m", "optimizer.lr=interval(0,1)"], ["optimizer.lr=interval(0,1)", "sweep=random"]),
        (["-m", "model=mlp,lent"], ["model=lent", "did you mean"]),
    ],
)
def test_a_mistake_about_a_sweep_is_one_clear_line(line, words, capsys):
    assert run(line) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("dlrun: ") and err.count("\n") == 1
    assert all(word in err for word in words)
    assert not Path("outputs").exists()


def test_a_damaged_list_is_named(capsys):
    assert sweep("model.width=4") == 0
    Path("outputs/sweeps/s/sweep.json").write_text("{")
    assert sweep("model.width=4") == 2
    assert "sweep.json: damaged" in capsys.readouterr().err


def test_a_damaged_run_folder_is_that_jobs_failure(capsys):
    assert sweep("model.width=4,5") == 0
    Path("outputs/sweeps/s/0_model.width=4/run.json").write_text("{")
    Path("outputs/sweeps/s/1_model.width=5/run.json").unlink()
    assert sweep("model.width=4,5") == 1
    assert "0_model.width=4/run.json: damaged" in capsys.readouterr().err
    assert RunRecord.load(Path("outputs/sweeps/s/1_model.width=5"))["status"] == "completed"


def test_another_sweeper_of_hydras_still_works():
    assert sweep("hydra/sweeper=basic", "model.width=4,5") == 0
    assert set(statuses()) == {"job", "job_2"}


def test_an_experiment_can_bring_its_own_values():
    Path("conf/experiment").mkdir()
    Path("conf/experiment/widths.yaml").write_text(
        "# @package _global_\nhydra:\n  sweeper:\n    params:\n      model.width: 4,5\n"
    )
    assert sweep("experiment=widths") == 0
    assert list(statuses()) == ["0_model.width=4", "1_model.width=5"]


def test_signal_numbers_are_kept():
    feel("stop in 4")
    assert sweep("model.width=4") == 128 + signal.SIGINT
