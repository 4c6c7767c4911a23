"""The launching process's side of the nursery: start a job, hear of its end, signal it. Imports no torch."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType
from typing import Any

from dl_runner.errors import RunFailed
from dl_runner.launch.nursery import Ended, Signal, Start

# What every job imports, and what those of a search do whose launching process has imported it.
PRELOADED = ("torch", "matplotlib.figure", "safetensors.torch", "dl_runner.run.launch", "dl_runner.launch.worker")
OF_A_SEARCH = ("optuna", "sqlalchemy")


@dataclass(frozen=True)
class Ending:
    """How a job's process ended.

    Args:
        number: of the job.
        code: its exit code, or minus the signal that killed it.
        result: what it has left as its result; None if it died before.
        output: what it has written to its standard output and error.
    """

    number: int
    code: int
    result: Any
    output: str


class Children:
    """Processes of jobs, all of which are gone after the `with` block, and also if this process dies inside it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dlrun-"))
        ours, theirs = Pipe()
        # The import path as it is here, and one thread, so that no library starts a pool before the forks.
        code = f"import sys; sys.path[:] = {sys.path!r}; from dl_runner.launch import nursery; "
        modules = [*PRELOADED, *(name for name in OF_A_SEARCH if name in sys.modules)]
        code += f"nursery.main({theirs.fileno()}, {str(self._folder)!r}, {modules!r})"
        self._stderr = self._folder / "nursery.txt"
        with self._stderr.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for this process, which passes it on
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        theirs.close()
        self._connection = ours

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def gpus(self) -> int:
        """How many GPUs the jobs can see; ask once, before the first job. Waits until the processes can start.

        Raises:
            RunFailed: they cannot.
        """
        return self._receive()

    def start(self, number: int, payload: Any, environment: Mapping[str, str]) -> None:
        """Start job `number`, which does what `worker.Payload` says, with these variables beside our own."""
        paths = [self._path(number, kind) for kind in ("payload", "result", "output")]
        paths[0].write_bytes(pickle.dumps(payload))
        self._send(Start(number, *map(str, paths), {**os.environ, **environment}))

    def signal(self, number: int, signal_number: int) -> None:
        """Send a signal to a job; nothing happens if it has ended."""
        self._send(Signal(number, signal_number))

    def ending(self, timeout: float) -> Ending | None:
        """The next job that has ended, waited for so many seconds.

        Raises:
            RunFailed: the jobs' parent process died, and all of them with it.
        """
        if not self._connection.poll(timeout):
            return None
        message: Ended = self._receive()
        path = self._path(message.number, "result")
        result = pickle.loads(path.read_bytes()) if path.exists() else None
        output = self._path(message.number, "output")
        text = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        for kind in ("payload", "result", "output"):
            self._path(message.number, kind).unlink(missing_ok=True)
        return Ending(message.number, message.code, result, text)

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"{number}.{kind}"

    def _send(self, message: Start | Signal) -> None:
        try:
            self._connection.send(message)
        except OSError:
            raise self._lost() from None

    def _receive(self) -> Any:
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            raise self._lost() from None

    def _lost(self) -> RunFailed:
        code = self._process.wait()
        lines = self._stderr.read_text(errors="replace").strip().splitlines()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return RunFailed(f"the process that starts the jobs {how}{': ' + lines[-1] if lines else ''}")
