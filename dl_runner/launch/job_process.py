"""The first steps of a job's process: a process group, output, environment and signal handlers of its own. Imports no
torch.
"""

import atexit
import faulthandler
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from dl_runner.errors import Interrupted
from dl_runner.runtime.files import write_atomic
from dl_runner.runtime.interrupt import STOP_SIGNALS
from dl_runner.runtime.lifetime import end_with


def main(output: str, result: str, environment: Mapping[str, str], payload: bytes) -> None:
    """Call a function in this new process, with `STOP_SIGNALS` blocked until the function unblocks them.

    Args:
        output: the file that standard output and error go to.
        result: the file that the pickled result goes to.
        environment: all environment variables.
        payload: pickled (function, arguments).
    """
    os.setpgid(0, 0)  # a group can be killed as a whole, with the processes that the job starts
    end_with(os.getppid())
    threading.Thread(target=_end_with_launcher, daemon=True).start()
    _write_to(output)
    faulthandler.enable()  # a crash in compiled code leaves the Python lines that led there
    for number in STOP_SIGNALS[1:]:  # Python's own handler of the first is as good
        signal.signal(number, _interrupt)
    os.environ.clear()
    os.environ.update(environment)
    function, arguments = pickle.loads(payload)
    write_atomic(Path(result), pickle.dumps(function(*arguments)))
    atexit._run_exitfuncs()  # multiprocessing leaves those of other libraries out


def _end_with_launcher() -> None:
    """Kill the process group when the launching process ends, however that comes."""
    multiprocessing.parent_process().join()
    os.killpg(0, signal.SIGKILL)


def _write_to(path: str) -> None:
    written = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(written, descriptor)
    os.close(written)


def _interrupt(number: int, frame: object) -> None:
    raise Interrupted("stopped before the first step", number)
