import io
import logging
import os
import pty
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from rich.console import Console as Terminal

from dl_runner.tracking.console import Console, console
from dl_runner.tracking.text import by_split, duration, number
from dl_runner.tracking.tracker import RunInfo

NAMES = ("train/loss", "train/accuracy", "validation/accuracy", "test/accuracy")
MEANS = {"train/loss": 0.51234, "train/accuracy": 0.87654}


def run(folder, **changes) -> RunInfo:
    header = {"data": "digits [10 classes]", "model": "lenet"}
    values = {"steps": 20, "steps_per_epoch": 10, "metric_names": NAMES} | changes
    return RunInfo(folder, {"data": {"batch_size": 64}}, header, **values)


def go_through(tracker, info, status="completed", upto=20):
    tracker.start(info)
    for step in range(info.first_step + 1, upto + 1):
        tracker.progress(step, lambda: MEANS)
        if step % 10 == 0:
            metrics = MEANS | {"train/gradient_norm": 3.0, "validation/accuracy": 0.8971}
            tracker.log(step, step / 10, metrics, milestone=True)
        else:
            tracker.log(step, step / 10, {"train/loss": 999.0}, milestone=False)
    tracker.finish(status, MEANS | {"test/accuracy": 0.88})


def test_plain_lines_on_the_screen_and_in_the_log(tmp_path, capsys):
    go_through(console("auto"), run(tmp_path))  # captured output is no terminal
    screen = capsys.readouterr().out
    assert "\x1b" not in screen and "\r" not in screen
    lines = screen.splitlines()
    assert lines[0].split() == ["data", "digits", "[10", "classes]"]
    assert lines[3].split() == ["epoch", "train", "loss", "accuracy", "validation", "accuracy", "time"]
    assert [line.split()[:4] for line in lines[4:6]] == [[f"{n}/2", "0.5123", "0.8765", "0.8971"] for n in (1, 2)]
    assert "gradient_norm" not in screen and "999" not in screen
    assert re.search(r"loss +0\.5123 *\n", screen) and re.search(r"accuracy +0\.8765 +0\.8800\n", screen)
    assert lines[-1].startswith("completed after ") and lines[-1].endswith(str(tmp_path))
    logged = (tmp_path / "log.txt").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line) for line in logged)
    assert [line[21:].rstrip() for line in logged] == [line.rstrip() for line in lines]


def test_an_evaluation_within_an_epoch_says_where(tmp_path, capsys):
    tracker = console("plain")
    tracker.start(run(tmp_path))
    for step in (5, 10):
        tracker.log(step, step / 10, MEANS, milestone=True)
    tracker.finish("completed", {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[4:6]] == ["0.50/2", "1/2"]


def test_none_prints_nothing_but_logs(tmp_path, capsys):
    go_through(console("none"), run(tmp_path))
    assert capsys.readouterr().out == ""
    assert "completed" in (tmp_path / "log.txt").read_text()


def test_a_resumed_run_says_so_and_appends(tmp_path, capsys):
    go_through(console("plain"), run(tmp_path), "interrupted", upto=10)
    go_through(console("plain"), run(tmp_path, first_step=10))
    log = (tmp_path / "log.txt").read_text()
    assert log.index("interrupted at step 10 of 20") < log.index("resumed at step 10 of 20") < log.index("completed")


def test_warnings_and_package_messages_reach_screen_and_log_once(tmp_path, capsys):
    tracker = console("plain")
    tracker.start(run(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("careful [now]", stacklevel=1)
    logging.getLogger("dl_runner.data").info("read 5 files")
    logging.getLogger("dl_runner").warning("odd")
    tracker.finish("completed", {})
    for text in (capsys.readouterr().out, (tmp_path / "log.txt").read_text()):
        assert text.count("careful [now]") == text.count("read 5 files") == text.count("warning: odd") == 1
        assert "warnings.warn(" not in text


@pytest.mark.parametrize("status", ["completed", "failed", "interrupted"])
def test_many_runs_in_one_process_leave_nothing_behind(tmp_path, status, capsys):
    loggers = [logging.getLogger(name) for name in ("dl_runner", "py.warnings")]
    loggers[0].setLevel(logging.NOTSET)
    before = [(list(logger.handlers), logger.level) for logger in loggers], warnings.showwarning
    for number_ in range(2):
        (tmp_path / str(number_)).mkdir()
        go_through(console("plain"), run(tmp_path / str(number_)), status)
    assert ([(list(logger.handlers), logger.level) for logger in loggers], warnings.showwarning) == before
    logging.getLogger("dl_runner").warning("late")
    assert "late" not in (tmp_path / "1" / "log.txt").read_text()


def test_finish_without_start_is_harmless():
    console("plain").finish("failed", {})


def rich_screen(folder, **options) -> str:
    page = io.StringIO()
    terminal = Terminal(file=page, force_terminal=True, width=100, highlight=False)
    go_through(Console(terminal, bar=True), run(folder), **options)
    return page.getvalue()


@pytest.mark.parametrize(("status", "upto"), [("completed", 20), ("interrupted", 13), ("failed", 13)])
def test_the_bar_shows_the_running_means_and_the_terminal_is_left_clean(tmp_path, status, upto):
    screen = rich_screen(tmp_path, status=status, upto=upto)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    assert "epoch 1/2" in shown and "loss 0.5123  accuracy 0.8765" in shown and "examples/s" in shown
    assert screen.count("\x1b[?25l") == screen.count("\x1b[?25h") == 1  # the cursor is hidden, and shown again
    assert f"{status}{'' if status == 'completed' else f' at step {upto} of 20'}" in shown
    assert "\x1b" not in (tmp_path / "log.txt").read_text()


def test_the_device_is_seldom_read(tmp_path):
    reads = []
    tracker = Console(Terminal(file=io.StringIO(), force_terminal=True), bar=True)
    tracker.start(run(tmp_path, steps=2000))
    for step in range(1, 2001):
        tracker.progress(step, lambda: reads.append(1) or MEANS)
    tracker.finish("completed", {})
    assert 1 <= len(reads) < 100


def test_in_a_pseudo_terminal_auto_draws_a_bar(tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path; from test_console import console, go_through, run
go_through(console("auto"), run(Path({str(tmp_path)!r})))
"""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=slave, stderr=slave, env=os.environ | {"TERM": "xterm"}
    )
    os.close(slave)
    chunks = []
    try:
        while chunk := os.read(master, 65536):
            chunks.append(chunk)
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(master)
    screen = b"".join(chunks).decode()
    assert process.wait() == 0, screen
    assert "━" in screen and screen.count("\x1b[?25l") == screen.count("\x1b[?25h") == 1 and "completed" in screen


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("test/accuracy", 0.89712, "0.8971"),
        ("train/loss", 0.0123456, "0.01235"),
        ("train/loss", 2.302585, "2.303"),
        ("train/loss", 1234.5, "1234"),
        ("train/loss", 0.0, "0.000"),
        ("train/loss", float("nan"), "nan"),
        ("train/loss", float("inf"), "inf"),
        ("train/examples_per_second", 143448.7, "143,449"),
    ],
)
def test_numbers_for_people(name, value, text):
    assert number(name, value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (343, "5 min 43 s"),
        (3599.9, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_for_people(seconds, text):
    assert duration(seconds) == text


def test_splits_come_in_the_order_of_a_run():
    splits = by_split({"test/loss": 1.0, "validation/loss": 2.0, "train/loss": 3.0, "speed": 4.0})
    assert list(splits) == ["train", "validation", "test", ""]
