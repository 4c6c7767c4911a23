"""How processes of a group end badly. A module of its own, as the processes import it."""

import os
import signal
import time
from pathlib import Path

from dl_runner.config.schema import ParallelConfig
from dl_runner.errors import Interrupted, UserError
from dl_runner.parallel.membership import member
from dl_runner.parallel.rendezvous import joined
from dl_runner.parallel.workers import PATIENCE
from dl_runner.runtime.interrupt import stop_on_signals


def rank() -> int:
    return member().rank


def wait_for_the_other() -> None:
    """As in the middle of training: no process gets further than the others."""
    with joined(ParallelConfig(name="ddp"), member(), cuda=False) as process_group:
        for _ in range(3000):
            process_group.gather(process_group.rank)
            time.sleep(0.01)


def mistake() -> None:
    if rank() == 1:
        raise UserError("data.root=/nowhere: on the second machine alone")
    wait_for_the_other()


def stop_slowly(written: Path) -> None:
    """The first process saves a large model, long after the others have nothing left to do."""
    if rank() == 0:
        time.sleep(2 * PATIENCE)
        written.touch()
    raise Interrupted("stopped at step 3", signal.SIGINT)


def crash() -> None:
    if rank() == 1:
        with joined(ParallelConfig(name="ddp"), member(), cuda=False) as process_group:
            process_group.gather(1)
            raise ValueError("this layer has a hole")
    wait_for_the_other()


def killed_amid_training() -> None:
    if rank() == 1:
        with joined(ParallelConfig(name="ddp"), member(), cuda=False) as process_group:
            process_group.gather(1)
            os.kill(os.getpid(), signal.SIGKILL)
    wait_for_the_other()


def until_stopped(started: Path) -> tuple[int, int, str]:
    """Its rank, the signal that stopped it, and the threads it was given."""
    with stop_on_signals() as request:
        (started / str(rank())).touch()
        while not request:
            time.sleep(0.01)
        return rank(), request.signal_number, os.environ["OMP_NUM_THREADS"]


def forever(started: Path) -> None:
    (started / str(os.getpid())).touch()
    time.sleep(1000)
