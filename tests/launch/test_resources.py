"""How cores and GPUs are shared out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.errors import UserError
from dl_runner.launch.resources import (
    Machine,
    Request,
    allocate,
    parse_jobs,
    places,
    requested,
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


@pytest.mark.parametrize(
    ("threads", "recorded", "variable", "expected"),
    [(3, 8, "2", 3), (None, 8, "2", 4), (None, 1, "2", 1), (None, None, "2", 2), (None, None, "0", None)],
)
def test_the_config_comes_before_the_sweeps_record_and_that_before_the_environment(
    threads, recorded, variable, expected
):
    asked = requested(None, "cpu", threads, 2, recorded, {"OMP_NUM_THREADS": variable})
    assert asked == Request(None, expected, 2, gpu=False)


@pytest.mark.parametrize(("device", "gpu"), [("auto", True), ("cuda", True), ("cuda:1", False), ("cpu", False)])
def test_a_job_that_names_its_gpu_is_given_none(device, gpu):
    assert requested(3, device, None, None, None, {}) == Request(3, None, 1, gpu)


@settings(max_examples=50, deadline=None)
@given(
    cores=st.integers(1, 128), jobs=st.none() | st.integers(1, 9), processes=st.integers(1, 8), gpus=st.integers(0, 4)
)
def test_a_sweep_that_goes_on_has_the_places_and_threads_that_it_began_with(cores, jobs, processes, gpus):
    machine = Machine(cores, GPUS[:gpus])
    began = requested(jobs, "auto", None, processes, None, {})
    goes_on = requested(jobs, "auto", None, processes, threads_of_a_job(machine, began), {})
    assert allocate(machine, goes_on) == allocate(machine, began)


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
