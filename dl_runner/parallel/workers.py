"""A function in several new processes that form a group, through torch's elastic launcher.

The processes are ended in every case: when one of them dies, when the run is stopped, and when the process that started
them is killed. UserError, RunFailed and Interrupted are raised again here; a process that dies of anything else ends
all of them, and its traceback is what is reported.
"""

import contextlib
import json
import logging
import os
import signal
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dl_runner.errors import Interrupted, Pruned, RunFailed, UserError
from dl_runner.parallel.membership import member
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.files import write_atomic
from dl_runner.runtime.interrupt import MESSAGES, STOP, stop_on_signals
from dl_runner.runtime.lifetime import end_with
from dl_runner.runtime.streams import take_any_text

PATIENCE = 1.5  # seconds; the launcher looks after its processes ten times a second
_FORESEEN = (UserError, RunFailed, Pruned, Interrupted)


class WorkerDied(RunFailed):
    """A process of the group died of what nobody foresaw.

    Args:
        message: one line.
        traceback_text: its traceback, or the same line where it left none.
        folder: the run folder, None if it died before there was one.
    """

    def __init__(self, message: str, traceback_text: str, folder: Path | None) -> None:
        super().__init__(message)
        self.traceback_text, self.folder = traceback_text, folder


class WorkersStopped(Interrupted):
    """The processes were torn down at the user's wish, without a checkpoint of this moment.

    Args:
        folder: the run folder, None if there was none yet.
    """

    def __init__(self, folder: Path | None) -> None:
        super().__init__("stopped at once", signal.SIGINT)
        self.folder = folder


def announce_folder(folder: Path) -> None:
    """Tell the process that started this one, if there is one, where the run folder is."""
    if name := os.environ.get(MESSAGES):
        _Messages(Path(name)).write("folder", str(folder))


@contextlib.contextmanager
def wait_for_first_error() -> Iterator[None]:
    """When another process of the group dies inside, wait to be ended: its error is to be told, not what follows."""
    try:
        yield
    except RuntimeError as error:
        if MESSAGES in os.environ and _lost_another(error):
            time.sleep(PATIENCE)
        raise


def in_workers(count: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function(*arguments)` returns in the first of `count` new processes, which share its cores.

    Args:
        count: >= 1.
        function: found by its name in its module; every process calls it.
        arguments: can be pickled, as the value can.

    Raises:
        UserError, RunFailed, Pruned, Interrupted: raised by the function in one of the processes.
        WorkerDied: one of them died.
        WorkersStopped: a second Ctrl-C.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    with tempfile.TemporaryDirectory(prefix="dlrun-") as name, _environment_of_workers(name, count):
        messages = _Messages(Path(name))
        try:
            with stop_on_signals(pass_on=lambda number: messages.write(STOP, str(number))):
                return _launch(count, messages, function, arguments)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            messages.raise_error()
            died = signal.Signals(-failure.exitcode).name if failure.exitcode < 0 else f"exit code {failure.exitcode}"
            traceback_text = messages.read("crash", rank) or f"process {rank} of {count} died: {died}"
            line = traceback_text.strip().splitlines()[-1]
            raise WorkerDied(
                line if line.startswith("process") else f"process {rank} of {count}: {line}",
                traceback_text,
                messages.folder(),
            ) from None
        except KeyboardInterrupt as stop:
            raise stop if isinstance(stop, Interrupted) else WorkersStopped(messages.folder()) from None


class _Messages:
    """What the processes leave for each other and for the one that started them, as files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, kind: str, text: str, rank: int = 0) -> None:
        write_atomic(self.path / f"{kind}-{rank}", text)

    def read(self, kind: str, rank: int = 0) -> str | None:
        path = self.path / f"{kind}-{rank}"
        return path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else None

    def folder(self) -> Path | None:
        found = self.read("folder")
        return Path(found) if found else None

    def raise_error(self) -> None:
        """Raise the error that the first process, or else another, has left, if there is one."""
        if left := sorted(self.path.glob("error-*"), key=lambda path: int(path.name.partition("-")[2])):
            kind, message, number = json.loads(left[0].read_text(encoding="utf-8"))
            if kind == "Interrupted":
                raise Interrupted(message, number)
            raise {"UserError": UserError, "RunFailed": RunFailed, "Pruned": Pruned}[kind](message)


def _launch(count: int, messages: _Messages, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",  # a free port
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=str(messages.path / "logs")),
        signals_to_handle="SIGHUP",  # the others are ours
    )
    with _sigterm_for_this_process_alone():
        values = elastic_launch(config, _work)(os.getpid(), messages.path, count, function, arguments)
    messages.raise_error()
    return values[0]


@contextlib.contextmanager
def _sigterm_for_this_process_alone() -> Iterator[None]:
    """Processes that are started inside begin with SIGTERM blocked, in all of their threads; this one still gets it.

    A scheduler sends it to all processes of a job at once, and it would end the new ones before their checkpoint.
    """
    done = threading.Event()
    threading.Thread(target=done.wait, daemon=True).start()  # takes it in this one's place, which then handles it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        done.set()


def _end_at_sigterm_of(parent: int) -> None:
    """End at once when the process that started this one says so by SIGTERM, which is blocked here; one from anybody
    else is for that process to pass on."""
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
        pass
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def _environment_of_workers(messages: str, count: int) -> Iterator[None]:
    """What the processes find in their environment, and no messages of the launcher: its errors are told by us."""
    here = {MESSAGES: messages}
    if "OMP_NUM_THREADS" not in os.environ:
        here["OMP_NUM_THREADS"] = str(max(1, allowed_cores() // count))
    loggers = [logging.getLogger(name) for name in ("torch.distributed.elastic", "torch.multiprocessing", "torch")]
    levels = [logger.level for logger in loggers]
    before = {name: os.environ.get(name) for name in (*here, "TORCHELASTIC_SIGNALS_TO_HANDLE")}
    os.environ.update(here)
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _work(parent: int, path: Path, count: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What each process does: call the function, and write down how it ended."""
    end_with(parent)
    take_any_text()
    # Ctrl-C and a scheduler's notice come to all processes at once; the one that started this one passes them on.
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_at_sigterm_of, args=(parent,), daemon=True).start()
    messages, who = _Messages(path), member()
    assert who is not None
    try:
        value = function(*arguments)
        messages.write("end", "", who.rank)
        return value
    except _FORESEEN as error:
        if not _lost_another(error):
            _write_error(messages, error, who.rank, count)
            return None
        failure = error
    except Exception as error:
        failure = error
    messages.write("crash", "".join(traceback.format_exception(failure)), who.rank)
    if _lost_another(failure):
        time.sleep(PATIENCE)  # the launcher shall find the other one first
    raise failure


def _write_error(messages: _Messages, error: BaseException, rank: int, count: int) -> None:
    """Write down an error, and end the others if they do not end by themselves."""
    kind = next(kind for kind in _FORESEEN if isinstance(error, kind))
    messages.write("error", json.dumps([kind.__name__, str(error), getattr(error, "signal_number", 0)]), rank)
    messages.write("end", "", rank)
    if rank and not isinstance(error, UserError):
        return  # all have agreed on it, and the first one may still be writing its checkpoint
    until = time.monotonic() + PATIENCE
    while any(messages.read("end", other) is None for other in range(count)):
        if time.monotonic() > until:
            raise error
        time.sleep(0.05)


def _lost_another(error: BaseException | None) -> bool:
    """Whether an error is but the consequence of another process's end."""
    words = ("onnection", "gloo", "nccl", "timed out", "peer")
    while error is not None:
        if isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words):
            return True
        error = error.__cause__
    return False
