"""Whatever is typed: exit code 0, or 2 and one line that says what is wrong, within two seconds.

2,000 lines with DLRUN_FAULTS=all. Trainings are left out: what a line would train is checked, and then it ends.
"""

import logging
import os
import time
from pathlib import Path

import pytest
from faults.command_lines import line

from dl_runner.cli.app import run
from dl_runner.errors import UserError

COUNT = 2000 if os.environ.get("DLRUN_FAULTS") == "all" else 60
SECONDS = 2.0  # of the processor's time, to a refusal


@pytest.fixture(autouse=True)
def without_trainings(tmp_path, monkeypatch):
    import dl_runner.build.fit
    import dl_runner.running.start
    import dl_runner.sweep.job
    from dl_runner.sweep.job import Outcome

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DLRUN_OUTPUT_DIR", raising=False)
    monkeypatch.delenv("NOPE", raising=False)
    monkeypatch.setattr(dl_runner.running.start, "start", lambda checked: Path("run"))
    monkeypatch.setattr(dl_runner.sweep.job, "perform", lambda *arguments: Outcome("completed", {}))

    def no_model(checked):
        raise UserError("this far")

    monkeypatch.setattr(dl_runner.build.fit, "checked_experiment", no_model)
    handlers = [*logging.root.handlers]
    yield
    logging.root.handlers[:] = handlers  # Hydra's write to a line's own output, which is gone


@pytest.mark.parametrize("number", range(COUNT))
def test_any_command_line_is_answered(number, capsys):
    arguments = line(number)
    began = time.process_time()
    try:
        code = run(arguments)
    except SystemExit as end:  # argparse's --help
        code = end.code
    seconds = time.process_time() - began
    out, err = capsys.readouterr()
    assert code in (0, 2), (arguments, err)
    assert "Traceback" not in out + err, arguments
    if code == 2:
        lines = [line for line in err.splitlines() if not line.startswith("dlrun: note: ")]
        of_jobs = "jobs cannot run, and none was started:" in lines[0]  # with a line for each
        assert lines[0].startswith("dlrun: ") and (len(lines) == 1 or of_jobs), (arguments, err)
        assert seconds < SECONDS, (arguments, err)
    assert not any(Path().rglob("run.json"))
