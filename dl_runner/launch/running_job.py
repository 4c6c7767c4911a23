"""A job as the launching process sees it: its name, its folder, its progress, its outcome. Imports no torch."""

import dataclasses
import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus, filter_overrides

from dl_runner.config.check import check_config
from dl_runner.config.stored import sweep_section
from dl_runner.errors import RunFailed, UserError
from dl_runner.launch.fork_server import Exit
from dl_runner.launch.worker import Stopped
from dl_runner.sweep.folder import entries
from dl_runner.sweep.job import Outcome, outcome_on_record, record_failure
from dl_runner.tracking.metrics_file import METRICS
from dl_runner.tracking.run_folder import LOG

_TAIL = 8192  # bytes of metrics.jsonl, a few rows
_PATIENCE = 2.0  # seconds for the last processes of a killed job to release the lock of its folder


class RunningJob:
    """One job, from its composed config to its outcome.

    Args:
        number: its place among the jobs that were launched.
        composed: its config, the `hydra` section included.
        plain: the same, resolved, as a run takes it.
    """

    def __init__(self, number: int, composed: Any, plain: dict[str, Any]) -> None:
        self.number, self.composed, self.plain = number, composed, plain
        self.began = 0.0  # when its process was asked for, in seconds of time.monotonic
        self._deaths = 0
        self.sweep_folder = Path(composed.hydra.sweep.dir)
        self.settings = sweep_section(composed)
        known = entries(self.sweep_folder) if self.settings["job"] else []
        self.entry = next((one for one in known if one.job.identity == self.settings["job"]), None)
        own = filter_overrides(list(composed.hydra.overrides.task))
        self.name = self.entry.folder if self.entry else f"{number} {','.join(own)}"

    @property
    def folder(self) -> Path | None:
        """Its run folder, which need not exist yet; None for a job that another of Hydra's sweepers has made."""
        return self.sweep_folder / self.entry.folder if self.entry else None

    def may_try_again(self) -> bool:
        """Whether `sweep.retries` has an attempt left for a job whose process has just died; uses it up."""
        self._deaths += 1
        return self._deaths <= self.settings["retries"]

    def returned(self, ended: Exit, asked: bool) -> JobReturn:
        """What a sweeper is given of the job. A death of its process is the job's failure, and is recorded as such.

        Args:
            ended: how its process ended.
            asked: whether the launcher has asked it to stop.
        """
        self._keep(ended.output)
        if isinstance(ended.result, JobReturn):
            return ended.result
        if isinstance(ended.result, Stopped):
            by = signal.Signals(ended.result.signal_number).name
            return self._return(self._stopped(by, asked), f"stopped by {by}")
        how = death(ended.code)
        return self._return(self._dead(how), how)

    def _return(self, outcome: Outcome | None, failure: str) -> JobReturn:
        done = JobReturn(overrides=list(self.composed.hydra.overrides.task))
        done.return_value = outcome or RunFailed(failure)
        done.status = JobStatus.COMPLETED if outcome else JobStatus.FAILED
        return done

    def _stopped(self, by: str, asked: bool) -> Outcome | None:
        if self.folder is None:
            return None
        known = outcome_on_record(self.folder)
        if known.status == "earlier":
            return dataclasses.replace(known, status="completed")
        if asked:
            return dataclasses.replace(known, status="interrupted")
        return dataclasses.replace(known, status="failed", error=f"stopped by {by}; the same command goes on with it")

    def _dead(self, how: str) -> Outcome | None:
        if self.folder is None:
            return None
        limit = time.monotonic() + _PATIENCE
        while True:
            try:
                record_failure(check_config(self.plain), self.entry, self.folder, RunFailed(how))
                return dataclasses.replace(outcome_on_record(self.folder), status="failed", error=how)
            except UserError as error:  # the folder is still locked
                if time.monotonic() > limit:
                    return Outcome("failed", {}, error=f"{how}; {error}")
                time.sleep(0.1)

    def _keep(self, output: str) -> None:
        """Append to its log what it wrote past its console: a crash's traceback, a library's warnings, a print."""
        if not output.strip():
            return
        place = self.sweep_folder / f"output_of_job_{self.number}.txt"
        if self.folder and self.folder.exists():
            place = self.folder / LOG
        with place.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(output.rstrip() + "\n")

    def progress(self) -> tuple[str, dict[str, float]]:
        """How far it is ("epoch 3.2/10", "" before the first report), and the newest value of each of its metrics."""
        rows = _last_rows(self.folder / METRICS) if self.folder else []
        if not rows:
            return "", {}
        trainer = self.plain["trainer"]
        step, epoch = rows[-1]["step"], rows[-1]["epoch"]
        steps, epochs = trainer["steps"], trainer["epochs"]
        far = f"step {step:,}/{steps:,}" if steps else f"epoch {epoch:.1f}/{epochs:g}"
        newest = {name: value for row in rows for name, value in row.items() if "/" in name}
        return far, newest


def death(code: int) -> str:
    """A line about a process that ended without a result."""
    if code >= 0:
        return f"its process ended with exit code {code} and without a result"
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        return f"its process was killed by {name}, as happens when memory runs out; fewer jobs at once need less"
    return f"its process was killed by {name}; its log says where, if it could tell"


def _last_rows(path: Path) -> list[Mapping[str, Any]]:
    """The last few rows of a metrics file that another process may be writing to."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return []
    return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
