"""One job of a sweep, in the process where the launcher runs it: found completed, resumed, or run from the start.
Imports no torch unless there is something to run.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING, Any, Literal

from dl_runner.config.check import check_command, check_config
from dl_runner.config.schema import GROUPED, Config
from dl_runner.errors import Pruned, RunFailed, UserError
from dl_runner.plugins import changed_code
from dl_runner.runtime.cores import allowed_cores
from dl_runner.sweep.folder import Entry, claim, definition_of, entries, fix_threads
from dl_runner.sweep.settings import Settings, check
from dl_runner.tracking.run_folder import LOG, RECORD, Job, RunRecord, begin, is_locked, lock

if TYPE_CHECKING:
    from dl_runner.running.launch import Prune
    from dl_runner.running.rehearsal import Misfit

FINISHED = ("completed", "earlier", "pruned")


@dataclass(frozen=True)
class Outcome:
    """How a job ended or where it stands. Pickled on its way between processes.

    Args:
        status: "earlier" means completed by an earlier command, "elsewhere" running in another process now, "pruned"
            stopped by the search.
        objective: {SPLIT/NAME: best value} of the metric that chose the weights; empty without one.
        seconds: of training, from the first start on, without the pauses; None before the first start.
        error: one line, of a failure.
        mistake: whether the failure is the user's mistake.
        traceback_text: of an unexpected exception.
    """

    status: Literal["completed", "earlier", "elsewhere", "failed", "interrupted", "not started", "pruned"]
    objective: Mapping[str, float]
    seconds: float | None = None
    error: str | None = None
    mistake: bool = False
    traceback_text: str | None = None


def outcome_of_mistake(error: UserError) -> Outcome:
    """The outcome of a job whose config is invalid."""
    return Outcome("failed", {}, error=str(error), mistake=True)


def outcome_of_misfit(misfit: "Misfit") -> Outcome:
    """The outcome of a job whose parts do not fit."""
    return Outcome("failed", {}, error=misfit.error, mistake=True, traceback_text=misfit.traceback_text)


def outcome_of_error(error: Exception) -> Outcome:
    """The outcome of a job that failed before it had a run folder for the traceback."""
    return Outcome(
        "failed", {}, error=f"{type(error).__name__}: {error}", traceback_text="".join(format_exception(error))
    )


def outcome_on_record(folder: Path) -> Outcome:
    """The outcome according to a run folder, which need not exist; a damaged one is a failure."""
    if is_locked(folder):
        return Outcome("elsewhere", {})
    if not (folder / RECORD).exists():
        return Outcome("not started", {})
    try:
        record = RunRecord.load(folder)
    except UserError as error:
        return outcome_of_mistake(error)
    status = {"completed": "earlier", "running": "interrupted"}.get(record["status"], record["status"])
    traceback_text = record["traceback"]
    error = traceback_text.strip().splitlines()[-1] if traceback_text else None
    if error and error.startswith(RunFailed.__module__):  # an expected failure: one line suffices
        error, traceback_text = error.partition(": ")[2], None
    return Outcome(status, record["objective"] or {}, record["seconds"], error, traceback_text=traceback_text)


def perform(plain: Mapping[str, Any], sweep: Mapping[str, Any], folder: Path) -> Outcome | float | None:
    """Run or resume one job of the sweep in `folder`; its errors are part of the outcome.

    A job of another of Hydra's sweepers is an ordinary run in `folder`: its errors are raised, and the best value of
    the metric that chose the weights is returned.

    Args:
        plain: the job's resolved config.
        sweep: its `sweep` section; `job` there is the identity of the job.

    Raises:
        Interrupted: it was asked to stop; the run folder can be resumed.
    """
    settings = check(sweep)
    if settings.job is None:
        from dl_runner.running.launch import launch

        return launch(check_command(dict(plain)), folder, "job").objective
    try:
        entry = next((one for one in entries(folder) if one.job.identity == settings.job), None)
        if entry is None:
            raise UserError(f"{folder.absolute()}: no such sweep here; its launcher's processes must share its disk")
        checked = check_command(dict(plain))
        _check_code(definition_of(folder).get("code") or {})
        threads = definition_of(folder).get("threads") or _first_threads(folder, checked)
        entry = replace(entry, job=with_threads_told(entry.job, fixed_threads(plain, threads)))
        checked = with_threads(checked, threads)
        with claim(folder, entry) as mine:
            if not mine or is_locked(folder / entry.folder):
                return Outcome("elsewhere", {})
            return _attempts(checked, settings, entry, folder / entry.folder)
    except UserError as error:
        return outcome_of_mistake(error)
    except Exception as error:  # unexpected, before there is a run folder for the traceback
        return outcome_of_error(error)


def _check_code(began: Mapping[str, Any]) -> None:
    """Check that the plugins' code is that of which the identity of the job is a hash.

    Args:
        began: module → {file: SHA-256}, of when the sweep was begun or last given.

    Raises:
        UserError: it has been changed meanwhile.
    """
    if change := changed_code(began):
        raise UserError(
            f"{change} since the sweep began; put it back, or begin the sweep anew under another sweep.name"
        )


def fixed_threads(plain: Mapping[str, Any], threads: int | None) -> int | None:
    """The threads of each process of a job, of which the sweep gives all of them together so many.

    None where the job's config says itself how many, or leaves the number of its processes to the machine.

    Args:
        plain: the job's resolved config, checked or not.
        threads: None where the sweep has fixed none.
    """
    device, parallel = plain.get("device"), plain.get("parallel")
    if threads is None or not isinstance(device, Mapping) or device.get("threads") is not None:
        return None
    of_group = isinstance(parallel, Mapping) and parallel.get("name") in GROUPED
    processes = parallel.get("devices") if of_group else 1
    return max(1, threads // processes) if isinstance(processes, int) and processes > 0 else None


def with_threads(checked: Config, threads: int | None) -> Config:
    """The config with the sweep's threads, shared by the job's processes, where it does not say how many itself."""
    of_each = fixed_threads(checked.plain, threads)
    if of_each is None:
        return checked
    return check_config({**checked.plain, "device": {**checked.plain["device"], "threads": of_each}})


def with_threads_told(job: Job, threads: int | None) -> Job:
    """The job with a command that fixes the threads of each process, unless it does so or there are none to fix."""
    told = f"device.threads={threads}"
    if threads is None or told in job.command:
        return job
    return replace(job, command=(*job.command, told))


def _first_threads(folder: Path, checked: Config) -> int | None:
    """The threads of a job, all its processes together, of a launcher that does not say so beforehand: what the first
    job to start has on its machine, every other one has, too."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    processes = checked.parallel.devices if checked.parallel.grouped else 1
    if checked.device.threads is not None or processes is None:
        return None
    here = int(asked) * processes if asked.isdigit() and int(asked) else allowed_cores()
    fix_threads(folder, lambda known: known or here)
    return definition_of(folder).get("threads")


def _attempts(checked: Config, settings: Settings, entry: Entry, folder: Path) -> Outcome:
    if (done := outcome_on_record(folder)).status in FINISHED:
        return done
    prune = None
    if settings.adaptive and settings.pruning:
        from dl_runner.sweep.study import Pruning, open_study

        study = open_study(settings.storage, folder.parent.absolute())
        prune = Pruning(study, entry.job.identity, definition_of(folder.parent)["same"]["metric"])
    for left in range(settings.retries, -1, -1):
        try:
            record = _finish(checked, entry, folder, prune)
            return Outcome("completed", record["objective"] or {}, record["seconds"])
        except Pruned:
            return outcome_on_record(folder)
        except UserError:
            raise
        except Exception as error:
            if not isinstance(error, RunFailed):
                record_failure(checked, entry, folder, error)
            if not left:
                known = outcome_on_record(folder)
                text = str(error) if isinstance(error, RunFailed) else f"{type(error).__name__}: {error}"
                return Outcome("failed", {}, known.seconds, text, traceback_text=known.traceback_text)
    raise AssertionError("the last attempt returns")


def _finish(checked: Config, entry: Entry, folder: Path, prune: "Prune | None") -> RunRecord:
    if checked.lesson is None:
        from dl_runner.running.launch import finish

        return finish(checked, folder, job=entry.job, prune=prune)
    from dl_runner.running.lesson import finish_lesson

    return finish_lesson(checked, folder, entry.job)


def record_failure(checked: Config, entry: Entry, folder: Path, error: Exception) -> None:
    """Writes a failure before the run itself (in its data, its model, its checkpoint) to run.json and log.txt."""
    traceback_text = "".join(format_exception(error))
    folder.mkdir(parents=True, exist_ok=True)
    with lock(folder):
        if (folder / RECORD).exists():
            record = RunRecord.load(folder)
        else:
            record = begin(checked, folder, entry.job, entry.job.command)
        with (folder / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(traceback_text)
        record.finish("failed", record["metrics"], traceback_text)
