"""Who a process is in the group that it was started in, as its environment says. Imports no torch.

torchrun, Slurm and a run's own launcher say it by environment variables; Slurm's are translated into torch's.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from dl_runner.errors import UserError
from dl_runner.runtime.interrupt import MESSAGES

TASKS = "SLURM_STEP_NUM_TASKS"
OFF = ", or set parallel.cluster=off where these are not this run's processes"
STEP_PORTS = range(20_000, 50_000)  # one per Slurm job step, the same on all of its nodes


@dataclass(frozen=True)
class Member:
    """A process of a group that somebody has started.

    Args:
        rank: 0 to size - 1, over all machines.
        local_rank: 0 to local_size - 1, on this machine; the number of its GPU.
        address, port: where the first process waits for the others.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    address: str
    port: int


def member(cluster: str = "auto", environment: Mapping[str, str] = os.environ) -> Member | None:
    """Who this process is in the group that it was started in, None if it was started alone.

    A shell that `srun --pty` has opened is nobody's member: what is typed there starts once.

    Args:
        cluster: "off" leaves the variables of torchrun and Slurm alone.

    Raises:
        UserError: the variables are there and make no sense.
    """
    if cluster == "off" and MESSAGES not in environment:
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    starter = "torchrun"
    if "RANK" in environment and "WORLD_SIZE" in environment:
        known = {"LOCAL_RANK": environment["RANK"], "LOCAL_WORLD_SIZE": environment["WORLD_SIZE"], **environment}
    elif environment.get(TASKS, "1") != "1" and "SLURM_PTY_PORT" not in environment:
        known, starter = _of_slurm(environment), "srun"
    else:
        return None
    if missing := [name for name in names if name not in known]:
        raise UserError(f"{missing[0]}: not set, though RANK and WORLD_SIZE are; start it with torchrun{OFF}")
    try:
        rank, size, local_rank, local_size, port = (int(known[name]) for name in names if name != "MASTER_ADDR")
    except ValueError:
        given = ", ".join(f"{name}={known[name]}" for name in names)
        raise UserError(f"{given}: expected whole numbers and an address; start it with {starter}{OFF}") from None
    if not 0 <= rank < size:
        raise UserError(f"RANK={rank}: expected 0 to WORLD_SIZE - 1 = {size - 1}; start it with {starter}{OFF}")
    return Member(rank, size, local_rank, local_size, known["MASTER_ADDR"], port)


def check_alone(cluster: str = "auto") -> None:
    """Check that a sweep is not started several times over.

    Raises:
        UserError: this process is one of several.
    """
    who = member(cluster)
    if who is not None and who.size > 1:
        raise UserError(
            f"a sweep: its jobs start processes of their own; start it once, without torchrun or srun -n{OFF}"
        )


def _of_slurm(environment: Mapping[str, str]) -> dict[str, str]:
    """Slurm's variables of a job step as torch's.

    Raises:
        UserError: some are not there or no numbers: they are left over from something else.
    """
    needed = ("SLURM_JOB_ID", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NODELIST")
    if missing := [name for name in needed if not environment.get(name)]:
        raise UserError(f"{TASKS}={environment[TASKS]}: set, though {missing[0]} is not; start it with srun{OFF}")
    try:
        step = int(environment["SLURM_JOB_ID"]) * 7 + int(environment.get("SLURM_STEP_ID", "0"))
    except ValueError:
        given = f"SLURM_JOB_ID={environment['SLURM_JOB_ID']}, SLURM_STEP_ID={environment.get('SLURM_STEP_ID', '0')}"
        raise UserError(f"{given}: expected whole numbers; start it with srun{OFF}") from None
    tasks = environment.get("SLURM_STEP_TASKS_PER_NODE") or environment[TASKS]
    return {
        "RANK": environment["SLURM_PROCID"],
        "WORLD_SIZE": environment[TASKS],
        "LOCAL_RANK": environment["SLURM_LOCALID"],
        "LOCAL_WORLD_SIZE": tasks.partition("(")[0].partition(",")[0],
        "MASTER_ADDR": environment.get("MASTER_ADDR") or first_host(environment["SLURM_STEP_NODELIST"]),
        "MASTER_PORT": environment.get("MASTER_PORT") or str(STEP_PORTS[step % len(STEP_PORTS)]),
    }


def first_host(nodes: str) -> str:
    """The first machine of a list as Slurm writes it: "a[03-07,9],b" begins with "a03"."""
    name, _, rest = nodes.partition("[")
    return name.partition(",")[0] if "," in name or not rest else name + re.split(r"[-,\]]", rest)[0]
