"""Who a process is in a group, how the group meets, and what its processes agree on."""

import re

import pytest
import work

from dl_runner.config.schema import ParallelConfig
from dl_runner.errors import UserError
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.rendezvous import Member, first_host, joined, member

TORCHRUN = {
    **{"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"},
    **{"MASTER_ADDR": "node-7", "MASTER_PORT": "29500"},
}
SLURM = {
    **{"SLURM_JOB_ID": "1234", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "6", "SLURM_PROCID": "4"},
    **{"SLURM_LOCALID": "1", "SLURM_STEP_TASKS_PER_NODE": "3(x2)", "SLURM_STEP_NODELIST": "gpu[07-08]"},
}


def test_alone():
    assert member({}) is None
    assert member({"SLURM_JOB_ID": "1", "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}) is None
    assert member({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}) is None  # the batch script itself
    with joined(ParallelConfig(), None, cuda=False) as group:
        assert (type(group), group.rank, group.size, group.gather(5)) == (
            ProcessGroup,
            0,
            1,
            [5],
        )
    with joined(ParallelConfig(), Member(0, 1, 0, 1, "nowhere", 1), cuda=False) as group:  # torchrun with one process
        assert type(group) is ProcessGroup


def test_started_by_torchrun():
    assert member(TORCHRUN) == Member(3, 4, 1, 2, "node-7", 29500)


def test_started_by_slurm():
    found = member(SLURM)
    assert (found.rank, found.size, found.local_rank, found.local_size, found.address) == (4, 6, 1, 3, "gpu07")
    assert 20_000 <= found.port < 50_000
    assert member({**SLURM, "SLURM_PROCID": "0"}).port == found.port
    assert member({**SLURM, "SLURM_STEP_ID": "1"}).port != found.port
    assert member({**SLURM, "MASTER_ADDR": "here", "MASTER_PORT": "1"}).address == "here"


@pytest.mark.parametrize(
    ("nodes", "host"),
    [("a", "a"), ("a,b", "a"), ("a[3-5]", "a3"), ("a[03,07-9],b", "a03"), ("a-1,b[2-3]", "a-1"), ("n[12]", "n12")],
)
def test_the_first_of_slurms_hosts(nodes, host):
    assert first_host(nodes) == host


@pytest.mark.parametrize(
    ("change", "word"),
    [({"MASTER_PORT": None}, "MASTER_PORT"), ({"LOCAL_RANK": "x"}, "LOCAL_RANK=x"), ({"RANK": "4"}, "RANK=4")],
)
def test_half_an_environment_is_refused(change, word):
    environment = {name: value for name, value in {**TORCHRUN, **change}.items() if value is not None}
    with pytest.raises(UserError, match=re.escape(word)):
        member(environment)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ParallelConfig(), "parallel=none.*4 were started.*parallel=ddp"),
        (ParallelConfig(name="ddp", devices=3), "parallel.devices=3: 2 processes were started"),
    ],
)
def test_a_config_for_another_number_of_processes_is_refused(config, words):
    with pytest.raises(UserError, match=words), joined(config, member(TORCHRUN), cuda=False):
        raise AssertionError("not reached")


@pytest.mark.parametrize("rank", [0, 1])
def test_who_waits_in_vain_says_so_in_time(rank, monkeypatch):
    alone = Member(rank, 2, rank, 2, "127.0.0.1", 1 if rank else 29_611)
    with (
        pytest.raises(UserError, match=rf"process {rank} of 2 did not meet .* within 1 s .*parallel.timeout"),
        joined(ParallelConfig(name="ddp", timeout=1), alone, cuda=False),
    ):
        raise AssertionError("not reached")


def test_values_are_gathered_in_the_order_of_the_ranks(pair):
    assert pair.run(work.in_group, work.gathered) == [[0, 10], [0, 10]]


@pytest.mark.parametrize("asked_by", [0, 1])
def test_all_hear_of_a_stop_at_the_same_step(asked_by, pair):
    (first, number), (second, other) = pair.run(work.in_group, work.agreements, asked_by, 3, 200_000)
    assert first == second >= 3
    assert number == other == 15
