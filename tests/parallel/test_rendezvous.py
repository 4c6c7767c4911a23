"""How a group of processes meets, and what they agree on."""

import pytest
import work

from dl_runner.config.schema import ParallelConfig
from dl_runner.errors import UserError
from dl_runner.parallel.membership import Member
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.parallel.rendezvous import joined

STARTED = Member(3, 4, 1, 2, "node-7", 29500)


def test_alone():
    with joined(ParallelConfig(), None, cuda=False) as group:
        assert (type(group), group.rank, group.size, group.gather(5)) == (
            ProcessGroup,
            0,
            1,
            [5],
        )
    with joined(ParallelConfig(), Member(0, 1, 0, 1, "nowhere", 1), cuda=False) as group:  # torchrun with one process
        assert type(group) is ProcessGroup


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ParallelConfig(), "parallel=none.*4 were started.*parallel=ddp"),
        (ParallelConfig(name="ddp", devices=3), "parallel.devices=3: 2 processes were started"),
    ],
)
def test_a_config_for_another_number_of_processes_is_refused(config, words):
    with pytest.raises(UserError, match=words), joined(config, STARTED, cuda=False):
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
