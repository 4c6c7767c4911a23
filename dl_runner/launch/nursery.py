"""The process that the jobs' processes are forked from.

It has imported torch and has computed nothing: no thread runs in it and no GPU is open, so that forking it is safe, and
a job starts at once in a process as clean as a new one. It belongs to the process that started it: when the socket
between the two closes, however that comes, it kills every job and ends.
"""

import atexit
import contextlib
import gc
import importlib
import os
import shutil
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from dl_runner.runtime.lifetime import end_with

STOPS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Start:
    """Asks for a process.

    Args:
        number: of the job.
        payload: the file that says what it does, for `worker.work`.
        result: the file that its result goes to.
        output: the file that its standard output and error go to.
        environment: all its environment variables.
    """

    number: int
    payload: str
    result: str
    output: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Signal:
    """Asks for a signal to a job's first process, which tells those that it has started."""

    number: int
    signal: int


@dataclass(frozen=True)
class Ended:
    """Says that a job's process has ended; `code` is the exit code, or minus the signal that killed it."""

    number: int
    code: int


def main(descriptor: int, folder: str, modules: Sequence[str]) -> None:
    """Serve the process at the other end of the socket `descriptor`, with these modules imported; `folder` goes with it
    in the end.

    Never returns: taking torch apart would cost each process a second, so they all end without it.
    """
    connection = Connection(descriptor)
    for name in modules:
        importlib.import_module(name)
    connection.send(_count_gpus() if "torch" in modules else 0)
    gc.collect()
    gc.freeze()  # else a job's first collection would copy all that it shares with this process
    code = 0
    try:
        start = Nursery(connection).serve()
        if start is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            importlib.import_module("dl_runner.launch.worker").work(start)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    os._exit(code)


def _count_gpus() -> int:
    """How many there are; asked in a process of its own, as some drivers can be opened only on one side of a fork."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        import torch

        os.write(writer, str(torch.cuda.device_count()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        count = answer.read()
    os.waitpid(pid, 0)
    return int(count or 0)


class Nursery:
    """Starts, signals and reaps the jobs' processes as `connection` asks for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._children: dict[int, int] = {}  # process → number
        self._bell, self._rings = os.pipe()  # Python writes to it at every signal
        for end in (self._bell, self._rings):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._rings, warn_on_full_buffer=False)

    def serve(self) -> Start | None:
        """Returns None when all is over, and in each job's process what that one was started for."""
        while True:
            ready = wait([self._connection, self._bell])
            if self._bell in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._bell, 4096)
                self._reap()
            if self._connection not in ready:
                continue
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                self._end()
                return None
            if isinstance(message, Start):
                if self._fork(message):
                    return message
            else:
                self._signal(message)

    def _fork(self, start: Start) -> bool:
        """Whether this is the new process."""
        parent = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # none is lost before the child can take it
        pid = os.fork()
        if pid == 0:
            self._leave(parent, start.output)
            return True
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        with contextlib.suppress(OSError):  # it may have done so itself and be gone
            os.setpgid(pid, pid)
        self._children[pid] = start.number
        return False

    def _leave(self, parent: int, output: str) -> None:
        """In a job's process: a group of its own, which can be killed as a whole, and nothing of the nursery's; signals
        that ask it to stop wait until `worker.work` can take them."""
        os.setpgid(0, 0)
        end_with(parent)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, _stop)
        self._connection.close()
        for end in (self._bell, self._rings):
            os.close(end)
        written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor in (1, 2):
            os.dup2(written, descriptor)
        os.close(written)

    def _signal(self, message: Signal) -> None:
        for pid, number in self._children.items():
            if number == message.number:  # not reaped yet, so that the number is nobody else's
                os.kill(pid, message.signal)

    def _reap(self) -> None:
        for pid in list(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)  # what a dead job has left behind, such as workers of its data
                number = self._children.pop(pid)
                with contextlib.suppress(OSError):  # nobody left to tell: the next question ends the nursery
                    self._connection.send(Ended(number, os.waitstatus_to_exitcode(status)))

    def _end(self) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)


def _stop(number: int, frame: object) -> None:
    from dl_runner.errors import Interrupted

    raise Interrupted("stopped before the first step", number)
