"""How many jobs run side by side, and which GPUs and how many threads each of them gets. Imports no torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dl_runner.errors import UserError

Lease = dict[str, str]  # environment variables


@dataclass(frozen=True)
class Machine:
    """What there is to share.

    Args:
        cores: processor cores that are free, >= 1.
        gpus: as CUDA_VISIBLE_DEVICES names them; [] where the jobs want none.
    """

    cores: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wishes:
    """What the jobs ask for.

    Args:
        jobs: side by side; None for as many as there is room for.
        threads: of each process, None for its share of the cores.
        processes: of each job that computes on several devices, >= 1.
        gpu: whether a job takes a GPU that it is given.
    """

    jobs: int | None = None
    threads: int | None = None
    processes: int = 1
    gpu: bool = True


def parse_jobs(value: Any) -> int | None:
    """`hydra.launcher.jobs`: a number, or None for "auto".

    Raises:
        UserError: neither of them.
    """
    if value == "auto":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise UserError(f"hydra.launcher.jobs={value}: expected auto, or a whole number, at least 1")


def visible_gpus(count: int, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The names of the `count` GPUs that this process may use, for the CUDA_VISIBLE_DEVICES of another."""
    named = [name.strip() for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return tuple((named or [str(index) for index in range(count)])[:count])


def room(machine: Machine, wishes: Wishes) -> int:
    """How many jobs run side by side: one per GPU, or else one per free core and thread that a job wants; >= 1."""
    if wishes.jobs is not None:
        return wishes.jobs
    if machine.gpus:
        return max(1, len(machine.gpus) // wishes.processes)
    return max(1, machine.cores // (wishes.processes * (wishes.threads or 1)))


def leases(machine: Machine, wishes: Wishes, jobs: int) -> list[Lease]:
    """What each of `jobs` jobs side by side gets: GPUs of its own while there are enough, shared ones in turn beyond
    that, and an equal share of the cores.
    """
    threads = wishes.threads or max(1, machine.cores // (jobs * wishes.processes))
    shares = [{"OMP_NUM_THREADS": str(threads)} for _ in range(jobs)]
    if machine.gpus:
        for number, share in enumerate(shares):
            taken = range(number * wishes.processes, (number + 1) * wishes.processes)
            mine = dict.fromkeys(machine.gpus[index % len(machine.gpus)] for index in taken)
            share["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
    return shares
