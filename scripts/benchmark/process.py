"""One program in a process of its own: what it printed, how long it took, how much memory it held."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parents[1]
MIB_PER_UNIT = 1 / 2**10 if os.uname().sysname == "Linux" else 1 / 2**20  # of ru_maxrss


class ArmFailed(Exception):
    """A program ended with an error, or was stopped because it took too long; the message is its last line."""


@dataclass(frozen=True)
class Finished:
    """A program that ended well.

    Args:
        began, ended: Unix seconds before its start and after its end.
        peak_mib: the largest resident memory of any one of its processes; that of workers is not added up.
        output: its standard output.
    """

    began: float
    ended: float
    peak_mib: float
    output: str


def run_fresh(command: Sequence[str], timeout: float | None = None) -> Finished:
    """Start a program with scripts/ on its import path, and wait for it.

    The kernel counts what this process holds at the start as the child's peak, so this one must stay smaller than any
    arm: it imports no torch.

    Args:
        timeout: seconds after which it is killed; None for no limit.

    Raises:
        ArmFailed: its exit code is not 0.
    """
    path = os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.time()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env={**os.environ, "PYTHONPATH": path}
        )
        limit = threading.Timer(timeout or threading.TIMEOUT_MAX, process.kill)
        limit.daemon = True
        limit.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            limit.cancel()
        ended = time.time()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            lines = [line for line in errors.read().splitlines() if line.strip()]
            stopped = timeout is not None and ended - began >= timeout
            reason = f"stopped after {timeout:.0f} s" if stopped else lines[-1] if lines else "no message"
            raise ArmFailed(f"{reason} (exit code {process.returncode})")
        output.seek(0)
        return Finished(began, ended, usage.ru_maxrss * MIB_PER_UNIT, output.read())
