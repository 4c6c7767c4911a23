"""Where and how a run computes, as one thing."""

from dataclasses import dataclass

import torch
from torch import nn

from dl_runner.runtime.device import MEMORY_FORMATS, Autocast, MemoryFormat, Precision


@dataclass(frozen=True)
class DeviceSettings:
    """Where and how a run computes."""

    device: torch.device
    precision: Precision
    memory_format: MemoryFormat
    compiled: bool
    cuda_graphs: bool
    threads: int
    autocast: Autocast

    def put(self, model: nn.Module) -> nn.Module:
        """Move the model there, in this memory format; returns it."""
        return model.to(self.device, memory_format=MEMORY_FORMATS[self.memory_format])

    def describe(self) -> dict[str, str | int | bool]:
        """What run.json says of it."""
        return {
            "device": str(self.device),
            "precision": self.precision,
            "memory_format": self.memory_format,
            "compile": "on" if self.compiled else "off",
            "cuda_graphs": "on" if self.cuda_graphs else "off",
            "threads": self.threads,
        }
