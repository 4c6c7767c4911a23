"""What the jobs of the launcher's tests do: task functions that a job's process can import."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def task(config):
    """The deed that the job's `seed` stands for, in the folder that `outputs` names."""
    folder, seed = Path(config.outputs), config.seed
    (folder / f"pid_{seed}").write_text(str(os.getpid()))
    return DEEDS.get(seed, work)(folder, seed)


def two_gpus() -> int:
    return 2


def work(folder: Path, seed: int) -> dict:
    from dl_runner.runtime.device import set_threads

    names = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "MARK")
    status = Path(f"/proc/{os.getppid()}/status").read_text()
    fork_server = dict(line.split(":\t") for line in status.splitlines() if line.startswith(("Threads", "SigBlk")))
    blocked = [number for number in range(1, 65) if int(fork_server["SigBlk"], 16) >> (number - 1) & 1]
    threads = {"threads": set_threads(None), "of_parent": int(fork_server["Threads"]), "blocked_by_parent": blocked}
    return {"seed": seed, **threads, **{name: os.environ.get(name) for name in names}}


def fail(folder: Path, seed: int) -> None:
    class Private(Exception):
        """Nobody outside can unpickle it."""

    raise Private("on purpose")


def die(folder: Path, seed: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash(folder: Path, seed: int) -> None:
    import ctypes

    ctypes.string_at(0)


def leave(folder: Path, seed: int) -> None:
    os._exit(3)


def leave_255(folder: Path, seed: int) -> None:
    os._exit(255)


def unpicklable(folder: Path, seed: int) -> object:
    return lambda: None


def hang(folder: Path, seed: int) -> None:
    """With a process of its own beside it, as a run with data workers has."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (folder / f"pid_{seed}").write_text(f"{os.getpid()} {child.pid}")
    (folder / f"hangs_{seed}").touch()
    time.sleep(600)


def stubborn(folder: Path, seed: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(folder, seed)


DEEDS = {101: fail, 102: die, 103: crash, 104: leave, 105: unpicklable, 106: hang, 107: stubborn, 108: leave_255}
