"""What is shown of jobs side by side."""

import json
from types import SimpleNamespace

import pytest
from hydra.core.utils import JobReturn, JobStatus

from dl_runner.errors import RunFailed
from dl_runner.launch.job_table import JobTable
from dl_runner.launch.running_job import RunningJob, death
from dl_runner.sweep.job import Outcome
from dl_runner.tracking.console import Terminal


def returned(value: object, status: JobStatus = JobStatus.COMPLETED) -> JobReturn:
    done = JobReturn(status=status)
    done.return_value = value
    return done


def job(tmp_path, *, steps=None, epochs=10, rows=()):
    """A job whose run has written these rows of metrics."""
    text = "".join(json.dumps({"step": 1, "epoch": 0.5, "time": 0.0, **row}) + "\n" for row in rows)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text(text)
    found = RunningJob.__new__(RunningJob)
    found.number, found.name, found.began, found.sweep_folder = 0, "0_seed=1", 0.0, tmp_path
    found.entry = SimpleNamespace(folder="run")
    found.plain = {"trainer": {"steps": steps, "epochs": epochs}}
    return found


def shown(draw) -> str:
    screen = Terminal(force_terminal=True, color_system=None, width=100, highlight=False)
    with screen.capture() as capture, JobTable(screen, True, lambda: 4) as table:
        draw(table)
    return capture.get()


def test_the_table_shows_how_far_a_job_is_and_its_newest_metrics(tmp_path):
    rows = [
        {"epoch": 1.0, "train/loss": 0.9, "validation/accuracy": 0.5, "train/gradient_norm": 3.0},
        {"epoch": 1.2, "train/loss": 0.8},
    ]
    text = shown(lambda table: table.refresh([job(tmp_path, rows=rows)]))
    line = next(line for line in text.splitlines() if "0_seed=1" in line)
    assert line.split()[1:5] == ["epoch", "1.2/10", "0.8000", "0.5000"]
    assert "train loss   validation accuracy   " in text and "gradient" not in text
    assert "4 waiting  1 running" in text


@pytest.mark.parametrize(("rows", "far"), [([{"step": 1200}], "step 1,200/5,000"), ([], "starting")])
def test_a_run_of_so_many_steps_and_one_that_has_not_begun(tmp_path, rows, far):
    assert far in shown(lambda table: table.refresh([job(tmp_path, steps=5000, epochs=None, rows=rows)]))


def test_a_row_that_is_being_written_is_left_for_the_next_time(tmp_path):
    running = job(tmp_path, rows=[{"train/loss": 0.9}])
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "epoch": 0.7, "train/lo')
    assert running.progress() == ("epoch 0.5/10", {"train/loss": 0.9})


def test_a_done_job_is_a_line(tmp_path):
    outcome = Outcome("completed", {"validation/accuracy": 0.75})
    text = shown(lambda table: table.ended(job(tmp_path), returned(outcome)))
    assert "0_seed=1  completed after" in text and "validation/accuracy 0.7500" in text


def test_failures_are_lines_and_counted(tmp_path):
    one = job(tmp_path)

    def draw(table):
        table.ended(one, returned(Outcome("failed", {}, error="told by the sweep"), JobStatus.COMPLETED))
        table.ended(one, returned(RunFailed("not by it"), JobStatus.FAILED))
        table.refresh([])

    text = shown(draw)
    assert "told by the sweep" not in text and text.count("failed after") == 2 and ": not by it" in text
    assert "4 waiting  0 running  2 failed" in text


@pytest.mark.parametrize(("code", "word"), [(-9, "SIGKILL"), (-11, "SIGSEGV"), (3, "exit code 3")])
def test_a_death_is_named(code, word):
    assert word in death(code)
