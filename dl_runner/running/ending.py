"""Recording how a run ends, in run.json and the trackers, whatever happens."""

import logging
import shlex
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from dl_runner.errors import Interrupted, Pruned, RunFailed, UserError, WriteFailed
from dl_runner.tracking.run_folder import RECORD, RunRecord
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
        WriteFailed: a file could not be written; the message says how to go on when it can be.
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
        failure = Interrupted(f"{how.reason}; {_how_to_go_on(record.folder)}", how.signal_number)
    except Pruned as given_up:
        status, failure = "pruned", given_up
    except Exception as error:
        status, traceback_text, failure = "failed", traceback.format_exc(), error
        foreseen = isinstance(error, RunFailed | UserError)
        if isinstance(error, WriteFailed):
            failure = WriteFailed(f"{error}; make room, or the folder writable; {_how_to_go_on(record.folder)}")
            failure.__cause__ = error
        elif not foreseen:
            failure = RunFailed(f"{type(error).__name__}: {error}; the traceback is in {record.folder / RECORD}")
            failure.__cause__ = error
    # The record first, and nothing that goes wrong from here on may take the place of what went wrong before: after a
    # full disk or a closed terminal these fail as well.
    unrecorded = _first_error(
        lambda: record.finish(status, progress.metrics, traceback_text, step=progress.step),
        lambda: foreseen or _log.error(traceback_text.rstrip()),
        lambda: tracker.finish(status, progress.metrics),
    )
    if failure is None and unrecorded is not None:
        raise RunFailed(f"{record.folder}: the run's end could not be recorded ({unrecorded})") from unrecorded
    if failure is not None:
        raise failure


def _how_to_go_on(folder: Path) -> str:
    saved = (folder / "checkpoints" / "last.pt").exists() or (folder / "arms").exists()
    command = shlex.join(["dlrun", "resume", str(folder)])
    return f"go on with: {command}" if saved else "before the first checkpoint: start it anew"


def _first_error(*steps: Callable[[], object]) -> Exception | None:
    """What the first step raised that failed; all of them are carried out."""
    errors = []
    for step in steps:
        try:
            step()
        except Exception as error:
            errors.append(error)
    return errors[0] if errors else None
