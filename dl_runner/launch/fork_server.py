"""Processes of jobs, forked from the fork server of Python's `multiprocessing`. Imports no torch.

The fork server is a process that has imported torch and has computed nothing: no thread runs in it and no GPU is open,
so that forking it is safe, and a job starts at once in a process as clean as a new one. It starts with the first job
and ends with this process.
"""

import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Any

from dl_runner.errors import RunFailed
from dl_runner.launch import job_process
from dl_runner.runtime.interrupt import STOP_SIGNALS

# What every job imports, and what those of a search do whose launching process has imported it.
PRELOADED = ("torch", "matplotlib.figure", "safetensors.torch", "dl_runner.running.launch", "dl_runner.launch.worker")
OF_A_SEARCH = ("optuna", "sqlalchemy")

_LOST = 255  # exit code that multiprocessing gives a process whose fork server was killed
_PATIENCE = 1.0  # seconds for the kernel to report a process as dead whose pipes are closed


@dataclass(frozen=True)
class Exit:
    """How a job's process ended.

    Args:
        number: of the job.
        code: its exit code, or minus the signal that killed it.
        result: what its function returned; None if the process died before.
        output: what it wrote to its standard output and error.
    """

    number: int
    code: int
    result: Any
    output: str


class JobProcesses:
    """Processes of jobs, all of which are gone after the `with` block, and also if this process dies inside it.

    Raises:
        RunFailed: no process can be started.
    """

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*PRELOADED, *(name for name in OF_A_SEARCH if name in sys.modules)])
        self._running: dict[int, ForkServerProcess] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="dlrun-"))

    def __enter__(self) -> "JobProcesses":
        try:
            self._server = self.call(os.getppid)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._running.values():
            _kill(process)
        for process in self._running.values():
            process.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, function: Callable[[], Any]) -> Any:
        """What the function returns in a process of its own; while no job runs.

        Raises:
            RunFailed: the process died.
        """
        self.start(-1, {}, function)
        ended = self.next_exit(None)
        if ended is None or ended.code:
            raise RunFailed(f"no process can be started for a job: {(ended.output if ended else '').strip()[-500:]}")
        return ended.result

    def start(self, number: int, environment: Mapping[str, str], function: Callable[..., Any], *arguments: Any) -> None:
        """Start job `number`: a process that calls the function.

        Args:
            environment: variables that the process has beside those of this one.
            function: with its arguments, as with what it returns: can be pickled.

        Raises:
            RunFailed: the fork server cannot be started.
        """
        payload = pickle.dumps((function, arguments))
        files = self._path(number, "output"), self._path(number, "result")
        process = self._context.Process(
            target=job_process.main, args=(*map(str, files), {**os.environ, **environment}, payload)
        )
        try:
            with _environment_of_the_server():
                process.start()
        except (OSError, EOFError) as error:
            raise RunFailed(f"the process that starts the jobs cannot be started: {error!r}") from error
        self._running[number] = process

    def signal(self, number: int, signal_number: int) -> None:
        """Send a signal to a job's first process, which tells those that it has started; nothing if it has ended."""
        process = self._running[number]
        if process.exitcode is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal_number)

    def next_exit(self, timeout: float | None) -> Exit | None:
        """How the next process ended, waited for so many seconds; None if none did.

        Raises:
            RunFailed: the fork server died, and all jobs with it.
        """
        sentinels = {process.sentinel: number for number, process in self._running.items()}
        ready = connection.wait(sentinels, timeout)
        if not ready:
            return None
        number = sentinels[ready[0]]
        process = self._running[number]
        process.join()
        path = self._path(number, "result")
        result = pickle.loads(path.read_bytes()) if path.exists() else None
        if result is None and process.exitcode == _LOST and hasattr(os, "waitid"):  # macOS got it with Python 3.13
            self._check_server()
        _kill(process)  # what a dead job has left behind, such as workers of its data
        path = self._path(number, "output")
        output = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        for kind in ("result", "output"):
            self._path(number, kind).unlink(missing_ok=True)
        del self._running[number]
        return Exit(number, process.exitcode, result, output)

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"{number}.{kind}"

    def _check_server(self) -> None:
        """Raises RunFailed if the fork server has died."""
        limit = time.monotonic() + _PATIENCE
        while time.monotonic() < limit:
            try:  # only asks: it is multiprocessing's to wait for its server
                found = os.waitid(os.P_PID, self._server, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:  # it did, and started another one
                raise RunFailed("the process that starts the jobs died") from None
            if found:
                how = f"ended with exit code {found.si_status}"
                if found.si_code != os.CLD_EXITED:
                    how = f"was killed by {signal.Signals(found.si_status).name}"
                raise RunFailed(f"the process that starts the jobs {how}")
            time.sleep(0.05)


def count_gpus() -> int:
    """How many there are; for a process of its own, as some drivers can be opened only on one side of a fork."""
    import torch

    return torch.cuda.device_count()


def _kill(process: ForkServerProcess) -> None:
    """The process, if it has not ended, and its process group, which it leads once it has begun."""
    process.kill()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _environment_of_the_server() -> Iterator[None]:
    """What the fork server inherits when it is started here: this process's import path, one thread, so that no library
    starts a pool before the forks, and blocked signals, so that none is lost before a job can take it, and one sent to
    all processes at once (Ctrl-C, `timeout`) does not end the server.
    """
    variables = {
        **{"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"},
        **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    }
    before = {name: os.environ.get(name) for name in variables}
    resource_tracker.ensure_running()  # else started with the server, which would unblock the signals
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
