"""How many jobs run side by side, and which GPUs and how many threads each of them gets. Imports no torch.

All of it follows from the machine and the request, never from how many jobs there are or how busy the machine is: the
number of threads changes the order in which a processor adds numbers up, and so the last digits of a result.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dl_runner.errors import UserError

Slot = dict[str, str]  # the environment variables of one of the places for jobs


@dataclass(frozen=True)
class Machine:
    """What there is to share.

    Args:
        cores: processor cores, >= 1.
        gpus: as CUDA_VISIBLE_DEVICES names them; () where the jobs want none.
    """

    cores: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What the jobs ask for.

    Args:
        jobs: side by side, None for as many as the machine has room for.
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


def requested(
    jobs: int | None,
    device: str,
    threads: int | None,
    devices: Any,
    recorded: int | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Request:
    """What a config asks for.

    Args:
        jobs: side by side, None for as many as the machine has room for.
        device: `device.name`.
        threads: `device.threads`; without it comes `recorded`, and then OMP_NUM_THREADS.
        devices: `parallel.devices`.
        recorded: the threads that the sweep has fixed for each of its jobs.
    """
    processes = devices if isinstance(devices, int) else 1
    variable = environment.get("OMP_NUM_THREADS", "")
    threads = (
        threads
        or (max(1, recorded // processes) if recorded else None)
        or (int(variable) if variable.isdigit() else None)
        or None
    )
    return Request(jobs, threads, processes, gpu=device in ("auto", "cuda"))  # a job that names its GPU gets that one


def visible_gpus(count: int, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The names of the `count` GPUs that this process may use, for the CUDA_VISIBLE_DEVICES of another."""
    named = [name.strip() for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return tuple((named or [str(index) for index in range(count)])[:count])


def places(machine: Machine, request: Request) -> int:
    """How many jobs run side by side: one per GPU, or else one per core and thread that a job wants; >= 1."""
    if request.jobs is not None:
        return request.jobs
    if machine.gpus:
        return max(1, len(machine.gpus) // request.processes)
    return max(1, machine.cores // (request.processes * (request.threads or 1)))


def threads_of_a_job(machine: Machine, request: Request) -> int:
    """The threads of all processes of a job together: what it asks for, or an equal share of the cores; >= 1."""
    if request.threads:
        return request.threads * request.processes
    return max(1, machine.cores // places(machine, request))


def allocate(machine: Machine, request: Request) -> list[Slot]:
    """What each of the jobs side by side gets: threads, and GPUs of its own while there are enough, shared ones in turn
    beyond that.
    """
    threads = max(1, threads_of_a_job(machine, request) // request.processes)
    slots = [{"OMP_NUM_THREADS": str(threads)} for _ in range(places(machine, request))]
    if machine.gpus:
        for number, slot in enumerate(slots):
            taken = range(number * request.processes, (number + 1) * request.processes)
            own = dict.fromkeys(machine.gpus[index % len(machine.gpus)] for index in taken)
            slot["CUDA_VISIBLE_DEVICES"] = ",".join(own)
    return slots
