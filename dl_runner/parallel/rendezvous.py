"""Joining the process group of a run: the one that torchrun, Slurm or a run's own launcher has prepared.

All three say by environment variables who a process is; Slurm's are translated into torch's.
"""

import contextlib
import os
import re
import socket
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import torch

from dl_runner.config.schema import ParallelConfig
from dl_runner.errors import UserError
from dl_runner.parallel.process_group import COLLECTIVE, DistributedGroup, ProcessGroup

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


def member(environment: Mapping[str, str] = os.environ) -> Member | None:
    """Who this process is in the group that it was started in, None if it was started alone.

    Raises:
        UserError: the variables are there and make no sense.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    if "RANK" in environment and "WORLD_SIZE" in environment:
        known = {"LOCAL_RANK": environment["RANK"], "LOCAL_WORLD_SIZE": environment["WORLD_SIZE"], **environment}
    elif int(environment.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        known = _of_slurm(environment)
    else:
        return None
    try:
        rank, size, local_rank, local_size, address, port = (known[name] for name in names)
        found = Member(int(rank), int(size), int(local_rank), int(local_size), address, int(port))
    except KeyError as missing:
        raise UserError(f"{missing.args[0]}: not set, though RANK and WORLD_SIZE are; start it with torchrun") from None
    except ValueError:
        given = ", ".join(f"{name}={known[name]}" for name in names)
        raise UserError(f"{given}: expected whole numbers and an address; start it with torchrun") from None
    if not 0 <= found.rank < found.size:
        raise UserError(f"RANK={found.rank}: expected 0 to WORLD_SIZE - 1 = {found.size - 1}")
    return found


def _of_slurm(environment: Mapping[str, str]) -> dict[str, str]:
    step = int(environment["SLURM_JOB_ID"]) * 7 + int(environment.get("SLURM_STEP_ID", "0"))
    tasks = environment.get("SLURM_STEP_TASKS_PER_NODE") or environment["SLURM_STEP_NUM_TASKS"]
    return {
        "RANK": environment["SLURM_PROCID"],
        "WORLD_SIZE": environment["SLURM_STEP_NUM_TASKS"],
        "LOCAL_RANK": environment["SLURM_LOCALID"],
        "LOCAL_WORLD_SIZE": tasks.partition("(")[0].partition(",")[0],
        "MASTER_ADDR": environment.get("MASTER_ADDR") or first_host(environment["SLURM_STEP_NODELIST"]),
        "MASTER_PORT": environment.get("MASTER_PORT") or str(STEP_PORTS[step % len(STEP_PORTS)]),
    }


def first_host(nodes: str) -> str:
    """The first machine of a list as Slurm writes it: "a[03-07,9],b" begins with "a03"."""
    name, _, rest = nodes.partition("[")
    return name.partition(",")[0] if "," in name or not rest else name + re.split(r"[-,\]]", rest)[0]


@contextlib.contextmanager
def joined(config: ParallelConfig, who: Member | None, cuda: bool) -> Iterator[ProcessGroup]:
    """Within the context, the process_group of this process.

    Args:
        config: of the run.
        who: this process; None for a run in one process.
        cuda: whether the group computes on GPUs.

    Raises:
        UserError: several processes for a run in one, or the others do not come.
    """
    if who is None or (who.size == 1 and not config.grouped):
        yield ProcessGroup()
        return
    if not config.grouped:
        raise UserError(
            f"parallel={config.name}: is for one process, and {who.size} were started; use parallel=ddp, or start one"
        )
    if config.devices and config.devices != who.local_size:
        raise UserError(
            f"parallel.devices={config.devices}: {who.local_size} processes were started on this machine; leave it out"
        )
    from torch import distributed as dist

    if cuda:
        torch.cuda.set_device(who.local_rank)
    if who.rank:
        warnings.simplefilter("ignore")  # the first process says it
    _meet(config, who, "nccl" if cuda else "gloo")
    try:
        yield DistributedGroup(who.rank, who.size, who.local_rank, dist.new_group(backend="gloo", timeout=COLLECTIVE))
    finally:
        dist.destroy_process_group()


def _await_port(address: str, port: int, seconds: float) -> None:
    """Wait until somebody listens there: torch would do so too, with pages of its own messages.

    Raises:
        OSError: nobody does.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((address, port), timeout=seconds).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _meet(config: ParallelConfig, who: Member, backend: str) -> None:
    """Wait for the others, and make the process group.

    Raises:
        UserError: not all have come in time.
    """
    from torch import distributed as dist

    patience = timedelta(seconds=config.timeout)
    place = f"{who.address}:{who.port}"
    advice = "see whether it can be reached and all processes were started; parallel.timeout=SECONDS waits longer"
    try:
        if who.rank:
            _await_port(who.address, who.port, config.timeout)
        store, rank, size = next(dist.rendezvous("env://", who.rank, who.size, timeout=patience))
        store.set(f"here/{rank}", "yes")
        everybody = [f"here/{number}" for number in range(size)]
        store.wait(everybody, patience)
    except (dist.DistError, RuntimeError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"parallel: process {who.rank} of {who.size} did not meet the others at {place} within "
            f"{config.timeout:g} s ({reason}); {advice}"
        ) from None
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=COLLECTIVE)
