"""How cores and GPUs are shared out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.errors import UserError
from dl_runner.launch.leases import Machine, Wishes, leases, parse_jobs, room, visible_gpus

GPUS = ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("machine", "wishes", "jobs", "threads"),
    [
        (Machine(8), Wishes(), 8, "1"),
        (Machine(8), Wishes(jobs=3), 3, "2"),
        (Machine(2), Wishes(jobs=5), 5, "1"),
        (Machine(8), Wishes(threads=2), 4, "2"),
        (Machine(8), Wishes(threads=16), 1, "16"),
        (Machine(8), Wishes(processes=2), 4, "1"),
        (Machine(8), Wishes(jobs=1, processes=2), 1, "4"),
        (Machine(8, GPUS), Wishes(), 4, "2"),
        (Machine(8, GPUS), Wishes(processes=2), 2, "2"),
        (Machine(2, GPUS), Wishes(), 4, "1"),
    ],
)
def test_room_and_threads(machine, wishes, jobs, threads):
    assert room(machine, wishes) == jobs
    assert [lease["OMP_NUM_THREADS"] for lease in leases(machine, wishes, jobs)] == [threads] * jobs


@pytest.mark.parametrize(
    ("wishes", "jobs", "leased"),
    [
        (Wishes(), 4, ["0", "1", "2", "3"]),
        (Wishes(processes=2), 2, ["0,1", "2,3"]),
        (Wishes(jobs=6), 6, ["0", "1", "2", "3", "0", "1"]),  # shared where there are too few
        (Wishes(processes=8), 1, ["0,1,2,3"]),  # the job says that there are too few
    ],
)
def test_each_job_has_gpus_of_its_own_while_there_are_enough(wishes, jobs, leased):
    found = leases(Machine(8, GPUS), wishes, jobs)
    assert [lease["CUDA_VISIBLE_DEVICES"] for lease in found] == leased


def test_without_gpus_nothing_is_said_of_them():
    assert leases(Machine(2), Wishes(), 2) == [{"OMP_NUM_THREADS": "1"}] * 2


@settings(max_examples=50, deadline=None)
@given(cores=st.integers(1, 128), processes=st.integers(1, 8), threads=st.none() | st.integers(1, 32))
def test_there_are_never_more_threads_than_cores_if_the_jobs_leave_room(cores, processes, threads):
    wishes = Wishes(threads=threads, processes=processes)
    jobs = room(Machine(cores), wishes)
    used = sum(int(lease["OMP_NUM_THREADS"]) for lease in leases(Machine(cores), wishes, jobs)) * processes
    assert jobs >= 1 and (used <= cores or jobs == 1)
    assert 2 * used > cores  # and no job more would fit beside them


def test_gpus_are_named_as_this_process_sees_them():
    assert visible_gpus(2, {}) == ("0", "1")
    assert visible_gpus(2, {"CUDA_VISIBLE_DEVICES": "5, 7"}) == ("5", "7")
    assert visible_gpus(1, {"CUDA_VISIBLE_DEVICES": "5,99"}) == ("5",)
    assert visible_gpus(0, {"CUDA_VISIBLE_DEVICES": "5"}) == visible_gpus(0, {}) == ()


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "all"])
def test_a_number_of_jobs_that_is_none_is_refused(value):
    with pytest.raises(UserError, match=r"hydra\.launcher\.jobs=.*expected auto, or a whole number"):
        parse_jobs(value)
    assert parse_jobs("auto") is None and parse_jobs(3) == 3
