"""Recording how a run ends, in run.json and the trackers, whatever happens."""

import contextlib
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from dl_runner.errors import Interrupted, Pruned, RunFailed, UserError
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.tracking.tracker import Status, Tracker

_log = logging.getLogger("dl_runner")


class Progress(Protocol):
    """What a record notes of a run at its end."""

    step: int
    metrics: dict[str, float]


@contextmanager
def ending_on_record(record: RunRecord, tracker: Tracker, progress: Progress) -> Iterator[None]:
    """Whatever happens inside ends up in the record and the trackers.

    Raises:
        RunFailed: an exception that was not foreseen, told in one line; its traceback is on record.
        Interrupted: the run was asked to stop; the message says how to go on.
        UserError, RunFailed, Pruned: as they were raised inside.
    """
    status: Status = "completed"
    traceback_text = failure = None
    foreseen = True
    try:
        yield
    except KeyboardInterrupt as stop:
        status, how = "interrupted", stop if isinstance(stop, Interrupted) else Interrupted("stopped at once", 2)
        saved = (record.folder / "checkpoints" / "last.pt").exists() or (record.folder / "arms").exists()
        advice = f"go on with: dlrun resume {record.folder}" if saved else "before the first checkpoint: start it anew"
        failure = Interrupted(f"{how.reason}; {advice}", how.signal_number)
    except Pruned as given_up:
        status, failure = "pruned", given_up
    except Exception as error:
        status, traceback_text, failure = "failed", traceback.format_exc(), error
        foreseen = isinstance(error, RunFailed | UserError)
        if not foreseen:
            failure = RunFailed(f"{type(error).__name__}: {error}; the traceback is in {record.folder / 'run.json'}")
            failure.__cause__ = error
    # The record first, and nothing that goes wrong from here on may take the place of what went wrong before: after a
    # full disk or a closed terminal these fail as well.
    try:
        record.finish(status, progress.metrics, traceback_text, step=progress.step)
        if not foreseen:
            _log.error(traceback_text.rstrip())
        tracker.finish(status, progress.metrics)
    except Exception as error:
        if failure is None:
            raise RunFailed(f"{record.folder}: the run's end could not be recorded ({error})") from error
        with contextlib.suppress(Exception):
            tracker.finish(status, progress.metrics)
    if failure is not None:
        raise failure
