"""Jobs side by side, each taken when there is room for it and given back when it is done. Imports no torch."""

import signal
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from hydra.core.utils import JobReturn
from hydra.types import TaskFunction

from dl_runner.errors import Interrupted
from dl_runner.launch.board import Board
from dl_runner.launch.children import Children, Ending
from dl_runner.launch.jobs import Job
from dl_runner.launch.leases import Lease, Machine, Wishes, leases, room, visible_gpus
from dl_runner.launch.worker import Payload
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.interrupt import NOTICE, StopRequest, stop_on_signals
from dl_runner.tracking.console import Mode, terminal

Composed = tuple[Any, dict[str, Any]]  # a job's config, and the same, resolved, as a run takes it
Length = Callable[[], int | None]
_TICK = 0.25  # seconds


def side_by_side(
    jobs: Iterator[Composed], length: Length, task: TaskFunction, first: int, wishes: Wishes, shown: Mode
) -> Iterator[tuple[int, JobReturn]]:
    """Runs jobs in processes of their own, as many at a time as there is room for.

    The next of `jobs` is taken only when it can start. A signal stops all that run, with their checkpoints; so does
    closing the generator. A second signal kills them.

    Args:
        jobs: their configs.
        length: how many of them are still to be taken, None if nobody knows.
        task: what to do with each.
        first: the number of the first one.
        wishes: how many, and what each gets.
        shown: `tracker.console`.

    Yields:
        number and result of each job, as they end.

    Raises:
        Interrupted: asked to stop, after the last job has ended.
        RunFailed: no processes can be started.
    """
    screen, live = terminal(shown)
    numbered = (Job(number, *job) for number, job in enumerate(jobs, first))
    if (earliest := next(numbered, None)) is None:
        return
    cores = allowed_cores()
    with stop_on_signals(None if live else NOTICE) as request, Children() as children:
        gpus = visible_gpus(children.gpus())
        machine = Machine(cores, gpus if wishes.gpu else ())
        at_once = [earliest, *islice(numbered, room(machine, wishes) - 1)]
        shares = leases(machine, wishes, len(at_once))
        with Board(screen, live, length) as board:
            yield from _Conductor(children, board, task, request).conduct(chain(at_once, numbered), shares)
    if request:
        raise Interrupted("stopped", request.signal_number)


class _Conductor:
    """The jobs that run, from the first one taken to the last one ended."""

    def __init__(self, children: Children, board: Board, task: TaskFunction, request: StopRequest) -> None:
        self._children, self._board, self._task, self._request = children, board, task, request
        self._running: dict[int, tuple[Job, Lease]] = {}

    def conduct(self, jobs: Iterator[Job], free: list[Lease]) -> Iterator[tuple[int, JobReturn]]:
        told = exhausted = False
        try:
            while True:
                hungry = free and not exhausted and not self._request
                if not self._running and not hungry:
                    return
                if self._request and not told:
                    self._stop(self._request.signal_number)
                    told = self._board.stopping = True
                # All that is done is given back before the next one is taken: a search may choose it by these.
                ending = self._children.ending(0 if hungry else _TICK)
                self._board.tick([job for job, _ in self._running.values()])
                if ending is not None:
                    job, lease = self._running.pop(ending.number)
                    if ending.result is None and not told and job.may_try_again():
                        self._start(job, lease)
                    else:
                        free.append(lease)
                        yield job.number, self._result(job, ending, told)
                elif hungry:
                    taken = next(jobs, None)
                    exhausted = taken is None
                    if taken is not None:
                        self._start(taken, free.pop(0))
        except (Exception, GeneratorExit):
            if not told:
                self._abandon()
            raise

    def _result(self, job: Job, ending: Ending, told: bool) -> JobReturn:
        done = job.returned(ending, told)
        self._board.ended(job, done)
        return done

    def _abandon(self) -> None:
        """Have all that run stop with a checkpoint, whatever becomes of them."""
        self._stop(signal.SIGTERM)
        while self._running:
            if ending := self._children.ending(_TICK):
                self._running.pop(ending.number)

    def _start(self, job: Job, lease: Lease) -> None:
        job.began = time.monotonic()
        self._children.start(job.number, Payload(self._task, job.composed), lease)
        self._running[job.number] = job, lease
        self._board.started(job)

    def _stop(self, signal_number: int) -> None:
        for number in self._running:
            self._children.signal(number, signal_number)
