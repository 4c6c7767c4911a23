"""A job that fails stops no other, and says why."""

import re
from pathlib import Path

import pytest
from moody import feel, folders, statuses, sweep

from dl_runner.cli.app import run
from dl_runner.tracking.run_folder import RunRecord

pytestmark = pytest.mark.usefixtures("a_folder_with_a_moody_model")


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
    assert sweep("model.width=4,5", "sweep.check=false") == 1
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
    assert statuses() == {"0_job": "completed"}
    feel("fail once")
    assert sweep("model.width=4", name="later") == 1
    feel("fail once")
    assert sweep("model.width=4", "sweep.retries=1", name="later") == 0  # the newest command says how


def test_fail_fast_starts_nothing_after_a_failure(capsys):
    feel("fail in 4")
    assert sweep("model.width=4,5", "sweep.fail_fast=true") == 1
    out, err = capsys.readouterr()
    assert "not started" in out and "1 of 2 jobs failed" in err
    assert statuses() == {"0_model.width=4": "failed"}
    assert sweep("optimizer.lr=0.1,-1", "sweep.fail_fast=true", "sweep.check=false", name="mistake") == 1
    assert statuses("mistake") == {}  # it is known before the first one starts


def test_a_job_that_is_the_users_mistake_is_listed_and_the_others_run_where_nobody_checks(capsys):
    assert sweep("optimizer.lr=0.1,-1", "sweep.check=false") == 1
    out, err = capsys.readouterr()
    assert re.search(r"1_optimizer.lr=-1 +failed", out) and "1 of 2 jobs failed" in err
    assert "optimizer.lr=-1" in err and "above 0" in err
    assert statuses() == {"0_optimizer.lr=0.1": "completed"}
    assert sweep("optimizer.lr=-1,-2", "sweep.check=false", name="hopeless") == 2
    assert "2 of 2 jobs cannot run" in capsys.readouterr().err
    assert not Path("outputs/sweeps/hopeless").exists()


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
