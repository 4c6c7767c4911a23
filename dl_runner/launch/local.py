"""Jobs side by side on this machine, each in a process of its own. Imports no torch."""

import signal
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn
from hydra.types import TaskFunction

from dl_runner.config.schema import Config
from dl_runner.errors import Interrupted, RunFailed
from dl_runner.launch.fork_server import Exit, JobProcesses, count_gpus
from dl_runner.launch.job_table import JobTable
from dl_runner.launch.resources import Machine, Request, Slot, allocate, threads_of_a_job, visible_gpus
from dl_runner.launch.running_job import RunningJob, death
from dl_runner.launch.worker import work
from dl_runner.runtime.cores import allowed_cores
from dl_runner.runtime.interrupt import NOTICE, StopRequest, stop_on_signals
from dl_runner.runtime.progress import advancing, showing
from dl_runner.tracking.console import Mode, terminal

if TYPE_CHECKING:
    from dl_runner.running.rehearsal import Misfit

Composed = tuple[Any, dict[str, Any]]  # a job's config, and the same, resolved, as a run takes it
Length = Callable[[], int | None]
_POLL = 0.25  # seconds


def choose_threads(request: Request) -> int:
    """The threads of each job side by side on this machine, all its processes together.

    Raises:
        RunFailed: no processes can be started.
    """
    with JobProcesses() as processes:
        return threads_of_a_job(_machine(request, processes), request)


def check_jobs(configs: list[Config]) -> "list[Misfit | None]":
    """What is wrong with the parts of each job's config, found out in a process like those of the jobs.

    Raises:
        RunFailed: no process can be started, or it died.
    """
    with (
        showing(configs[0].tracker.console),
        advancing("checking the jobs", None, "s") as advance,  # the process itself writes to no terminal
        JobProcesses() as processes,
    ):
        processes.start(-1, {}, _misfits, configs)
        while (ended := processes.next_exit(_POLL)) is None:
            advance(_POLL)
    if ended.result is None:
        raise RunFailed(f"checking the jobs: {death(ended.code)}\n{ended.output.strip()}".strip())
    return ended.result


def _misfits(configs: list[Config]) -> "list[Misfit | None]":
    from dl_runner.running.rehearsal import misfits

    return misfits(configs)


def _machine(request: Request, processes: JobProcesses) -> Machine:
    return Machine(allowed_cores(), visible_gpus(processes.call(count_gpus)) if request.gpu else ())


def side_by_side(
    jobs: Iterator[Composed], length: Length, task: TaskFunction, first: int, request: Request, mode: Mode
) -> Iterator[tuple[int, JobReturn]]:
    """Runs jobs in processes of their own, as many at a time as there are places for.

    The next of `jobs` is taken only when it can start. A signal stops all that run, with their checkpoints; so does
    closing the generator. A second signal kills them.

    Args:
        jobs: their configs.
        length: how many of them are still to be taken, None if nobody knows.
        task: what to do with each.
        first: the number of the first one.
        request: how many side by side, and what each gets.
        mode: `tracker.console`.

    Yields:
        number and result of each job, as they end.

    Raises:
        Interrupted: asked to stop, after the last job has ended.
        RunFailed: no processes can be started.
    """
    screen, live = terminal(mode)
    numbered = (RunningJob(number, *job) for number, job in enumerate(jobs, first))
    if (earliest := next(numbered, None)) is None:
        return
    with stop_on_signals(None if live else NOTICE) as stop, JobProcesses() as processes:
        slots = allocate(_machine(request, processes), request)
        with JobTable(screen, live, length) as table:
            yield from _Scheduler(processes, table, task, stop).run(chain([earliest], numbered), slots)
    if stop:
        raise Interrupted("stopped", stop.signal_number)


class _Scheduler:
    """Starts jobs in free slots, and restarts those whose process died and that may try again."""

    def __init__(self, processes: JobProcesses, table: JobTable, task: TaskFunction, stop: StopRequest) -> None:
        self._processes, self._table, self._task, self._stop = processes, table, task, stop
        self._running: dict[int, tuple[RunningJob, Slot]] = {}

    def run(self, jobs: Iterator[RunningJob], free: list[Slot]) -> Iterator[tuple[int, JobReturn]]:
        stopping = exhausted = False
        try:
            while True:
                can_start = free and not exhausted and not self._stop
                if not self._running and not can_start:
                    return
                if self._stop and not stopping:
                    self._signal_all(self._stop.signal_number)
                    stopping = self._table.stopping = True
                # All results are handed back before the next job is taken: a search may choose it by them.
                ended = self._processes.next_exit(0 if can_start else _POLL)
                self._table.refresh([job for job, _ in self._running.values()])
                if ended is not None:
                    job, slot = self._running.pop(ended.number)
                    if ended.result is None and not stopping and job.may_try_again():
                        self._start(job, slot)
                    else:
                        free.append(slot)
                        yield job.number, self._result(job, ended, stopping)
                elif can_start:
                    job = next(jobs, None)
                    exhausted = job is None
                    if job is not None:
                        self._start(job, free.pop(0))
        except (Exception, GeneratorExit):
            if not stopping:
                self._stop_all()
            raise

    def _result(self, job: RunningJob, ended: Exit, stopping: bool) -> JobReturn:
        result = job.returned(ended, stopping)
        self._table.ended(job, result)
        return result

    def _start(self, job: RunningJob, slot: Slot) -> None:
        job.began = time.monotonic()
        self._processes.start(job.number, slot, work, self._task, job.composed)
        self._running[job.number] = job, slot
        self._table.started(job)

    def _stop_all(self) -> None:
        """Have all that run stop with a checkpoint, and wait for them."""
        self._signal_all(signal.SIGTERM)
        while self._running:
            if ended := self._processes.next_exit(_POLL):
                del self._running[ended.number]

    def _signal_all(self, signal_number: int) -> None:
        for number in self._running:
            self._processes.signal(number, signal_number)
