"""Where a run computes, in what precision and memory format, with how many threads."""

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from dl_runner.errors import UserError
from dl_runner.runtime.cores import allowed_cores
from dl_runner.spec import DataSpec, Numbers, Tokens

Precision = Literal["fp32", "tf32", "bf16"]
MemoryFormat = Literal["contiguous", "channels_last"]
MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
WORTH_CASTING = 50_000  # parameters: softmax regression (7,850) is faster in fp32, LeNet (61,706) in bf16
CPUINFO = Path("/proc/cpuinfo")
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


def resolve_precision(
    asked: Literal["auto"] | Precision, device: torch.device, spec: DataSpec, parameters: int
) -> Precision:
    """What "auto" means here: bf16 where it is computed faster (CUDA 8.0 and up, processors with AMX or AVX512-BF16),
    but neither for numbers as targets, which need more digits than bf16 has, nor for tokens.

    Args:
        parameters: of the model; a small one spends more time on casts than it saves.

    Raises:
        UserError: TF32 without a GPU that has it.
    """
    fast = {"cuda": _cuda_has_tensor_cores, "cpu": _cpu_has_bf16}.get(device.type, lambda device: False)
    if asked == "tf32" and not (device.type == "cuda" and fast(device)):
        raise UserError(f"device.precision=tf32: {device} has none; use fp32, bf16 or auto")
    if asked != "auto":
        return asked
    if isinstance(spec.targets, Numbers | Tokens) or isinstance(spec.inputs, Tokens):
        return "fp32"
    return "bf16" if parameters >= WORTH_CASTING and fast(device) else "fp32"


def _cuda_has_tensor_cores(device: torch.device) -> bool:
    return torch.cuda.get_device_capability(device) >= (8, 0)


def _cpu_has_bf16(device: torch.device) -> bool:
    return CPUINFO.exists() and bool(re.search(rb"\b(amx|avx512)_bf16\b", CPUINFO.read_bytes()))


def resolve_memory_format(
    asked: Literal["auto"] | MemoryFormat, model: nn.Module, device: torch.device, precision: Precision
) -> MemoryFormat:
    """What "auto" means here: channels_last for a model with two-dimensional convolutions, unless a processor computes
    batch normalization in fp32, which is slower so."""
    if asked != "auto":
        return asked
    kinds = {type(module) for module in model.modules()}
    slower = nn.BatchNorm2d in kinds and device.type == "cpu" and precision == "fp32"
    return "channels_last" if nn.Conv2d in kinds and not slower else "contiguous"


def resolve_compile(asked: Literal["auto", "off", "on"], device: torch.device) -> bool:
    """Whether torch.compile translates the model; "auto" means no, as docs/speed.md shows that it seldom pays.

    Raises:
        UserError: it needs a C++ compiler, and there is none.
    """
    names = [os.environ.get("CXX"), "g++", "clang++"]
    if asked == "on" and device.type == "cpu" and not any(name and shutil.which(name) for name in names):
        raise UserError("device.compile=on: needs a C++ compiler for the processor's code; install g++, or use off")
    return asked == "on"


def check_cuda_graphs(asked: Literal["off", "on"], device: torch.device) -> None:
    """Check that a run on this device can replay CUDA graphs if it is to.

    Raises:
        UserError: it is no NVIDIA GPU.
    """
    if asked == "on" and device.type != "cuda":
        raise UserError(f"device.cuda_graphs=on: is for NVIDIA GPUs, not for {device}; use off")


def autocast(device: torch.device, precision: Precision) -> Autocast:
    """A factory of contexts for the forward pass: autocast for bf16, nothing else; TF32 is switched on or off."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    if precision != "bf16":
        return contextlib.nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16)


def set_threads(threads: int | None) -> int:
    """Use so many processor threads, or OMP_NUM_THREADS, or one for each core that this process may use; returns them.

    Their number moves the last digits of a result, so it never depends on how busy the machine is.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(threads or (int(asked) if asked.isdigit() and int(asked) else allowed_cores()))
    return torch.get_num_threads()


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
