"""A sweep that was stopped goes on, exactly, and two processes share one."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import rows
from moody import SMALL, assert_same_weights, feel, folders, start, statuses, sweep, trained, wait_until

from dl_runner.sweep.folder import claim, entries
from dl_runner.tracking.run_folder import RunRecord, lock

pytestmark = pytest.mark.usefixtures("a_folder_with_a_moody_model")


def test_ctrl_c_stops_a_sweep_which_goes_on_to_the_same_weights(whole, capsys):
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
    for ours, theirs in zip(folders(), whole, strict=True):
        assert_same_weights(ours, theirs)
        assert RunRecord.load(ours)["objective"] == RunRecord.load(theirs)["objective"]


def test_a_killed_sweep_goes_on_to_the_same_weights_and_shares_its_jobs(whole, capsys):
    feel("hang in 5")
    process = start("model.width=4,5")
    wait_until(Path("hangs").exists, process)
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
    for ours, theirs in zip(folders(), whole, strict=True):
        assert_same_weights(ours, theirs)
    assert [len(RunRecord.load(folder)["resumed"]) for folder in folders()] == [0, 1, 0]


@pytest.mark.thorough
def test_a_sweep_killed_at_two_random_moments_ends_with_each_job_trained_once(whole):
    line = "model.width=4,5,6"
    feel("slow")
    steps, lost = 3 * 12, 2 * 3  # a kill costs what was trained since the last checkpoint, three steps at most
    for moment in sorted(random.Random(7).sample(range(1, steps), 2)):
        process = start(line)
        wait_until(lambda moment=moment: trained() >= moment, process)
        process.kill()
        process.communicate()
    assert sweep(line) == 0
    assert list(statuses().values()) == ["completed"] * 3
    assert steps <= trained() <= steps + lost
    for ours, theirs in zip(folders(), whole, strict=True):
        assert rows(ours) == rows(theirs)
        assert_same_weights(ours, theirs)
        measured = [row["step"] for row in rows(ours)]
        assert len(measured) == len(set(measured)) + 1 and max(measured) == 12  # the test is logged with the last step
    before = trained()
    assert sweep(line) == 0 and trained() == before


def test_ctrl_c_in_the_last_moment_of_a_job_stops_the_sweep_after_it(monkeypatch, capsys):
    asked = []

    def track(training, place, shown):
        if not asked:  # a second one would insist
            asked.append(place)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("dl_runner.running.conduct.track", track)
    assert sweep("model.width=4,5", "tracker.tensorboard=true") == 130
    assert statuses() == {"0_model.width=4": "completed"}
    monkeypatch.undo()


def test_a_job_that_another_process_holds_is_not_started(capsys):
    assert sweep("model.width=4,5") == 0
    first, second = entries(Path("outputs/sweeps/s"))
    for entry in (first, second):
        path = Path("outputs/sweeps/s", entry.folder, "run.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "status": "interrupted", "checksums": None}))
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


def test_signal_numbers_are_kept():
    feel("stop in 4")
    assert sweep("model.width=4") == 128 + signal.SIGINT
