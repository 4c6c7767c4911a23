"""How cores and GPUs are shared out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.errors import UserError
from dl_runner.launch.resources import (
    Machine,
    Request,
    allocate,
    chosen_threads,
    parse_jobs,
    places,
    threads_of_a_job,
    visible_gpus,
)

GPUS = ("0", "1", "2", "3")


@pytest.mark.parametrize(
    ("machine", "asked", "jobs", "threads"),
    [
        (Machine(8), Request(), 8, "1"),
        (Machine(8), Request(jobs=3), 3, "2"),
        (Machine(2), Request(jobs=5), 5, "1"),
        (Machine(8), Request(threads=2), 4, "2"),
        (Machine(8), Request(threads=16), 1, "16"),
        (Machine(8), Request(processes=2), 4, "1"),
        (Machine(8), Request(jobs=1, processes=2), 1, "4"),
        (Machine(8, GPUS), Request(), 4, "2"),
        (Machine(8, GPUS), Request(processes=2), 2, "2"),
        (Machine(2, GPUS), Request(), 4, "1"),
    ],
)
def test_room_and_threads(machine, asked, jobs, threads):
    assert places(machine, asked) == jobs
    assert [slot["OMP_NUM_THREADS"] for slot in allocate(machine, asked)] == [threads] * jobs


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Request(), ["0", "1", "2", "3"]),
        (Request(processes=2), ["0,1", "2,3"]),
        (Request(jobs=6), ["0", "1", "2", "3", "0", "1"]),  # shared where there are too few
        (Request(processes=8), ["0,1,2,3"]),  # the job says that there are too few
    ],
)
def test_each_job_has_gpus_of_its_own_while_there_are_enough(asked, expected):
    slots = allocate(Machine(8, GPUS), asked)
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in slots] == expected


def test_without_gpus_nothing_is_said_of_them():
    assert allocate(Machine(2), Request()) == [{"OMP_NUM_THREADS": "1"}] * 2


@settings(max_examples=50, deadline=None)
@given(cores=st.integers(1, 128), processes=st.integers(1, 8), threads=st.none() | st.integers(1, 32))
def test_there_are_never_more_threads_than_cores_if_the_jobs_leave_room(cores, processes, threads):
    asked = Request(threads=threads, processes=processes)
    slots = allocate(Machine(cores), asked)
    jobs, used = len(slots), sum(int(slot["OMP_NUM_THREADS"]) for slot in slots) * processes
    assert jobs >= 1 and (used <= cores or jobs == 1)
    assert 2 * used > cores  # and no job more would fit beside them


@pytest.mark.parametrize(
    ("machine", "asked", "threads"),
    [
        (Machine(8), Request(), 1),
        (Machine(8), Request(jobs=1), 8),
        (Machine(8), Request(jobs=3), 2),
        (Machine(8), Request(threads=3, processes=2), 6),
        (Machine(8, GPUS), Request(processes=2), 4),
        (Machine(1), Request(jobs=4, processes=2), 1),
    ],
)
def test_the_threads_of_a_job_are_those_of_all_its_processes(machine, asked, threads):
    assert threads_of_a_job(machine, asked) == threads


def test_the_users_choice_of_threads():
    assert chosen_threads(3, {"OMP_NUM_THREADS": "2"}) == 3
    assert chosen_threads(None, {"OMP_NUM_THREADS": "2"}) == 2
    assert chosen_threads(None, {"OMP_NUM_THREADS": "0"}) is chosen_threads(None, {}) is None


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
