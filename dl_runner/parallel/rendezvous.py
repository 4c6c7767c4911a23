"""Joining the process group of a run: the one that torchrun, Slurm or a run's own launcher has prepared."""

import contextlib
import socket
import time
import warnings
from collections.abc import Iterator
from datetime import timedelta

import torch

from dl_runner.config.schema import ParallelConfig
from dl_runner.errors import UserError
from dl_runner.parallel.membership import OFF, Member
from dl_runner.parallel.process_group import COLLECTIVE, DistributedGroup, ProcessGroup


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
            f"parallel={config.name}: is for one process, and {who.size} were started; use parallel=ddp, start one{OFF}"
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
