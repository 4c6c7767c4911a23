"""Where a run computes, in what precision, with how many threads."""

import contextlib
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import torch

from dl_runner.errors import UserError
from dl_runner.spec import TaskName

Precision = Literal["fp32", "bf16"]
Autocast = Callable[[], AbstractContextManager]


def resolve_device(name: str) -> torch.device:
    """The device of a name: "auto" (the best there is), "cpu", "cuda", "cuda:1", "mps".

    Raises:
        UserError: no such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,2})?", name):  # torch takes larger indices modulo 256
        raise UserError(f"device.name={name}: no such device; choose auto, cpu, cuda, cuda:N or mps")
    device = torch.device(name)
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }.get(device.type, 0)
    if (device.index or 0) >= count:
        here = f"this machine has {count} {device.type} device{'' if count == 1 else 's'}"
        raise UserError(f"device.name={name}: {here}; use device=cpu or device=auto")
    return device


def resolve_precision(precision: Literal["auto", "fp32", "bf16"], device: torch.device, task: TaskName) -> Precision:
    """What "auto" means here: bf16 where matrix units compute it (CUDA 8.0 and up, processors with AMX), but never
    for regression, whose targets need more digits than bf16 has."""
    if precision != "auto":
        return precision
    units = {"cuda": _cuda_has_bf16_units, "cpu": _cpu_has_amx}.get(device.type, lambda device: False)
    return "bf16" if task != "regression" and units(device) else "fp32"


def _cuda_has_bf16_units(device: torch.device) -> bool:
    return torch.cuda.get_device_capability(device) >= (8, 0)


def _cpu_has_amx(device: torch.device) -> bool:
    information = Path("/proc/cpuinfo")
    return information.exists() and "amx_bf16" in information.read_text()


def autocast(device: torch.device, precision: Precision) -> Autocast:
    """A factory of contexts for the forward pass: autocast for bf16, nothing for fp32."""
    if precision == "fp32":
        return contextlib.nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16)


def set_threads(threads: int | None) -> int:
    """Use so many processor threads, or OMP_NUM_THREADS, or one per core that this process may run on; returns them."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(threads or (int(asked) if asked.isdigit() and int(asked) else cores()))
    return torch.get_num_threads()


def cores() -> int:
    """The processor cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given, so that a clock read next is true."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak_memory_gib(device: torch.device) -> float:
    """The most memory used so far, in GiB: the device's for CUDA, else this process's resident memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
