"""What a launcher gets from our sweeper: a list of jobs, or one at a time as it has room."""

import pytest
from hydra.core.utils import JobReturn, JobStatus

from dl_runner.sweep.job import Outcome
from hydra_plugins.dl_runner_sweeper import DlRunnerSweeper

JOBS = [["seed=0"], ["seed=1"], ["seed=2"]]


def returned(job):
    value = Outcome("completed", {"job": float(job[0][-1])})
    return JobReturn(status=JobStatus.COMPLETED, _return_value=value, overrides=job)


class Lists:
    def __init__(self):
        self.launched = []

    def launch(self, jobs, initial_job_idx):
        self.launched.append((initial_job_idx, list(jobs)))
        return [returned(job) for job in jobs]


class OneByOne:
    """Has room for two, and the newer one is always the first to be done."""

    def __init__(self):
        self.log = []

    def launch_as_completed(self, jobs, initial_job_idx):
        running = []
        numbered = enumerate(jobs, start=initial_job_idx)
        while True:
            while len(running) < 2 and (taken := next(numbered, None)):
                self.log.append(f"take {taken[0]}")
                running.append(taken)
            if not running:
                return
            place, job = running.pop()
            self.log.append(f"done {place}")
            yield place, returned(job)


@pytest.mark.parametrize(("size", "batches"), [(None, [(0, JOBS)]), (2, [(0, JOBS[:2]), (2, JOBS[2:])])])
def test_a_launcher_of_lists_gets_them_in_batches(size, batches):
    sweeper = DlRunnerSweeper()
    sweeper.launcher = Lists()
    done = dict(sweeper._launch(iter(JOBS), size))
    assert sweeper.launcher.launched == batches
    assert {place: outcome.objective["job"] for place, outcome in done.items()} == {0: 0.0, 1: 1.0, 2: 2.0}


def test_a_launcher_that_has_room_takes_the_next_job_when_one_is_done():
    sweeper = DlRunnerSweeper()
    sweeper.launcher = OneByOne()
    chosen = []

    def jobs():  # a search: it chooses the third job knowing how the second went
        yield from JOBS[:2]
        chosen.append(list(known))
        yield JOBS[2]

    known = {}
    for place, outcome in sweeper._launch(jobs(), None):
        known[place] = outcome.objective["job"]
    assert chosen == [[1]] and known == {0: 0.0, 1: 1.0, 2: 2.0}
    assert sweeper.launcher.log == ["take 0", "take 1", "done 1", "take 2", "done 2", "done 0"]


def test_a_job_whose_process_died_is_a_failure_of_that_job():
    sweeper = DlRunnerSweeper()
    sweeper.launcher = Lists()
    dead = JobReturn(status=JobStatus.FAILED, _return_value=ChildProcessError("killed by signal 9"), overrides=[])
    sweeper.launcher.launch = lambda jobs, initial_job_idx: [dead, returned(JOBS[1])]
    first, second = (outcome for _, outcome in sweeper._launch(iter(JOBS[:2]), None))
    assert first.status == "failed" and first.error == "ChildProcessError: killed by signal 9"
    assert second.status == "completed"
