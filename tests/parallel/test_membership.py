"""Who a process is in the group that it was started in."""

import re

import pytest

from dl_runner.errors import UserError
from dl_runner.parallel.membership import MESSAGES, Member, check_alone, first_host, member

TORCHRUN = {
    **{"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"},
    **{"MASTER_ADDR": "node-7", "MASTER_PORT": "29500"},
}
SLURM = {
    **{"SLURM_JOB_ID": "1234", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "6", "SLURM_PROCID": "4"},
    **{"SLURM_LOCALID": "1", "SLURM_STEP_TASKS_PER_NODE": "3(x2)", "SLURM_STEP_NODELIST": "gpu[07-08]"},
}


def test_alone():
    assert member(environment={}) is None
    assert member(environment={**SLURM, "SLURM_STEP_NUM_TASKS": "1"}) is None
    batch_script = {name: SLURM[name] for name in ("SLURM_JOB_ID", "SLURM_PROCID")} | {"SLURM_NTASKS": "4"}
    assert member(environment=batch_script) is None


def test_a_shell_that_srun_has_opened_is_no_member():
    assert member(environment={**SLURM, "SLURM_PTY_PORT": "40123"}) is None


@pytest.mark.parametrize("environment", [TORCHRUN, SLURM, {**SLURM, "SLURM_PROCID": "x"}, {"SLURM_STEP_NUM_TASKS": ""}])
def test_variables_that_do_not_belong_to_the_run_can_be_left_alone(environment):
    assert member("off", environment) is None
    ours = {**TORCHRUN, MESSAGES: "/somewhere"}  # the processes that a run has started itself
    assert member("off", ours) == member("auto", ours)


def test_started_by_torchrun():
    assert member(environment=TORCHRUN) == Member(3, 4, 1, 2, "node-7", 29500)


def test_started_by_slurm():
    found = member(environment=SLURM)
    assert (found.rank, found.size, found.local_rank, found.local_size, found.address) == (4, 6, 1, 3, "gpu07")
    assert 20_000 <= found.port < 50_000
    assert member(environment={**SLURM, "SLURM_PROCID": "0"}).port == found.port
    assert member(environment={**SLURM, "SLURM_STEP_ID": "1"}).port != found.port
    assert member(environment={**SLURM, "MASTER_ADDR": "here", "MASTER_PORT": "1"}).address == "here"


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
        member(environment=environment)


@pytest.mark.parametrize("name", ["SLURM_JOB_ID", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NODELIST"])
@pytest.mark.parametrize("value", [None, "", "x,y"])
def test_a_part_of_slurms_variables_is_refused(name, value):
    environment = {**SLURM, name: value} if value is not None else {**SLURM}
    if value is None:
        del environment[name]
    if (name, value) == ("SLURM_STEP_NODELIST", "x,y"):
        return
    with pytest.raises(UserError, match=r"parallel\.cluster=off") as refused:
        member(environment=environment)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", ["x", "", "-3", "0"])
def test_a_number_of_tasks_that_is_none_is_refused(value):
    with pytest.raises(UserError, match=r"parallel\.cluster=off"):
        member(environment={**SLURM, "SLURM_STEP_NUM_TASKS": value})


def test_a_sweep_is_started_once(monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="start it once"):
        check_alone()
    check_alone("off")
