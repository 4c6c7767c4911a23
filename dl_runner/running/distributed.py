"""A run in several processes: who starts them, what the first one does for all, and what the others do."""

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.console import Console

from dl_runner.config.schema import Config
from dl_runner.errors import Interrupted, Pruned, RunFailed, UserError
from dl_runner.parallel.membership import member
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.rendezvous import joined
from dl_runner.parallel.strategies import devices
from dl_runner.parallel.workers import WorkerDied, WorkersStopped, in_workers
from dl_runner.runtime.device import resolve_device
from dl_runner.runtime.interrupt import stop_on_signals
from dl_runner.tracking.run_folder import LOG, RECORD, RunRecord, lock
from dl_runner.training.loop import train
from dl_runner.training.sums import Diverged
from dl_runner.training.training import Training


def to_start(checked: Config) -> int:
    """How many processes this one has to start for a run; 0 where it runs here, in a group that is there or alone.

    Raises:
        UserError: the machine has not so many devices.
    """
    if not checked.parallel.grouped or member(checked.parallel.cluster) is not None:
        return 0
    return devices(checked.parallel, resolve_device(checked.device.name))


def join_process_group(checked: Config) -> AbstractContextManager[ProcessGroup]:
    """The processes that share a run's batches, of which this is one.

    Raises:
        UserError: the others do not come, or the config is for one process.
    """
    return joined(
        checked.parallel, member(checked.parallel.cluster), resolve_device(checked.device.name).type == "cuda"
    )


@contextlib.contextmanager
def share_user_errors(process_group: ProcessGroup) -> Iterator[None]:
    """A mistake that one process finds inside is every process's, so that none waits for those that have left.

    Raises:
        UserError: raised inside, in this process or in another.
    """
    mistake = None
    try:
        yield
    except UserError as error:
        mistake = str(error)
    if found := [one for one in process_group.gather(mistake) if one is not None]:
        raise UserError(found[0])


def follow(training: Training, state: Mapping[str, Any] | None = None) -> None:
    """What all processes but the first do: take part in the training, and write nothing.

    Args:
        state: of a checkpoint to go on from.

    Raises:
        RunFailed: the run broke.
        Pruned: it was given up.
        Interrupted: it was asked to stop.
    """
    with stop_on_signals() as request, training.callbacks.ending():
        if state:
            training.load_state_dict(state)
        try:
            ending = train(training, request)
        except Diverged as error:
            raise RunFailed(str(error)) from error
        training.update.strategy.full_model()
        if ending == "interrupted":
            raise Interrupted(f"stopped at step {training.step:,}", request.signal_number)
        if ending == "pruned":
            raise Pruned(f"given up at step {training.step:,}")


def in_processes(count: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns in the first of so many new processes; its run folder says how they ended.

    Raises:
        UserError, RunFailed, Pruned, Interrupted: as the function does.
    """
    try:
        return in_workers(count, function, *arguments)
    except WorkerDied as died:
        _show_cursor()
        if died.folder is not None:
            _close(died.folder, "failed", died.traceback_text)
            raise RunFailed(f"{died}; the traceback is in {died.folder / RECORD}") from None
        raise
    except WorkersStopped as stop:
        _show_cursor()
        if stop.folder is None:
            raise
        _close(stop.folder, "interrupted", None)
        command = shlex.join(["dlrun", "resume", str(stop.folder)])
        raise Interrupted(f"{stop}; go on with: {command}", stop.signal_number) from None


def _show_cursor() -> None:
    # The first process hid it behind its progress bar, and had no time to show it again.
    Console().show_cursor()


def _close(folder: Path, status: str, traceback_text: str | None) -> None:
    """Put the end of a run on record whose first process could not, or knows only the consequence."""
    with lock(folder):
        record = RunRecord.load(folder)
        if record["status"] == "completed":
            return
        record.finish(status, record["metrics"], traceback_text)
        if traceback_text:
            with (folder / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(traceback_text)
