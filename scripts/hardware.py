"""The machine that a figure was measured on, in words. Imports torch only to name a GPU."""

import platform
from pathlib import Path


def hardware(device: str, cores: int, torch_version: str) -> str:
    """The GPU of a device name such as "cuda:0", or processor and number of cores; and torch's version."""
    if device.startswith("cuda"):
        import torch

        where = torch.cuda.get_device_name(device)
    else:
        where = f"{cores} cores of {processor()}"
    return f"{where}, torch {torch_version}"


def processor() -> str:
    """The processor's name as the system knows it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor() or platform.machine()
